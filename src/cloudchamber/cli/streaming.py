"""The command that writes a stream."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from cloudchamber import screen
from cloudchamber.cli.arguments import MaybeFloat, MaybeInt, MaybePath, MaybeText, Out, StudyName

INJECTION = ("field", "add_to", "channels", "efficiency", "band_ghz")


@dataclass(frozen=True)
class Stream:
    """Write a stream: data of any length at given conditions, into one file; after an interruption the same command goes on, to the same bits.

    Files of the same seed and settings join, and agree where they overlap: a stream is a function of time.

    For example:
    $ cloudchamber stream bolometer tod.h5 --duration 30d --start 2032-07-01
    $ cloudchamber stream bolometer tod.fits --duration 2h --start 2012-03-05T06:30 --detectors 0-3,7 --report page
    $ cloudchamber stream bolometer tod.h5 --report page   # what the file was begun as: the rest of it, and a page
    $ cloudchamber stream bolometer with_cr.h5 --inject litebird_tod0000.h5 --add-to tod --efficiency 0.4   # into a copy of an observation
    """

    study: StudyName
    """A study that offers a stream, see `cloudchamber list`."""
    out: Out
    """File: HDF5 (.h5) or a FITS binary table (.fits)."""
    duration: MaybeText = None
    """Length with its unit: s, min, h, d or yr, such as 30d."""
    start: MaybeText = None
    """Time of the first sample, UTC, such as 2032-07-01 or 2032-07-01T12:30."""
    learned: Annotated[str | None, tyro.conf.arg(name="run", metavar="RUN", help_behavior_hint="")] = None
    """A run folder or study/recipe that draws in place of the simulator."""
    stream: MaybeText = None
    """Name of the stream; the study's first one by default."""
    detectors: MaybeText = None
    """Places or names of the channels to write, such as 0-3,7; all by default."""
    seed: MaybeInt = None
    """Same seed, same bits, whatever the number of workers; 1 by default."""
    workers: int = 1
    """Processes."""
    executor: str = "processes"
    """Where: processes, dask (a local cluster), dask://HOST:PORT, or a YAML file for dask-jobqueue (see docs/scale.md)."""
    truth: MaybePath = None
    """Folder of an event store for what made the data, such as hits."""
    report: MaybePath = None
    """Folder of a page about the file."""
    inject: MaybePath = None
    """Observation that litebird_sim wrote: out becomes a copy of it with the stream at its times, in its unit, in a data set of its own."""
    field: MaybeText = None
    """With --inject: name of that data set; cr by default."""
    add_to: MaybeText = None
    """With --inject: data set that the stream is added to as well, such as tod."""
    channels: MaybePath = None
    """With --inject: CSV with the columns detector and channel; by default equal names, or places in the simulation."""
    efficiency: MaybeFloat = None
    """With --inject: share of the power at the telescope that a detector sees; 1 by default."""
    band_ghz: Annotated[tuple[float, float] | None, tyro.conf.arg(metavar="CENTRE WIDTH", help_behavior_hint="")] = None
    """With --inject: band of all detectors, in place of the file's."""
    again: bool = False
    """With --inject: add to a data set that a background was added to before."""
    json: bool = False
    """Print one JSON object in place of the facts."""

    def run(self) -> None:
        if self.inject is not None:
            self._inject(self.inject)
            return
        if given := [name for name in INJECTION if getattr(self, name)]:
            raise ValueError(f"--{given[0].replace('_', '-')} goes with --inject, an observation to add the stream to")
        with screen.progress("streaming", "samples") as told:
            from cloudchamber.workflow import stream

            done = stream(
                self.study,
                self.out,
                duration=self.duration,
                start=self.start,
                run=self.learned,
                stream=self.stream,
                settings=self._settings,
                detectors=self.detectors,
                seed=self.seed,
                workers=self.workers,
                executor=self.executor,
                truth=self.truth,
                report=self.report,
                progress=told,
            )
        if self.json:
            screen.tell_json(done.to_json())
            return
        screen.show_streamed(done)

    def _inject(self, observation: Path) -> None:
        if given := [name for name in ("duration", "detectors", "truth", "report") if getattr(self, name) is not None]:
            raise ValueError(f"--{given[0]} does not go with --inject: the observation says what is made")
        with screen.progress("streaming", "samples") as told:
            from cloudchamber.workflow import inject

            done = inject(
                self.study,
                observation,
                self.out,
                start=self.start,
                run=self.learned,
                stream=self.stream,
                settings=self._settings,
                channels=self.channels,
                field="cr" if self.field is None else self.field,
                add_to=self.add_to,
                efficiency=1.0 if self.efficiency is None else self.efficiency,
                band_ghz=self.band_ghz,
                again=self.again,
                seed=self.seed,
                workers=self.workers,
                executor=self.executor,
                progress=told,
            )
        if self.json:
            screen.tell_json(done.to_json())
            return
        screen.show_injected(done)

    @property
    def _settings(self) -> dict[str, Any] | None:
        """Those that the words of the command change; None where they change none."""
        if not hasattr(self, "settings"):
            return None
        usual = [f.default_factory() for f in dataclasses.fields(self) if f.name == "settings" and f.default_factory is not dataclasses.MISSING]
        return None if [self.settings] == usual else dataclasses.asdict(self.settings)
