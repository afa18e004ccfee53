"""A study end to end in minutes: simulate a little truth, sample the packaged model, compare the two."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cloudchamber.atomic import refuse_place
from cloudchamber.formats.options import need_file, stated_options
from cloudchamber.hub import find_run, load, trained_simulator
from cloudchamber.progress import Progress, quiet
from cloudchamber.rng import rng
from cloudchamber.schema import Table, recoded, take
from cloudchamber.stream import LearnedStream
from cloudchamber.study import Study
from cloudchamber.workflow.inference import Inference, infer
from cloudchamber.workflow.streaming import Streamed, stream
from cloudchamber.workflow.tasks import at_least, not_negative
from cloudchamber.workflow.validation import MIN_EVENTS, Validation, compare_with_truth, truth_twice


@dataclass(frozen=True)
class Demo:
    """The speed of the simulator and of the trained model (events/s, one process each), and their comparison; and a stream, where the study has one."""

    simulated: int
    simulated_rate: float
    sampled: int
    sampled_rate: float
    validation: Validation
    streamed: Streamed | None = None


STREAM = "stream"
DURATION, START = "20min", "2032-07-01"
"""Of the stream."""


def demo(
    study: str = "airshower",
    out: Path | str | None = None,
    *,
    n: int = 1200,
    samples: int = 10_000,
    seed: int = 1,
    progress: Progress = quiet,
    file: Path | str | None = None,
    format: str | None = None,
    read: Mapping[str, Any] | None = None,
) -> Demo | Inference:
    """Simulate ``n`` events of the study and as many more for the floor, sample ``samples`` from its packaged model, and write the report that compares
    them into ``out``, by default ``reports/<study>``. Of a study that offers a stream, twenty minutes of it, drawn by the model where it can, with a page.

    Where the packaged model infers, one simulated event is analysed instead, or the events of ``file``, and the page about them is written.
    """

    def say(text: str) -> None:
        progress(0, 0, text)

    not_negative(seed)
    need_file(read, file)
    at_least(2 * MIN_EVENTS, n=n)
    at_least(1, samples=samples)
    say("loading the trained model")
    folder, found = find_run(study)
    out, events = Path("reports") / found.name if out is None else Path(out), 2 * n
    refuse_place(out)
    model = load(study)
    if set(model.target) <= set(model.schema.theta):
        say("simulating one event" if file is None else "analysing")
        return infer(study, example(found, seed) if file is None else file, out, format=format, seed=seed, progress=progress, read=read)
    if file is not None:
        raise ValueError(f"'{study}' is a surrogate: it has no events of a file to analyse; compare it with `cloudchamber validate {study} --file {file}`")
    simulator = trained_simulator(folder, found, found.quick)
    say("starting the simulator")
    simulator.simulate(simulator.prior(2, rng(seed, "warm up")), rng(seed, "warm up"))

    say(f"simulating {events} events")
    start = time.perf_counter()
    first, second = (recoded(each, simulator.schema.columns, model.schema.columns) for each in truth_twice(simulator, n, seed))
    simulated_rate = events / (time.perf_counter() - start)

    say(f"sampling {samples} events")
    theta = recoded(simulator.prior(samples, rng(seed, "prior")), simulator.schema.columns, model.schema.columns)
    start = time.perf_counter()
    model.sample({name: theta[name] for name in model.given}, seed)
    sampled_rate = samples / (time.perf_counter() - start)

    say("comparing them")
    facts = {
        "truth": f"{events} events simulated live{f' (with {stated_options(found.quick)})' if found.quick else ''}",
        "simulator": f"{simulated_rate:.3g} events/s",
        "trained model": f"{sampled_rate:.3g} events/s, {sampled_rate / simulated_rate:.3g} times the simulator",
    }
    validation = compare_with_truth(found, {f"{found.name}/{folder.name}": model}, first, second, out, seed, facts, progress=progress)
    streamed = _streamed(found, folder, out, seed, say) if found.streams else None
    return Demo(events, simulated_rate, samples, sampled_rate, validation, streamed)


def _streamed(study: Study, run: Path, out: Path, seed: int, say: Callable[[str], None]) -> Streamed:
    """A stretch of the study's stream, as ``stream.h5`` and a page in the folder ``stream``."""
    say("streaming")
    file = out / f"{STREAM}.h5"
    # as the report is: what a former demo left goes
    file.unlink(missing_ok=True)
    drawn_by = run if isinstance(study.make_stream(), LearnedStream) else None
    return stream(study, file, duration=DURATION, start=START, run=drawn_by, seed=seed, report=out / STREAM)


def example(study: Study, seed: int) -> Table:
    """One simulated event; of several kinds the last one named, such as a signal."""
    simulator = study.simulator
    theta = simulator.prior(64, rng(seed, "example"))
    kinds = [name for name, column in simulator.schema.theta.items() if column.categories]
    event = int(np.argmax(theta[kinds[0]])) if kinds else 0
    one = take(theta, slice(event, event + 1))
    return one | simulator.simulate(one, rng(seed, "example", "x"))
