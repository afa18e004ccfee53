"""How fast calorimeter showers come: Geant4, GFlash, the packaged flow in bulk, and one shower at a time through ONNX runtime.

$ python benchmarks/calorimeter_speed.py --markdown speed.md

One run on one core, the same beam for all: times are processor time, so that other work on the machine does not count; rounds alternate, and each figure is
the median of its rounds. The surrogate's time is that of ``TrainedModel.sample``, from physical units to physical units. Needs the extras ``geant4`` and
``export``.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["MKL_NUM_THREADS"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["NUMBA_NUM_THREADS"] = "1"

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import tyro

from cloudchamber.hub import load
from cloudchamber.rng import rng
from cloudchamber.run.export import export_onnx
from cloudchamber.run.trained import TrainedModel
from cloudchamber.schema import Table, take
from cloudchamber.studies.calorimeter import STUDY

BULK, TIMES_GEANT4, ONE_SHOWER_MS = 50_000, 300, 0.5
"""Goals: showers a second in bulk, how many times Geant4, and one shower through ONNX runtime."""
GEANT4 = """
import sys
from cloudchamber.rng import rng
from cloudchamber.studies.calorimeter import STUDY
simulator, n, seed = STUDY.make_simulator("geant4"), int(sys.argv[1]), int(sys.argv[2])
simulator.simulate(simulator.prior(n, rng(seed)), rng(seed))
"""


@dataclass(frozen=True)
class Options:
    """What to measure."""

    geant4: int = 2000
    """Geant4 showers of a round."""
    bulk: int = 100_000
    """Showers of the flow, and of GFlash, of a round."""
    single: int = 2000
    """Showers of a round that go through ONNX runtime one by one."""
    rounds: int = 3
    """Rounds, each with all of them."""
    seed: int = 1
    """Same seed, same showers."""
    markdown: Path | None = None
    """Write the table there too."""


def seconds_of(call: Callable[[], object]) -> float:
    """Processor time of a call in this process."""
    start = time.process_time()
    call()
    return time.process_time() - start


def geant4_seconds(n: int, seed: int) -> float:
    """Processor time of ``n`` Geant4 showers in a process of their own, without its start."""

    def spent(events: int) -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", GEANT4, str(events), str(seed)], check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    return spent(n + 1) - spent(1)


def one_by_one(model: TrainedModel, theta: Table, folder: Path) -> Callable[[], None]:
    """A call that sends each event of ``theta`` alone through ONNX runtime."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(export_onnx(model, folder / "flow.onnx")), options, providers=["CPUExecutionProvider"])
    n = len(theta["energy_mev"])
    noise = rng(0).standard_normal((n, model.model.noise_size)).astype(np.float32)
    columns = {name: np.asarray(theta[name], np.int64 if name == "particle" else np.float32) for name in model.recipe.given}
    feeds = [{"noise": noise[i : i + 1], **{name: values[i : i + 1] for name, values in columns.items()}} for i in range(n)]

    def call() -> None:
        for feed in feeds:
            session.run(None, feed)

    for feed in feeds[:20]:
        session.run(None, feed)
    return call


def main(options: Options) -> None:
    """Measure and print."""
    torch.set_num_threads(1)
    model, gflash = load(STUDY.name), STUDY.make_simulator("gflash")
    theta = gflash.prior(options.bulk, rng(options.seed))
    given = {name: theta[name] for name in model.recipe.given}
    model.sample(take(given, slice(0, 2048)), options.seed)
    gflash.simulate(take(theta, slice(0, 100)), rng(options.seed))
    found: dict[str, list[float]] = {"Geant4": [], "GFlash": [], "flow, in bulk": [], "flow, one by one in ONNX runtime": []}
    with tempfile.TemporaryDirectory() as folder:
        single = one_by_one(model, take(theta, slice(0, options.single)), Path(folder))
        for number in range(options.rounds):
            found["Geant4"].append(geant4_seconds(options.geant4, options.seed + number) / options.geant4)
            found["GFlash"].append(seconds_of(lambda: gflash.simulate(theta, rng(options.seed))) / options.bulk)
            found["flow, in bulk"].append(seconds_of(lambda: model.sample(given, options.seed)) / options.bulk)
            found["flow, one by one in ONNX runtime"].append(seconds_of(single) / options.single)
    seconds = {name: float(np.median(values)) for name, values in found.items()}
    goals = {"flow, in bulk": f"{BULK:,} showers/s, {TIMES_GEANT4} times", "flow, one by one in ONNX runtime": f"{ONE_SHOWER_MS} ms"}
    lines = ["| | ms a shower | showers a second | times Geant4 | goal |", "| :-- | --: | --: | --: | --: |"]
    for name, value in seconds.items():
        lines.append(f"| {name} | {1e3 * value:.3g} | {1 / value:,.0f} | {seconds['Geant4'] / value:,.3g} | {goals.get(name, '')} |")
    print("\n".join(lines))
    if options.markdown is not None:
        options.markdown.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
