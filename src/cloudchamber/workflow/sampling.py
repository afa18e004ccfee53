"""Sample a trained model into a file, and export it for other programs."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from cloudchamber.formats.tables import find_format, presence, read_table, write_table
from cloudchamber.hub import find_run, load, trained_simulator
from cloudchamber.rng import rng
from cloudchamber.run.provenance import sample_identity
from cloudchamber.schema import Table, check_table, concatenate, digest, events_in, take
from cloudchamber.store.dataset import Order
from cloudchamber.store.write import StoreWriter
from cloudchamber.study import Study
from cloudchamber.workflow.simulation import Progress

if TYPE_CHECKING:
    from cloudchamber.run.trained import TrainedModel

BLOCK_EVENTS = 10_000


@dataclass(frozen=True)
class Sampled:
    """What ``sample`` wrote, and its speed without the writing."""

    path: Path
    events: int
    seconds: float

    @property
    def rate(self) -> float:
        """Events per second."""
        return self.events / self.seconds if self.seconds > 0 else 0.0


def sample(
    subject: Path | str,
    out: Path | str,
    n: int | None = None,
    given: Table | Path | str | None = None,
    format: str | None = None,
    seed: int = 1,
    outside: Literal["refuse", "flag"] = "refuse",
    options: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
    partial: bool = False,
) -> Sampled:
    """Draw from ``subject`` (a study, ``"study/recipe"`` or a run folder) at ``given``, a table or file, or at ``n`` draws of the study's prior.

    ``out`` is a file of one of the study's formats, or without a suffix a folder: an event store, written block by block.
    ``outside="flag"`` answers beyond the trained domain too and adds the column ``in_domain``; files only. ``options`` go to the model, such as ``steps``.
    """
    folder, study = find_run(subject)
    model, out = load(subject), Path(out)
    to_store = not out.suffix and format is None
    if to_store and outside == "flag":
        raise ValueError(f"a store has no column 'in_domain': give '{out}' a suffix such as .h5")
    if not to_store:
        find_format(out, study, format, "write")
    table = _given(folder, study, model, n, given, seed, partial)
    events, seconds, parts = events_in(table), 0.0, list[Table]()
    blocks = range(-(-events // BLOCK_EVENTS))
    with contextlib.ExitStack() as stack:
        writer = stack.enter_context(_writer(out, study, model, table, options or {}, seed, "random" if given is None else "given")) if to_store else None
        for block in writer.missing(len(blocks)) if writer else blocks:
            part = take(table, slice(block * BLOCK_EVENTS, (block + 1) * BLOCK_EVENTS))
            start = time.perf_counter()
            drawn = model.sample({name: part[name] for name in model.given}, block_seed(seed, block), outside=outside, **(options or {}))
            seconds += time.perf_counter() - start
            if writer:
                writer.write_block(block, {**part, **drawn})
            else:
                parts.append({**part, **drawn})
            if progress is not None:
                progress(min((block + 1) * BLOCK_EVENTS, events), events, "")
    if parts:
        write_table(out, concatenate(parts), study, format)
    return Sampled(out, events, seconds)


def block_seed(seed: int, block: int) -> int:
    """A seed for each block; the first block keeps ``seed``, so that a short file holds what ``model.sample(given, seed)`` gives."""
    return seed if block == 0 else int(rng(seed, "sample", block).integers(2**62))


def export(subject: Path | str, out: Path | str, kind: Literal["onnx", "torchscript"] = "onnx", options: Mapping[str, Any] | None = None) -> Path:
    """Write ``subject`` as an ONNX or TorchScript file that takes noise and physical columns and gives physical columns; ``options`` are frozen in."""
    from cloudchamber.run.export import export_onnx, export_torchscript

    out = Path(out)
    model = load(subject)
    out.parent.mkdir(parents=True, exist_ok=True)
    return (export_onnx if kind == "onnx" else export_torchscript)(model, out, **(options or {}))


def _given(folder: Path, study: Study, model: TrainedModel, n: int | None, given: Table | Path | str | None, seed: int, partial: bool) -> Table:
    """The columns to sample at, checked: the user's own, or theta of the prior that the run learned from."""
    names, schema = model.given, model.schema
    if (n is None) == (given is None):
        raise ValueError("give either n, a number of events from the prior, or given, a file or table of the given columns")
    if given is not None:
        table = read_table(Path(given), study, own_first=False, partial=partial) if isinstance(given, (str, Path)) else given
        return check_table(table, schema.select(names), extra=True)
    if n is None or n < 1:
        raise ValueError(f"n must be at least 1, got {n}")
    if not set(names) <= set(schema.theta):
        raise ValueError(f"'{study.name}/{model.name}' infers from {', '.join(names)}, which has no prior: give a file of them")
    return check_table(trained_simulator(folder, study).prior(n, rng(seed, "prior")), schema.theta, extra=True)


def _writer(out: Path, study: Study, model: TrainedModel, table: Table, options: Mapping[str, Any], seed: int, order: Order) -> StoreWriter:
    kept = presence({**table, **dict.fromkeys(model.target)}, model.schema)
    settings = {**sample_identity(model, digest(table), options), "block_events": BLOCK_EVENTS}
    events = events_in(table)
    blocks = -(-events // BLOCK_EVENTS)
    return StoreWriter(out, kept, f"{study.name}/{model.name}", settings, seed, events=events, blocks=blocks, order=order)
