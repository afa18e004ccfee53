"""Sample a trained model into a file, and export it for other programs."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from cloudchamber.atomic import refuse_place
from cloudchamber.formats.digest import TableDigest
from cloudchamber.formats.options import need_file
from cloudchamber.formats.tables import find_format, presence, read_chunks, write_table
from cloudchamber.hub import find_run, load, trained_simulator
from cloudchamber.memory import trimmed
from cloudchamber.parallel.executors import Where, run
from cloudchamber.progress import Progress, quiet
from cloudchamber.rng import rng
from cloudchamber.run.files import RunFiles, read_file
from cloudchamber.run.provenance import sample_identity, simulated
from cloudchamber.schema import Table, check_table, events_in, rechunked, recoded
from cloudchamber.store.dataset import Order
from cloudchamber.store.write import StoreWriter
from cloudchamber.study import Study
from cloudchamber.workflow.tasks import Asked, SampleJob, at_least, not_negative

if TYPE_CHECKING:
    from cloudchamber.run.trained import TrainedModel

BLOCK_EVENTS = 10_000


@dataclass(frozen=True)
class Sampled:
    """What one call of ``sample`` drew, out of all events that are there, and its time, the writing included."""

    path: Path
    events: int
    new_events: int
    seconds: float

    @property
    def rate(self) -> float:
        """New events per second."""
        return self.new_events / self.seconds if self.seconds > 0 else 0.0


def sample(
    subject: Path | str,
    out: Path | str,
    n: int | None = None,
    *,
    given: Table | Path | str | None = None,
    out_format: str | None = None,
    seed: int = 1,
    outside: Literal["refuse", "flag"] = "refuse",
    options: Mapping[str, Any] | None = None,
    progress: Progress = quiet,
    partial: bool = False,
    workers: int = 1,
    executor: Where = None,
    read: Mapping[str, Any] | None = None,
) -> Sampled:
    """Draw from ``subject`` (a study, ``"study/recipe"`` or a run folder) at ``given``, a table or file, or at ``n`` draws of the study's prior.

    ``out`` is a file of one of the study's formats, or without a suffix a folder: an event store, written block by block.
    ``outside="flag"`` answers beyond the trained domain too and adds the column ``in_domain``; files only. ``options`` go to the model, such as ``steps``.
    ``workers`` processes, or an ``executor`` whose workers see the run folder, draw the blocks. A file is read by the run's own columns, with the options
    ``read`` of its format.
    """
    not_negative(seed)
    at_least(1, workers=workers)
    need_file(read, given)
    progress(0, 0, "loading the model")
    (folder, study), out = find_run(subject), Path(out)
    to_store = not out.suffix and out_format is None
    refuse_place(out, file=not to_store)
    model = load(subject)
    if to_store and outside == "flag":
        raise ValueError(f"a store has no column 'in_domain': give '{out}' a suffix such as .h5")
    if not to_store:
        find_format(out, study, out_format, "write", schema=model.schema)
    source, known = _given(folder, study, model, n, given, seed, partial, read), dict(options or {})
    asked, done = Asked.of(subject, model), 0
    model.options(known)

    def drawn(wanted: Container[int]) -> Iterator[tuple[int, Table]]:
        nonlocal done
        blocks = ((block, part) for block, part in enumerate(trimmed(source.blocks())) if block in wanted)
        jobs = (SampleJob(asked, block, part, block_seed(seed, block), outside, known) for block, part in blocks)
        for job, table in run(SampleJob.done, jobs, executor, workers, most=2 * workers, ordered=True):
            yield job.block, table
            done += events_in(job.given)
            progress(done, total, "")

    every = range(-(-source.events // BLOCK_EVENTS))
    start, total = time.perf_counter(), source.events
    if not to_store:
        progress(0, total, "")
        write_table(out, (table for _, table in drawn(every)), study, out_format, model.schema)
        return Sampled(out, total, total, time.perf_counter() - start)
    with _writer(out, study, model, source, known, seed) as writer:
        missing = writer.missing(len(every))
        total = sum(min(BLOCK_EVENTS, source.events - block * BLOCK_EVENTS) for block in missing)
        progress(0, total, "")
        for block, table in drawn(set(missing)):
            writer.write_block(block, table)
    return Sampled(out, source.events, total, time.perf_counter() - start)


@dataclass(frozen=True)
class _Given:
    """The given columns in blocks of ``BLOCK_EVENTS``, their number, what they are, and whether their order means something."""

    blocks: Callable[[], Iterator[Table]]
    events: int
    mark: str
    order: Order


def block_seed(seed: int, block: int) -> int:
    """A seed for each block; the first block keeps ``seed``, so that a short file holds what ``model.sample(given, seed)`` gives."""
    return seed if block == 0 else int(rng(seed, "sample", block).integers(2**62))


def export(subject: Path | str, out: Path | str, out_format: Literal["onnx", "torchscript"] = "onnx", *, options: Mapping[str, Any] | None = None) -> Path:
    """Write ``subject`` as an ONNX or TorchScript file that takes noise and physical columns and gives physical columns; ``options`` are frozen in.

    The file tells its columns, trained domain and origin (``run.metadata.read_metadata``), and marks each event ``in_domain`` or not.
    """
    from cloudchamber.run.export import export_onnx, export_torchscript

    (folder, _), out = find_run(subject), Path(out)
    refuse_place(out, file=True)
    model = load(subject)
    run = {"name": folder.name, "run_json_sha256": hashlib.sha256(read_file(RunFiles(folder).manifest)).hexdigest()}
    out.parent.mkdir(parents=True, exist_ok=True)
    return (export_onnx if out_format == "onnx" else export_torchscript)(model, out, run, **(options or {}))


def _given(
    folder: Path,
    study: Study,
    model: TrainedModel,
    n: int | None,
    given: Table | Path | str | None,
    seed: int,
    partial: bool,
    read: Mapping[str, Any] | None,
) -> _Given:
    """The columns to sample at, checked: the user's own, or theta of the prior that the run learned from."""
    names, schema = model.given, model.schema
    if (n is None) == (given is None):
        raise ValueError("give either n, a number of events from the prior, or given, a file or table of the given columns")
    if n is not None:
        return _of_prior(folder, study, model, n, seed)
    columns = schema.select(names)

    def blocks() -> Iterator[Table]:
        if isinstance(given, (str, Path)):
            chunks = read_chunks(Path(given), study, own_first=False, partial=partial, events=BLOCK_EVENTS, schema=schema, read=read, only=names)
        else:
            chunks = rechunked([dict(given or {})], BLOCK_EVENTS)
        return (check_table(chunk, columns, extra=True) for chunk in chunks)

    digest = TableDigest()
    for table in blocks():
        digest.update(table)
    if digest.events == 0:
        raise ValueError(f"'{given}' holds no events" if isinstance(given, (str, Path)) else "given holds no events")
    return _Given(blocks, digest.events, digest.hexdigest(), "given")


def _of_prior(folder: Path, study: Study, model: TrainedModel, n: int, seed: int) -> _Given:
    """Blocks of theta; the first one has the stream that a short file's only one has."""
    at_least(1, n=n)
    if not set(model.given) <= set(model.schema.theta):
        raise ValueError(f"'{study.name}/{model.name}' infers from {', '.join(model.given)}, which has no prior: give a file of them")
    simulator = trained_simulator(folder, study)

    def blocks() -> Iterator[Table]:
        for block, first in enumerate(range(0, n, BLOCK_EVENTS)):
            words = () if block == 0 else (block,)
            theta = simulator.prior(min(BLOCK_EVENTS, n - first), rng(seed, "prior", *words))
            yield check_table(recoded(theta, simulator.schema.theta, model.schema.theta), model.schema.theta, extra=True)

    origin = simulated(folder)
    told = json.dumps([origin["simulator"], origin["settings"]], sort_keys=True)
    return _Given(blocks, n, f"prior {hashlib.blake2s(told.encode(), digest_size=8).hexdigest()}", "random")


def _writer(out: Path, study: Study, model: TrainedModel, source: _Given, options: Mapping[str, Any], seed: int) -> StoreWriter:
    first = next(source.blocks(), {})
    kept = presence({**first, **dict.fromkeys(model.target)}, model.schema)
    settings = {**sample_identity(model, source.mark, options), "block_events": BLOCK_EVENTS}
    blocks = -(-source.events // BLOCK_EVENTS)
    return StoreWriter(out, kept, f"{study.name}/{model.name}", settings, seed, events=source.events, blocks=blocks, order=source.order)
