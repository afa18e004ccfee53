"""The generators of the study ``bolometer`` in one comparison, each beside the simulator against itself: the page docs/results/bolometer.md.

$ python benchmarks/bolometer_generators.py --runs runs --work work --page docs/results/bolometer.md

``--runs`` holds a run folder for each recipe of windows, trained on the store in ``--work``, which is made first; what is absent is trained (minutes on a GPU,
hours on a CPU). ``events`` is the packaged run. Everything is at phi = 500 MV and 500 um, which ``events`` has never seen, and of hits in the wafer alone.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tyro
from bolometer_page import Comparison, Cost, Generator, page
from scipy.spatial import cKDTree

from cloudchamber import workflow
from cloudchamber.hub import load
from cloudchamber.rng import rng
from cloudchamber.run.files import RunFiles
from cloudchamber.schema import Table, concatenate
from cloudchamber.statistics.diversity import birthday_test
from cloudchamber.store.read import Store
from cloudchamber.stream import YEAR_S
from cloudchamber.studies.bolometer import GENERATORS
from cloudchamber.studies.bolometer.detector import Detector
from cloudchamber.studies.bolometer.flux.modulation import CosmicRays
from cloudchamber.studies.bolometer.generators.measures import Reference, components, generator_checks, numbers_of, reference_of
from cloudchamber.studies.bolometer.marks.tables import tabulate
from cloudchamber.studies.bolometer.observables import hit_checks
from cloudchamber.studies.bolometer.streams.data import SPAN_SAMPLES, WaferStream
from cloudchamber.studies.bolometer.streams.sources import Span
from cloudchamber.studies.bolometer.streams.sun import Sun
from cloudchamber.studies.bolometer.views.settings import Conditions
from cloudchamber.studies.bolometer.views.windows import WindowsView
from cloudchamber.studies.bolometer.wafer.hits import rates_per_s
from cloudchamber.study import find_study
from cloudchamber.validate.check import CheckResult, run_checks

PHI_MV, THICKNESS_UM = 500.0, 500.0
VIEW = WindowsView(conditions=Conditions(phi_mv=(PHI_MV, PHI_MV), thickness_um=(THICKNESS_UM, THICKNESS_UM)), families=("wafer",))
CHUNK, REFERENCE_WINDOWS = 250, 500
YEARS, TIMES = (2009.5, 2022.5), 40
"""A stream that sees the solar cycle is looked at so many times."""
HIT_CHECKS = ("heights, KS", "heights, W1 / sigma", "highest 1e-4 of heights")


@dataclass(frozen=True)
class Options:
    """What to compare."""

    runs: Path
    """Folder of the run folders, by recipe."""
    work: Path
    """Where the windows that they learn from are, or shall be."""
    windows: int = 400
    """Windows of each generator, and of the simulator twice."""
    birthday: int = 1000
    """Windows among which near-duplicates are sought."""
    slow: int = 400
    """The same of flow matching, which is slow."""
    training: int = 20_000
    """Windows to learn from."""
    seed: int = 1
    """Same seed, same figures."""
    trained_on: str = ""
    """What the runs were trained on, in words."""
    page: Path | None = None
    """Write the page there, and its figure beside it."""


Draw = Callable[[int, int], np.ndarray]
"""Windows (windows, bolometers, samples) by the number of the chunk, and how many."""


class Source(NamedTuple):
    """A generator: its name and what draws its windows."""

    name: str
    draw: Draw


def training_store(options: Options) -> Store:
    """The windows to learn from, made where they are not there."""
    settings = {"families": ["wafer"], "conditions": {"phi_mv": [PHI_MV, PHI_MV], "thickness_um": [THICKNESS_UM, THICKNESS_UM]}}
    workflow.simulate("bolometer", options.work / "training", options.training, simulator="windows", settings=settings, block_events=500)
    return Store(options.work / "training")


def trained(options: Options, name: str) -> Any:
    """The run of a recipe, trained where it is not."""
    folder = options.runs / name
    if not RunFiles(folder).finished:
        workflow.train("bolometer", options.work / "training", folder, name)
    return load(folder)


def simulated(seed: int, word: str) -> Draw:
    """The simulator's own windows."""

    def draw(chunk: int, windows: int) -> np.ndarray:
        random = rng(seed, word, chunk)
        return np.asarray(VIEW.simulate(VIEW.prior(windows, random), random)["power_w"])

    return draw


def learned(model: Any, seed: int) -> Draw:
    """A run's."""

    def draw(chunk: int, windows: int) -> np.ndarray:
        given = {"phi_mv": np.full(windows, PHI_MV), "thickness_um": np.full(windows, THICKNESS_UM)}
        return np.asarray(model.sample(given, seed=1000 * seed + chunk)["power_w"])

    return draw


def streamed(seed: int) -> Draw:
    """Those of a stream of the packaged run of ``events``."""
    stream = WaferStream(sun=Sun(phi_mv=PHI_MV), thickness_um=THICKNESS_UM, families=("wafer",)).learned(load("bolometer/events"))
    start = round(12 * YEAR_S * stream.rate_hz)

    def draw(chunk: int, windows: int) -> np.ndarray:
        first = start + chunk * CHUNK * VIEW.samples
        values = stream.make(seed, first, first + windows * VIEW.samples, truth=False).values
        return values.reshape(len(values), windows, VIEW.samples).transpose(1, 0, 2)

    return draw


def chunks(windows: int) -> Iterator[tuple[int, int]]:
    """Number and size of chunks."""
    for chunk, first in enumerate(range(0, windows, CHUNK)):
        yield chunk, min(CHUNK, windows - first)


def numbers(draw: Draw, windows: int, reference: Reference, training: cKDTree) -> tuple[Table, float]:
    """The numbers of windows, and the CPU seconds that drawing them took."""
    parts, seconds = list[Table](), 0.0
    for chunk, size in chunks(windows):
        began = time.process_time()
        power = draw(chunk, size)
        seconds += time.process_time() - began
        parts.append(numbers_of(power, reference, training))
    return concatenate(parts), seconds


def duplicates(draw: Draw, windows: int, reference: Reference, truth: np.ndarray, known: np.ndarray) -> tuple[int, int, float]:
    """Near-duplicates among windows, of which the first are ``known``, those expected, and the chance of so many."""
    more = [components(draw(1000 + chunk, size), reference) for chunk, size in chunks(max(windows - len(known), 0))]
    found = np.concatenate([known, *more])[:windows]
    test = birthday_test(truth, found, max_events=windows)
    return test.duplicates, test.expected, test.p_value


def compare(options: Options) -> Comparison:
    """Draw, look, judge."""
    store = training_store(options)
    rate_hz = VIEW.detector.rate_hz
    reference = reference_of(np.asarray(store.read(("power_w",), slice(0, REFERENCE_WINDOWS))["power_w"]), rate_hz)
    learned_from = np.concatenate(
        [components(np.asarray(store.read(("power_w",), slice(first, first + CHUNK))["power_w"]), reference) for first in range(0, store.n_events, CHUNK)]
    )
    tree = cKDTree(learned_from)
    began = time.process_time()
    (truth, cost), (second, _) = (numbers(simulated(options.seed, word), options.windows, reference, tree) for word in ("truth", "second"))
    print(f"simulated: {time.process_time() - began:.0f} s", file=sys.stderr)
    length_s = options.windows * VIEW.samples / rate_hz
    costs = {"simulator": Cost(None, 0, 0, cost / length_s)}
    floors: Any = {}
    generators: list[Generator] = []
    runs = {name: trained(options, name) for name in GENERATORS}
    sources = [Source(name, learned(runs[name], options.seed)) for name in GENERATORS] + [Source("events", streamed(options.seed))]
    for source in sources:
        began = time.process_time()
        source.draw(0, 2)  # what is compiled, or tabulated, once
        table, seconds = numbers(source.draw, options.windows, reference, tree)
        results = run_checks(generator_checks(), truth, table, second, options.seed, floors=floors)
        count = min(options.slow if source.name == "matching_windows" else options.birthday, len(learned_from))
        pairs = (count, *duplicates(source.draw, count, reference, learned_from, np.asarray(table["components"])))
        generators.append(Generator(source.name, results, pairs, table))
        model = runs.get(source.name)
        fit = RunFiles(options.runs / source.name).read_json(RunFiles(options.runs / source.name).metrics) if model is not None else None
        costs[source.name] = Cost(
            fit["fit"]["seconds"] if fit else None, fit["training"]["events"]["training"] if fit else 0, fit["fit"]["epochs"] if fit else 0, seconds / length_s
        )
        print(f"{source.name}: {time.process_time() - began:.0f} s", file=sys.stderr)
    return Comparison(options.windows, truth, generators, costs, list(conditional(options.seed)), rates(), options.trained_on)


def conditional(seed: int) -> Iterator[tuple[str, CheckResult]]:
    """Heights of hits of ``events`` beside the simulator's, at phi that it has never seen, and while phi changes in a stream; both families apart."""
    model = load("bolometer/events")
    checks = [check for check in hit_checks() if check.name in HIT_CHECKS]
    for family, seconds in (("wafer", 600.0), ("absorber", 3e6)):
        for phi_mv in (450.0, 500.0, 550.0, None):
            stream = WaferStream(sun=Sun(phi_mv=phi_mv), thickness_um=THICKNESS_UM, families=(family,))  # type: ignore[arg-type]
            first, last = (round((year - 2000) * YEAR_S * stream.rate_hz / SPAN_SAMPLES) for year in YEARS)
            where = [first] if phi_mv else list(range(first, last, (last - first) // TIMES))
            phi = stream.phi_mv(np.array(where))
            rates_now = rates_per_s(stream.detector, stream.rays, phi).T
            times = [Span(span, 0.0, seconds / len(where), float(each), rate) for span, each, rate in zip(where, phi, rates_now, strict=True)]
            tables = []
            for each, own in ((stream, seed), (stream, seed + 1), (stream.learned(model), seed)):
                drawn = [each.source.draw(each.detector, each.rays, THICKNESS_UM, (family,), span, own) for span in times]
                heights = np.concatenate([hits.pulses.height_w for hits in drawn])
                tables.append({"amplitude_w": heights, "family": np.concatenate([hits.hits.family for hits in drawn])})
            least = min(len(table["family"]) for table in tables)
            truth, second, answer = ({name: values[:least] for name, values in table.items()} for table in tables)
            words = f"{phi_mv:.0f} MV" if phi_mv else f"{YEARS[0]:.0f} to {YEARS[1]:.0f}, phi of the solar cycle"
            for result in run_checks(checks, truth, answer, second, seed):
                if result.group == family:
                    yield words, result


def rates() -> list[tuple[float, float]]:
    """phi, and the rate that ``events`` has learned over that of the flux."""
    detector, rays, phi = Detector(), CosmicRays(), np.array([300.0, 400.0, 450.0, 500.0, 550.0, 600.0, 650.0])
    tables = tabulate(load("bolometer/events"), detector, THICKNESS_UM)
    expected = rates_per_s(detector, rays, phi).sum(axis=0)
    return [(float(each), tables.rate_per_s(float(each)) / float(rate)) for each, rate in zip(phi, expected, strict=True)]


def main(options: Options) -> int:
    """Compare, write; 1 where ``events`` fails a check."""
    find_study("bolometer")
    found = compare(options)
    if options.page is not None:
        options.page.parent.mkdir(parents=True, exist_ok=True)
    text = page(found, options.page)
    if options.page is not None:
        options.page.write_text(text, encoding="utf-8")
    print(text)
    failed = [result.name for each in found.generators if each.name == "events" for result in each.results if result.verdict == "failed"]
    if failed:
        print(f"events fails: {', '.join(failed)}", file=sys.stderr)
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main(tyro.cli(Options, description=__doc__)))
