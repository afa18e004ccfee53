"""The bolometers' simulator against published numbers and theory: flux, rates, deposits, spectra, glitches; what it costs, and what the slow reference costs.

$ python benchmarks/bolometer.py --markdown gates.md

Data of AMS-02 are protons per m2 s sr GV of 2011-13. Costs are CPU seconds of one thread, compilation left out. The exit code is 1 where a limit is missed.

References: M. Aguilar et al. (AMS), PRL 114 (2015) 171103; Planck Collaboration, A&A 571 (2014) A10.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import tyro
from gates import Gate, told
from scipy.optimize import minimize_scalar

from cloudchamber.hub import load
from cloudchamber.rng import rng
from cloudchamber.statistics.distances import kolmogorov_smirnov
from cloudchamber.stream import YEAR_S
from cloudchamber.studies.bolometer.columns import FAMILIES
from cloudchamber.studies.bolometer.detector import PLANCK, Detector
from cloudchamber.studies.bolometer.flux.cycle import SolarCycle
from cloudchamber.studies.bolometer.flux.modulation import CosmicRays
from cloudchamber.studies.bolometer.marks.tables import tabulate
from cloudchamber.studies.bolometer.observables import broken_power_law, octave_ratios, power_law_index, power_spectrum
from cloudchamber.studies.bolometer.signal.campbell import campbell_spectrum
from cloudchamber.studies.bolometer.signal.chain import ChainState, advance, burn_samples, start_chain
from cloudchamber.studies.bolometer.signal.filters import Starts
from cloudchamber.studies.bolometer.signal.reference import reference_power
from cloudchamber.studies.bolometer.streams.data import WaferStream
from cloudchamber.studies.bolometer.streams.sources import Span
from cloudchamber.studies.bolometer.streams.sun import Sun
from cloudchamber.studies.bolometer.views.hits import HitsView
from cloudchamber.studies.bolometer.views.windows import WindowsView
from cloudchamber.studies.bolometer.wafer.geometry import box_chords
from cloudchamber.studies.bolometer.wafer.hits import draw_arrivals, draw_hits, rates_per_s
from cloudchamber.studies.bolometer.wafer.landau import draw_deposits_kev
from cloudchamber.studies.bolometer.wafer.stopping import mean_loss_mev_cm2_g, most_probable_mev

AMS_GV = np.array([1.076, 2.031, 5.118, 10.54, 50.31])
AMS_PROTONS = np.array([626.9, 499.3, 118.4, 21.90, 0.3128])
AMS_YEARS = (2011.4, 2013.9)
MINIMUM, MINIMUM_PER_CM2_S = 2009.5, 5.1
PHI_MV, THICKNESS_UM = 400.0, 500.0
NEW_PHI_MV, DEPOSITS, BLOCKS, SHARES = 500.0, 2_000_000, 40, (0.001, 0.01, 0.5, 0.99, 0.999, 0.9999)
LOWEST_HZ, BLOCK_S = 0.3, 50.0


@dataclass(frozen=True)
class Options:
    """What to run."""

    seconds: float = 4000.0
    """Of data for the power spectrum."""
    hits: int = 400_000
    """Of each family for indices, and for deposits."""
    rays: int = 20_000_000
    """Thrown at the wafer from a sphere about it."""
    seed: int = 1
    """Same seed, same figures."""
    markdown: Path | None = None
    """Write the table there too."""


def relative(what: str, value: float, target: float, limit: float | None, unit: str = "") -> Gate:
    """A number that may be off by a share of its target."""
    wanted = f"{target:g}" if limit is None else f"{target:g} ± {100 * limit:g} %"
    return Gate(what, value, wanted, value / target - 1, limit, unit)


def below(what: str, value: float, limit: float, unit: str = "") -> Gate:
    """A number that must not be larger than a limit."""
    return Gate(what, value, f"≤ {limit:g}", value, limit, unit)


def fluxes() -> Iterator[Gate]:
    """AMS-02's protons, and the integral at the minimum of the solar cycle."""
    for interstellar, limit in (("corti_2019", 0.04), ("burger_usoskin_2000", None)):
        rays, cycle = CosmicRays(interstellar=interstellar), SolarCycle(interstellar)  # type: ignore[arg-type]

        def rms(phi_mv: float, rays: CosmicRays = rays) -> float:
            return float(np.sqrt(np.mean((rays.flux_in_rigidity(AMS_GV, phi_mv) / AMS_PROTONS - 1) ** 2)))

        best = minimize_scalar(rms, bounds=(200.0, 1200.0), method="bounded")
        mean = float(cycle.phi_mv(np.linspace(*AMS_YEARS, 200)).mean())
        yearly = float(cycle.phi_mv(np.array(MINIMUM)))
        name = f"protons of AMS-02, 2011-13, {interstellar}"
        if limit is None:
            yield Gate(f"{name}, at its best phi of {best.x:.0f} MV: rms", 100 * best.fun, unit="%")
        else:
            yield below(f"{name}, at its best phi of {best.x:.0f} MV: rms", 100 * best.fun, 100 * limit, "%")
        yield Gate(f"{name}, at the solar cycle's {mean:.0f} MV: rms", 100 * rms(mean), unit="%")
        flux = 4 * np.pi * rays.integral_per_cm2_s_sr(yearly)
        yield relative(f"4 pi I(> 39 MeV) of protons in 2009, {interstellar} at {yearly:.0f} MV", flux, MINIMUM_PER_CM2_S, 0.1, "/ cm2 s")


def rates(options: Options) -> Iterator[Gate]:
    """Hits a second, against rays thrown from a sphere about the wafer, which shares no formula with them."""
    rays, detector = CosmicRays(helium=False), Detector()
    side_um = 1e3 * detector.wafer.side_mm
    integral = rays.integral_per_cm2_s_sr(PHI_MV)
    met, n = 0, 0
    paths = []
    for part in range(-(-options.rays // 1_000_000)):
        chords, radius_um = box_chords(side_um, THICKNESS_UM, min(1_000_000, options.rays - n), rng(options.seed, "rays", part))
        met, n = met + int((chords > 0).sum()), n + len(chords)
        paths.append(chords[chords > 0])
    thrown = np.pi * integral * 4 * np.pi * (1e-4 * radius_um) ** 2 * met / n
    made = float(rates_per_s(detector, rays, np.array([PHI_MV]))[0, 0])
    yield relative(f"hits of protons a second at {PHI_MV:g} MV: formula over rays from a sphere", made / thrown, 1.0, 0.05)
    yield Gate("hits of protons and helium a second", float(rates_per_s(detector, CosmicRays(), np.array([PHI_MV]))[0, 0]), unit="/ s")
    yield Gate("direct hits a detector", float(rates_per_s(detector, CosmicRays(), np.array([PHI_MV]))[1, 0]) / detector.bolometers, "0.0015", unit="/ s")
    codes = np.zeros(options.hits, int)
    drawn = draw_hits(detector, rays.tabulated(), np.full(options.hits, PHI_MV), np.full(options.hits, THICKNESS_UM), codes, rng(options.seed, "paths"))
    yield relative("mean path in the wafer over that of rays from a sphere", float(drawn.path_um.mean() / np.concatenate(paths).mean()), 1.0, 0.05)


def deposits(options: Options) -> Iterator[Gate]:
    """Most probable and mean energy of protons in silicon."""
    for thickness_um, wanted in ((300.0, 78.5), (500.0, 135.7)):
        random = rng(options.seed, "deposits", int(thickness_um))
        drawn = draw_deposits_kev(np.full(options.hits, 2500.0), np.full(options.hits, thickness_um), np.zeros(options.hits, int), random)
        yield relative(f"most probable deposit of 2.5 GeV protons in {thickness_um:g} um: drawn", mode(drawn), wanted, 0.02, "keV")
        yield relative("the same: formula", 1e3 * float(most_probable_mev(np.array(2500.0), np.array(thickness_um))), wanted, 0.02, "keV")
    yield relative("dE/dx of 3 GeV protons in silicon", float(mean_loss_mev_cm2_g(np.array(3000.0))), 1.671, 0.005, "MeV cm2/g")


def mode(values: np.ndarray) -> float:
    """Where a cubic through the logarithm of the histogram's top is highest: the top leans to the right."""
    counts, edges = np.histogram(values, np.geomspace(0.3, 3.0, 81) * np.median(values))
    rough = edges[np.argmax(counts)]
    counts, edges = np.histogram(values, np.linspace(0.9, 1.1, 41) * rough)
    offset = 0.5 * (edges[1:] + edges[:-1]) - rough
    fine = np.linspace(offset[0], offset[-1], 2001)
    return float(rough + fine[np.argmax(np.polyval(np.polyfit(offset, np.log(counts), 3), fine))])


def streamed(options: Options, detector: Detector) -> Iterator[tuple[np.ndarray, Starts]]:
    """Blocks of data in balance, one after the other, with the hits in each."""
    start = -burn_samples(detector)
    state, samples = start_chain(detector, start), round(BLOCK_S * detector.rate_hz)
    state = warm(state, detector, -start, options.seed)
    for block in range(int(options.seconds / BLOCK_S)):
        random = rng(options.seed, "stream", block)
        found = draw_arrivals(detector, CosmicRays(), PHI_MV, THICKNESS_UM, block * BLOCK_S, BLOCK_S, ("wafer",), random)
        hits = Starts(found.time_s, found.pulses.amplitude_w, found.pulses.delay_s)
        state, data = advance(state, hits, samples, detector)
        yield data, hits


def warm(state: ChainState, detector: Detector, samples: int, seed: int) -> ChainState:
    """After what came before the first sample."""
    seconds = samples / detector.rate_hz
    found = draw_arrivals(detector, CosmicRays(), PHI_MV, THICKNESS_UM, -seconds, seconds, ("wafer",), rng(seed, "before"))
    return advance(state, Starts(found.time_s, found.pulses.amplitude_w, found.pulses.delay_s), samples, detector)[0]


def spectra(options: Options) -> Iterator[Gate]:
    """The data's power spectrum over Campbell's of their own hits, mean of the bolometers, in octaves."""
    detector = replace(Detector(), saturation_w=0.0)
    measured, expected, frequency = np.zeros(1), np.zeros(1), np.zeros(1)
    for data, hits in streamed(options, detector):
        frequency, power = power_spectrum(data, detector.rate_hz)
        theory = campbell_spectrum(hits, BLOCK_S, detector.rate_hz, np.array(detector.time_constants_s), frequency)
        measured, expected = measured + power.mean(axis=0), expected + theory.mean(axis=0)
    ratios = octave_ratios(measured, expected, frequency, LOWEST_HZ)
    for low, ratio in ratios.items():
        yield relative(f"power spectrum over Campbell's theorem, {low:.2g} to {2 * low:.2g} Hz", ratio, 1.0, 0.07)


def glitches(options: Options) -> Iterator[Gate]:
    """Counts of the Planck-like detector by family."""
    rays = CosmicRays()
    for family in PLANCK.families:
        code = np.full(options.hits, FAMILIES.index(family.name))
        view = HitsView(detector=PLANCK)
        theta = {"phi_mv": np.full(options.hits, PHI_MV), "thickness_um": np.full(options.hits, THICKNESS_UM), "family": code}
        energy = np.asarray(view.simulate(theta, rng(options.seed, "glitches", family.name))["deposit_kev"], float)
        lowest = 1.2 * max(family.break_kev, family.low_kev)
        index, _ = power_law_index(energy, lowest, family.high_kev)
        yield Gate(f"{family.name} glitches: dN/dE ~ E^-n above {lowest:.0f} keV, n", index, f"{family.index:g} ± 0.1", index - family.index, 0.1)
        if family.break_kev:
            found, under, over = broken_power_law(energy, family.low_kev, family.high_kev)
            yield relative(f"{family.name} glitches: break, fitted with the slopes beside it ({under:.2f}, {over:.2f})", found, 140.0, 0.05, "keV")
        index, _ = power_law_index(jumps(family.name, options) / family.near_w_per_kev, lowest, family.high_kev)
        yield Gate(f"{family.name} glitches: n of the jumps in the data", index, f"{family.index:g} ± 0.1", index - family.index, 0.1)
    rate = rates_per_s(PLANCK, rays, np.array([PHI_MV]))[:, 0] / PLANCK.bolometers
    parts = ", ".join(f"{name} {each:.2f}" for name, each in zip(PLANCK.family_names, rate, strict=True))
    yield Gate(f"glitches a second and bolometer: {parts}", float(rate.sum()), "about 1")
    # what isotropic cosmic rays leave in a die of 350 um, with no law put in
    die = replace(PLANCK.families[0], index=0.0, thickness_um=350.0)
    detector = replace(PLANCK, families=(die,))
    codes = np.full(options.hits, FAMILIES.index("long"))
    n = options.hits
    energy = draw_hits(detector, rays.tabulated(), np.full(n, PHI_MV), np.full(n, THICKNESS_UM), codes, rng(options.seed, "die")).deposit_kev
    index, _ = power_law_index(energy, 168.0, 2800.0)
    yield Gate("Landau deposits in a die of 350 um instead: n from 168 to 2800 keV", index, "2.4")
    counts, edges = np.histogram(energy, np.geomspace(30.0, 3000.0, 81))
    yield Gate("the same: where counts per logarithm of energy are highest", float(edges[np.argmax(counts)]), "140", unit="keV")


def jumps(family: str, options: Options) -> np.ndarray:
    """What the data rise by from one sample to the next, in W, where one family's glitches come: nothing is known of the hits."""
    view = WindowsView(detector=PLANCK, families=(family,), samples=200_000)  # type: ignore[arg-type]
    rises = [np.diff(view.window(PHI_MV, THICKNESS_UM, rng(options.seed, "jumps", family, window))[0], axis=1) for window in range(20)]
    found = np.concatenate([rise.ravel() for rise in rises])
    return found[found > 0]


def exactness(options: Options) -> Iterator[Gate]:
    """Filters beside the slow reference and in chunks; then what both, and the views, cost."""
    view = WindowsView()
    detector = view.detector
    view.window(PHI_MV, THICKNESS_UM, rng(options.seed, "compile"))
    began = time.process_time()
    data, found = view.window(PHI_MV, THICKNESS_UM, rng(options.seed, "reference"))
    fast = time.process_time() - began
    hits = Starts(found.time_s, found.pulses.amplitude_w, found.pulses.delay_s)
    seconds = view.samples / detector.rate_hz
    began = time.process_time()
    slow = reference_power(hits, 0, view.samples, detector.rate_hz, np.array(detector.time_constants_s), detector.saturation_w)
    cost = time.process_time() - began
    yield below("largest difference of filters and slow reference, over the largest value", float(np.abs(slow - data).max() / data.max()), 1e-9)
    state, parts = start_chain(detector, -burn_samples(detector)), []
    whole = advance(state, hits, burn_samples(detector) + view.samples, detector)[1]
    for cut in (1, 7, 500, burn_samples(detector) + view.samples - 508):
        state, part = advance(state, Starts(*(values[: 0 if parts else None] for values in hits)), cut, detector)
        parts.append(part)
    yield below("samples that differ where the stream is cut into chunks", float(np.sum(np.concatenate(parts, axis=1) != whole)), 0.0)
    yield Gate("slow reference's cost over the length of the data", cost / seconds, "2 to 30 (the talk's Monte Carlo)")
    began = time.process_time()
    count = 30
    for window in range(count):
        view.window(PHI_MV, THICKNESS_UM, rng(options.seed, "speed", window))
    yield Gate(f"windows' cost over the length of the data, {detector.bolometers} bolometers", (time.process_time() - began) / (count * seconds))
    yield Gate("the slow reference over the whole simulator", cost / max(fast, 1e-9))
    theta = HitsView().prior(100_000, rng(options.seed, "theta"))
    began = time.process_time()
    HitsView().simulate(theta, rng(options.seed, "hits"))
    yield Gate("single hits", 1e5 / (time.process_time() - began), unit="/ s")


def learned(options: Options) -> Iterator[Gate]:
    """What data of the packaged generator's hits cost: arrivals and marks from tables, filters and response."""
    detector, samples = Detector(), 32_768
    began = time.process_time()
    tables = tabulate(load("bolometer"), detector, THICKNESS_UM)
    yield Gate("tables of the packaged generator", time.process_time() - began, unit="s, once")
    seconds = samples / detector.rate_hz
    state, costs = start_chain(detector, 0), []
    for chunk in range(60):
        began = time.process_time()
        hits = tables.draw(options.seed, chunk, PHI_MV, chunk * seconds, seconds)
        drawn = time.process_time()
        state, _ = advance(state, hits.pulses, samples, detector)
        costs.append((drawn - began, time.process_time() - drawn))
    # the least: a machine that is shared only ever adds to it
    marks, filters = (min(part) / seconds for part in zip(*costs, strict=True))
    yield Gate("arrivals and marks over the length of the data", marks)
    yield Gate("filters and response over the length of the data", filters)
    yield below(f"the generator over the length of the data, {detector.bolometers} bolometers", min(map(sum, costs)) / seconds, 1e-4)


def powers(options: Options) -> Iterator[Gate]:
    """Mean and rms of three hours of data: of the packaged generator's hits, and of the simulator's at another seed, over the simulator's."""
    simulated = WaferStream(sun=Sun(phi_mv=PHI_MV), thickness_um=THICKNESS_UM)
    found = [moments(simulated, options.seed), moments(simulated, options.seed + 1), moments(simulated.learned(load("bolometer")), options.seed)]
    for word, truth, floor, learned in zip(("mean", "rms about the mean"), *found, strict=True):
        yield Gate(f"{word} of the generator's data over the simulator's", learned / truth, f"floor {floor / truth:.4f}")


def learned_deposits(options: Options) -> Iterator[Gate]:
    """Deposits of the packaged generator's hits beside the simulator's, at a phi and a thickness that it has never seen."""
    for family in ("wafer", "absorber"):
        simulated = WaferStream(sun=Sun(phi_mv=NEW_PHI_MV), thickness_um=THICKNESS_UM, families=(family,))
        sources = ((simulated, options.seed), (simulated, options.seed + 1), (simulated.learned(load("bolometer")), options.seed))
        truth, second, answer = (deposits_of(stream, family, seed) for stream, seed in sources)
        least = min(len(truth), len(second), len(answer))
        truth, second, answer = truth[:least], second[:least], answer[:least]
        where = f"{'in the wafer' if family == 'wafer' else 'on a bolometer'}, {least:,} hits"
        yield Gate(f"KS of the generator's deposits {where}", kolmogorov_smirnov(truth, answer), f"floor {kolmogorov_smirnov(truth, second):.4f}")
        for share in SHARES:
            expected, other, found = (float(np.quantile(values, share)) for values in (truth, second, answer))
            yield Gate(f"their quantile {share:g} over the simulator's", found / expected, f"floor {other / expected:.4f}")


def deposits_of(stream: WaferStream, family: str, seed: int) -> np.ndarray:
    """About ``DEPOSITS`` of a family's, in keV, each from a block of time of its own."""
    rates = rates_per_s(stream.detector, stream.rays, np.array([NEW_PHI_MV]))[:, 0]
    seconds = DEPOSITS / BLOCKS / rates[stream.detector.family_names.index(family)]
    blocks = (Span(number, 0.0, seconds, NEW_PHI_MV, rates) for number in range(BLOCKS))
    drawn = [stream.source.draw(stream.detector, stream.rays, THICKNESS_UM, (family,), block, seed) for block in blocks]
    return np.concatenate([each.hits.deposit_kev for each in drawn])


def moments(stream: WaferStream, seed: int) -> tuple[float, float]:
    """Mean, and rms about each bolometer's mean, in W, of three hours of a stream from 2012 on."""
    first = round(12 * YEAR_S * stream.rate_hz)
    stops = range(first, first + round(3 * 3600 * stream.rate_hz), stream.block_samples)
    values = np.concatenate([stream.make(seed, start, start + stream.block_samples, truth=False).values for start in stops], axis=1).astype(float)
    return float(values.mean()), float(values.std(axis=1).mean())


def main(options: Options) -> int:
    """Measure, print; 1 where a limit is missed."""
    parts = (rates, deposits, spectra, glitches, exactness, learned, powers, learned_deposits)
    gates = [*fluxes(), *(gate for part in parts for gate in part(options))]
    return told(gates, options.markdown)


if __name__ == "__main__":
    sys.exit(main(tyro.cli(Options, description=__doc__)))
