"""Every speed that the READMEs state, measured in one run beside what they say, and beside its peers.

$ make bench            # or python benchmarks/speed.py --only airshower --markdown speed.md

One core: rates are events a second of processor time, so that other work on the machine does not count. A *command* is the whole program, start included, on so
many events that the start is a small part; a *call* is the inner function. ``ratio`` is to the row named beside it. Peers that are not installed (iminuit, sbi,
zarr) are left out by name.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["MKL_NUM_THREADS"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["NUMBA_NUM_THREADS"] = "1"

import importlib.util
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import tyro
from calorimeter_speed import geant4_seconds
from peers import adam_loop, h5py_read, zuko_rates
from tables import markdown, show

import cloudchamber as cc
from cloudchamber import workflow
from cloudchamber.schema import Table, take

STUDIES = Path(cc.__file__).parent / "studies"
ROUNDS = 3


@dataclass(frozen=True)
class Row:
    """One speed: ``value`` in ``unit``; ``to`` names the row that its ratio is to; ``said`` finds the README's figure in its one group."""

    what: str
    value: float
    unit: str = "/s"
    to: str = ""
    said: str = ""


@dataclass(frozen=True)
class Options:
    """What to measure."""

    only: tuple[str, ...] = ("airshower", "calorimeter", "cosmic_ray_sky", "surface_array", "engine")
    """The studies, and the engine beside its peers."""
    scale: float = 1.0
    """Events of each measurement, times this."""
    seed: int = 1
    """Same seed, same events."""
    markdown: Path | None = None
    """Write the table there too."""


@dataclass(frozen=True)
class Bench:
    """Measures with the options' sizes in a folder of its own."""

    options: Options
    folder: Path

    def events(self, n: int) -> int:
        """So many of them, scaled."""
        return max(int(n * self.options.scale), 16)

    def call(self, work: Callable[[], object], events: int) -> float:
        """Events a second of processor time, the best of three calls after one that compiles."""
        work()
        seconds = []
        for _ in range(ROUNDS):
            start = time.process_time()
            work()
            seconds.append(time.process_time() - start)
        return events / min(seconds)

    def command(self, *words: str, events: int) -> float:
        """Events a second of processor time of the command line, children and start included."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run([sys.executable, "-m", "cloudchamber", *words], capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"cloudchamber {' '.join(words)}: {done.stderr or done.stdout}")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return events / (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)

    def file(self, name: str) -> str:
        """A path in the bench's folder."""
        return str(self.folder / name)


def drawn(simulator: Any, events: int, seed: int) -> tuple[Table, Table]:
    """Theta and x of ``events`` events."""
    theta = simulator.prior(events, cc.rng(seed, "theta"))
    return theta, simulator.simulate(theta, cc.rng(seed, "x"))


def given_of(model: cc.TrainedModel, table: Table) -> Table:
    """The columns that the model asks for."""
    return {name: table[name] for name in model.given}


def airshower(bench: Bench) -> Iterator[Row]:
    """Simulators and the packaged surrogate."""
    study, seed = cc.find_study("airshower"), bench.options.seed
    hybrid, model, quick = study.make_simulator(**study.quick), cc.load("airshower"), cc.Quick(cc.load("airshower"))
    few, many = bench.events(320), bench.events(10_000)
    showers = hybrid.prior(many, cc.rng(seed))
    yield Row("hybrid, call", bench.call(lambda: hybrid.simulate(take(showers, slice(0, few)), cc.rng(seed)), few), said=r"the hybrid makes ([\d,]+) showers/s")
    given = given_of(model, showers)
    base = "hybrid, call"
    yield Row("matching, call", bench.call(lambda: model.sample(given, seed, outside="flag"), many), to=base, said=r"`matching` ([\d,]+) \(")
    one = take(given, slice(0, 1))
    yield Row("matching, one shower a call", bench.call(lambda: [model.sample(one, n, outside="flag") for n in range(64)], 64), to=base)
    yield Row("matching, one shower a call of Quick", bench.call(lambda: [quick.sample(one, n, outside="flag") for n in range(64)], 64), to=base)
    settings = [f"--settings.{name}={value}" for name, value in study.quick.items()]
    words = ("simulate", "airshower", bench.file("showers"), "--n", str(3 * few), "--seed", str(seed), *settings)
    yield Row("hybrid, command simulate", bench.command(*words, events=3 * few), to=base)
    yield Row("matching, command sample", bench.command("sample", "airshower", bench.file("showers.h5"), "--n", str(4 * many), events=4 * many), to=base)


def calorimeter(bench: Bench) -> Iterator[Row]:
    """Simulators and the packaged surrogate."""
    study, model, seed = cc.find_study("calorimeter"), cc.load("calorimeter"), bench.options.seed
    gflash, quick, many, base = study.make_simulator("gflash"), cc.Quick(model), bench.events(100_000), "GFlash, call"
    theta = gflash.prior(many, cc.rng(seed))
    if importlib.util.find_spec("geant4_pybind"):
        few, base = bench.events(2000), "Geant4, call"
        yield Row(base, few / geant4_seconds(few, seed), said=r"\| Geant4 \| [\d.]+ \| ([\d,]+) \|")
        words = ("simulate", "calorimeter", bench.file("geant4"), "--simulator", "geant4", "--n", str(few), "--seed", str(seed))
        yield Row("Geant4, command simulate", bench.command(*words, events=few), to=base)
    yield Row("GFlash, call", bench.call(lambda: gflash.simulate(theta, cc.rng(seed)), many), to=base, said=r"\| GFlash \| [\d.]+ \| ([\d,]+) \|")
    given = given_of(model, theta)
    yield Row("flow, call", bench.call(lambda: model.sample(given, seed), many), to=base, said=r"\| flow, in bulk \| [\d.]+ \| ([\d,]+) \|")
    yield Row("flow, command sample", bench.command("sample", "calorimeter", bench.file("flow.h5"), "--n", str(4 * many), events=4 * many), to=base)
    one = take(given, slice(0, 1))
    yield Row("flow, one shower a call", bench.call(lambda: [model.sample(one, n) for n in range(64)], 64), to=base)
    yield Row("flow, one shower a call of Quick", bench.call(lambda: [quick.sample(one, n) for n in range(256)], 256), to=base)


def cosmic_ray_sky(bench: Bench) -> Iterator[Row]:
    """Simulators and the packaged network."""
    study, model, seed = cc.find_study("cosmic_ray_sky"), cc.load("cosmic_ray_sky"), bench.options.seed
    few = bench.events(128)
    toy, base = study.make_simulator("toy"), "toy, call"
    theta, x = drawn(toy, few, seed)
    yield Row(base, bench.call(lambda: toy.simulate(theta, cc.rng(seed)), few), said=r"the toy makes ([\d,]+) skies/s")
    given = given_of(model, {**theta, **x})
    judge, learn = learning_rates(model, given, x | theta, few)
    yield Row("events judges, call", bench.call(judge, few), to=base, said=r"`events` judges ([\d,]+) a second")
    yield Row("events learns, call", bench.call(learn, few), to="events judges, call", said=r"learns from ([\d,]+) a second")
    yield Row("events, predict, call", bench.call(lambda: model.predict(given, outside="flag"), few), to="events judges, call")
    yield Row("toy, command simulate", bench.command("simulate", "cosmic_ray_sky", bench.file("skies"), "--n", str(40 * few), events=40 * few), to=base)


def surface_array(bench: Bench) -> Iterator[Row]:
    """Simulator, fit and network."""
    from cloudchamber.studies.surface_array.fit.reconstruct import reconstruct

    study, model, seed = cc.find_study("surface_array"), cc.load("surface_array"), bench.options.seed
    array, few = study.simulator, bench.events(2000)
    theta, x = drawn(array, few, seed)
    events, base = {**theta, **x}, "parametric fit, call"
    yield Row(base, bench.call(lambda: reconstruct(x), few), said=r"\| parametric fit, from waveforms \| ([\d,]+) \|")
    yield Row("simulate, call", bench.call(lambda: array.simulate(theta, cc.rng(seed)), few), to=base, said=r"\| simulation \| ([\d,]+) \|")
    yield Row("theta and x at once, call", bench.call(lambda: array.joint(few, cc.rng(seed)), few), to=base, said=r"\| theta and x at once \| ([\d,]+) \|")
    many, store = bench.events(8000), bench.file("events")
    made = bench.command("simulate", "surface_array", store, "--n", str(many), "--seed", "2", events=many)
    yield Row("command simulate", made, to=base, said=r"\| the command `simulate` \| ([\d,]+) \|")
    given = given_of(model, events)
    one, hundred = (bench.call(lambda n=n: model.posterior(given, n, seed, outside="flag"), few) for n in (1, 100))
    yield Row("network, 1 draw, call", one, to=base, said=r"\| network, one draw \| ([\d,]+) \|")
    yield Row("network, 100 draws, call", hundred, to=base, said=r"\| network, 100 draws \| ([\d,]+) \|")
    alone = take(given, slice(0, 1))
    yield Row("network, draws of one event, call", bench.call(lambda: model.posterior(alone, 1000, seed, outside="flag"), 1000), unit=" draws/s")
    answered = bench.command("infer", "surface_array", store, "--out", bench.file("found"), events=many)
    yield Row("command infer", answered, to=base, said=r"\| the command `infer` \| ([\d,]+) \|")


def learning_rates(model: Any, given: Table, table: Table, events: int, batch: int = 32) -> tuple[Callable[[], None], Callable[[], None]]:
    """Two calls: judge all events, and learn from all, encoding included."""
    from cloudchamber.nn.tensors import to_tensors

    target = to_tensors(table, model.target_columns)
    parts = [slice(first, first + batch) for first in range(0, events, batch)]

    def judge() -> None:
        with torch.no_grad():
            for part in parts:
                model.said(to_tensors(given, model.given_columns, part))

    def learn() -> None:
        for part in parts:
            condition = model.given_codec.encode(to_tensors(given, model.given_columns, part), {})
            flat = model.target_codec.encode({name: values[part] for name, values in target.items()}, {})
            sum(loss for _, loss in model.model.losses(flat, condition)).backward()

    return judge, learn


def engine(bench: Bench) -> Iterator[Row]:
    """The engine beside its peers: spline couplings of zuko, a bare loop of torch, h5py."""
    for name, (ours, theirs) in zuko_rates(bench.events(20_000), bench.call).items():
        yield Row(f"zuko's coupling flow, {name}", theirs)
        yield Row(f"our flow, {name}", ours, to=f"zuko's coupling flow, {name}")
    n = bench.events(40_000)
    store = bench.folder / "parametrised"
    workflow.simulate("airshower", store, n, simulator="parametrised", seed=1)
    bare, ours = adam_loop(store, bench.folder / "run")
    yield Row("bare torch loop, events learned", bare)
    yield Row("train, events learned", ours, to="bare torch loop, events learned")
    plain, read = h5py_read(store, bench.folder / "plain.h5", bench.call)
    yield Row("h5py, lzf and shuffle", plain, unit=" MB/s")
    yield Row("store, checksums compared", read, unit=" MB/s", to="h5py, lzf and shuffle")


def readme_says(study: str, pattern: str) -> float:
    """The figure that a study's README states; SystemExit where it states none, since every claim must be measured."""
    text = (STUDIES / study / "README.md").read_text(encoding="utf-8")
    found = re.search(pattern, " ".join(text.split()))
    if found is None:
        raise SystemExit(f"{study}: the README has no speed like '{pattern}'")
    return float(found[1].replace(",", ""))


def main(options: Options) -> None:
    """Measure and print."""
    torch.set_num_threads(1)
    lines = []
    for name in options.only:
        measured: dict[str, float] = {}
        with tempfile.TemporaryDirectory() as folder:
            for row in globals()[name](Bench(options, Path(folder))):
                measured[row.what] = row.value
                says = readme_says(name, row.said) if row.said else None
                ratio = f"{row.value / measured[row.to]:,.3g} x {row.to}" if row.to else ""
                lines.append([name, row.what, f"{row.value:,.0f}{row.unit}", "" if says is None else f"{says:,.0f}", ratio])
                print(" | ".join(lines[-1]), file=sys.stderr, flush=True)
    for peer in ("iminuit", "sbi", "zarr"):
        if importlib.util.find_spec(peer) is None:
            print(f"{peer} is not installed: not beside ours", file=sys.stderr)
    show(markdown(["", "what", "measured", "README says", "ratio"], lines), options.markdown)


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
