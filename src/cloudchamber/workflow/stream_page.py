"""The page about a stream's file: what it holds, and the study's own figures of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cloudchamber.formats.recording import Recording
from cloudchamber.report.page import write_rows
from cloudchamber.stream import PicturedStream, Stream
from cloudchamber.study import Study

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN_CHANNELS = 20


def write_stream_page(folder: Path, study: Study, stream: Stream, recorded: Recording, remarks: tuple[str, ...]) -> Path:
    """Write ``index.html`` into ``folder``: the file is read in pieces, whatever its length."""
    contents = recorded.contents
    told: dict[str, str | int | float] = {}
    figures: dict[str, Figure] = {}
    if isinstance(stream, PicturedStream):
        told, figures = stream.figures(recorded, contents.identity["seed"])
    days = contents.samples / contents.rate_hz / 86_400
    length = f"{days:.4g} days" if days >= 2 else f"{24 * days:.4g} hours" if days >= 0.1 else f"{86_400 * days:.4g} s"
    facts = {
        "file": recorded.path.name,
        "start (MJD, UTC)": contents.start_mjd.rstrip("0").rstrip("."),
        "length": length,
        "samples": contents.samples,
        "sampling rate": f"{contents.rate_hz:g} Hz",
        "unit": contents.unit,
        "seed": int(contents.identity["seed"]),
        "drawn by": contents.identity["run"] or "the simulator",
        "version": contents.package_version,
    }
    names = contents.names
    shown = [[str(row), name] for row, name in zip(contents.rows, names, strict=True)][:SHOWN_CHANNELS]
    lead = f"the first {SHOWN_CHANNELS} of {len(names)}" if len(names) > SHOWN_CHANNELS else ""
    verdict = "; ".join((f"{length} of {contents.doc} in {len(names)} channels", *remarks)) + "."
    return write_rows(folder / "index.html", f"{study.title}: a stream", verdict, {**facts, **told}, figures, "Channels", ("place", "name"), shown, lead)
