"""One observed sky: the p-value of a network's verdict against isotropic skies of the same energies and exposure, and top-hat excesses.

The p-value is counted in isotropic skies where enough of them reach the observed verdict; beyond, it is found by multilevel splitting, which needs isotropic
skies only; verdicts beyond seven sigma get a limit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cloudchamber.physics.exposure import EXPOSURES, draw_exposed, exposure_at, share_below
from cloudchamber.physics.sphere import (
    equatorial_from_galactic,
    galactic_from_equatorial,
    lon_lat_deg,
    pixel_centres,
    unit_vectors,
)
from cloudchamber.rng import rng
from cloudchamber.schema import Column, Ragged, Table
from cloudchamber.statistics.significance import MIN_EFFECTIVE_SIZE, direct_p_value, p_from_sigma, sigma_from_p
from cloudchamber.statistics.splitting import redraw, split
from cloudchamber.studies.cosmic_ray_sky.observables import area_under_curve
from cloudchamber.studies.cosmic_ray_sky.scans.tophat import Excess, disc_fractions, discs, targeted_tophat, tophat_scans
from cloudchamber.study import Findings

if TYPE_CHECKING:
    from cloudchamber.run.answer import Answer
    from cloudchamber.run.trained import TrainedModel

FIRST_SKIES, ISOTROPIC_SKIES, SCANNED_SKIES = 200, 2000, 200
PARTICLES, REPETITIONS = 200, 4
"""Skies of a level in each repetition, which leaves an error of about 0.15 sigma at five sigma."""
MOST_SIGMA = 7.0
CENTAURUS_A_DEG = (309.516, 19.417)
TARGET_RADIUS_DEG, TARGET_THRESHOLD_EV = 27.0, 3.8e19
"""The targeted search of the Pierre Auger Collaboration, ApJ 935 (2022) 170, section 4."""
_EXPOSURE_TOLERANCE = 0.01
IMPLAUSIBLE = 1e-6
"""A list whose right ascensions, or declinations, are as they are with a smaller probability is rather a wrong one than a strong signal."""

Score = Callable[[Table], np.ndarray]
"""A statistic of skies, (events,)."""


class PValue(NamedTuple):
    """A p-value with its interval (68 %), the way it was found, and the number of skies behind it; ``value`` is NaN where only ``high`` holds."""

    value: float
    low: float
    high: float
    how: str


TOLD = {
    "ln_odds": Column(doc="ln of the odds of a signal"),
    "p_value": Column(doc="probability of such odds in isotropic skies; NaN where only p_value_high holds"),
    "p_value_low": Column(doc="lower end of the p-value's interval (68 %)"),
    "p_value_high": Column(doc="upper end of the p-value's interval (68 %)"),
    "relevance": Column(doc="share of each cosmic ray in the ln odds of a signal", ragged=True),
}
"""Meanings of the columns beside a network's answers, none of which has a unit."""


class SkyFinder:
    """Log odds and p-value of each sky, the relevance of its cosmic rays; top-hat excesses and figures of the first sky."""

    columns = TOLD

    def __init__(self, model: TrainedModel, seed: int) -> None:
        self.model, self.seed = model, seed
        self.first: Findings | None = None

    def look(self, answer: Answer) -> Table:
        """Log odds, p-values and relevances of these skies."""
        from cloudchamber.studies.cosmic_ray_sky.verdict import log_odds, relevance_of_events

        skies = answer.events
        odds = log_odds(self.model, skies)
        relevance, absorbed = relevance_of_events(self.model, skies)
        found = []
        for event in range(len(odds)):
            sky = {name: column[event : event + 1] for name, column in skies.items() if isinstance(column, Ragged)}
            found.append(p_value(lambda maps: log_odds(self.model, maps), sky, float(odds[event]), self.seed))
        if self.first is None:
            sky = {name: column[:1] for name, column in skies.items() if isinstance(column, Ragged)}
            self.first = _of_sky(sky, float(odds[0]), found[0], relevance[:1].values, float(absorbed[0]), self.seed)
        values = {"p_value": [each.value for each in found], "p_value_low": [each.low for each in found], "p_value_high": [each.high for each in found]}
        return {"ln_odds": odds, **{name: np.array(column) for name, column in values.items()}, "relevance": relevance}

    def findings(self) -> Findings:
        """Of the first sky."""
        return self.first or Findings()


def _of_sky(first: Table, odds: float, p: PValue, relevance: np.ndarray, absorbed: float, seed: int) -> Findings:
    """Facts and figures of one sky."""
    from cloudchamber.studies.cosmic_ray_sky.plots import relevance_sky, tophat_sky

    lon, lat, energy_ev = (first[name].values.astype(float) for name in ("lon_deg", "lat_deg", "energy_ev"))
    name, scan, penalised = exposure_name(first), *blind_scan(first, seed)
    target = targeted_tophat(unit_vectors(lon, lat), energy_ev, unit_vectors(*CENTAURUS_A_DEG), TARGET_RADIUS_DEG, TARGET_THRESHOLD_EV, _target_fraction(name))
    centre = [float(value) for value in lon_lat_deg(scan.centre)]
    facts: dict[str, str | int | float] = {
        "cosmic rays": len(energy_ev),
        "energies": f"{energy_ev.min() / 1e18:.3g} to {energy_ev.max() / 1e18:.3g} EeV",
        "exposure": name or "of its own; isotropic skies keep each declination",
        **plausible(lon, lat, name),
        "ln odds of a signal": round(odds, 3),
        "p-value": stated(p),
        "relevance of constants": f"{absorbed:.3g} of the ln odds; the rest is the cosmic rays'",
        "blind top-hat excess": (
            f"{int(scan.observed)} seen, {float(scan.expected):.3g} expected within {float(scan.radius_deg):g}° of l {centre[0]:.0f}°, b {centre[1]:.0f}° "
            f"from {float(scan.threshold_ev) / 1e18:.3g} EeV; local p {np.exp(float(scan.ln_p)):.2g}, after the scan {stated(penalised)}"
        ),
        "around Centaurus A": (
            f"{int(target.observed)} seen, {float(target.expected):.3g} expected within {TARGET_RADIUS_DEG:g}° from "
            f"{TARGET_THRESHOLD_EV / 1e18:g} EeV (or the list's own threshold); p {np.exp(float(target.ln_p)):.2g}"
        ),
    }
    if "from_source" in first and first["from_source"].values.any():
        signal = first["from_source"].values == 1
        tagged = area_under_curve(relevance, signal)
        facts["simulated truth"] = f"{int(signal.sum())} cosmic rays of sources; relevance ranks them above the others with AUC {tagged:.3f}"
    figures = {
        "Relevance of each cosmic ray": relevance_sky(
            lon, lat, energy_ev, relevance, "Red spoke for a signal, blue against it (layer-wise relevance propagation); sizes grow with the energy."
        ),
        "The sky": tophat_sky(lon, lat, energy_ev, scan),
    }
    return Findings(facts, figures)


def plausible(lon_deg: np.ndarray, lat_deg: np.ndarray, exposure: str | None) -> dict[str, str]:
    """Whether right ascensions are as flat as the earth's rotation makes them, and declinations as a known exposure; Kolmogorov-Smirnov tests."""
    from scipy.stats import kstest

    ra, dec = equatorial_from_galactic(lon_deg, lat_deg)
    tests = {"right ascension": (kstest(np.asarray(ra) % 360.0 / 360.0, "uniform").pvalue, "flat")}
    if exposure is not None:
        tests["declination"] = (kstest(share_below(np.sin(np.deg2rad(dec)), exposure), "uniform").pvalue, f"as the exposure '{exposure}'")
    found = {}
    for what, (p, how) in tests.items():
        doubt = "; no: hours for degrees, another frame or observatory, or a selection of events?" if p < IMPLAUSIBLE else ""
        found[what] = f"{how}, p {p:.2g}{doubt}"
    return found


def stated(p: PValue) -> str:
    """A p-value in words."""
    if np.isnan(p.value):
        return f"below {p.high:.2g} ({p.how})"
    return f"{p.value:.2g} ({p.low:.2g} to {p.high:.2g}), {float(sigma_from_p(p.value)):.1f} sigma; {p.how}"


def p_value(score: Score, sky: Table, observed: float, seed: int) -> PValue:
    """Isotropic probability of a ``score`` of at least ``observed`` for skies of the energies and exposure of ``sky`` (one event)."""
    scores = np.empty(0)
    for turn, skies in enumerate((FIRST_SKIES, ISOTROPIC_SKIES - FIRST_SKIES)):
        scores = np.concatenate([scores, score(isotropic_skies(sky, skies, rng(seed, "isotropy", turn)))])
        counted = direct_p_value(observed, scores)
        if counted.exceedances[0] >= MIN_EFFECTIVE_SIZE:
            break
    if counted.exceedances[0] >= MIN_EFFECTIVE_SIZE:
        return PValue(float(counted.p_value[0]), float(counted.low[0]), float(counted.high[0]), f"counted in {len(scores)} isotropic skies")

    def draw(n: int, random: np.random.Generator) -> Table:
        return isotropic_skies(sky, n, random)

    tail = split(draw, redraw(draw), score, float(p_from_sigma(MOST_SIGMA)), seed, threshold=observed, particles=PARTICLES, runs=REPETITIONS)
    how = f"multilevel splitting, {tail.events:,} isotropic skies"
    value, error = (float(each[0]) for each in tail.p_value(min(observed, tail.last)))
    if observed > tail.last:
        return PValue(float("nan"), 0.0, value + error, how)
    # the repetitions spread by a factor rather than by a difference
    return PValue(value, value / (1 + error / value), min(value + error, 1.0), how)


def exposure_name(sky: Table) -> str | None:
    """The one of ``EXPOSURES`` that a sky's column of exposures follows, None for another."""
    vectors = unit_vectors(sky["lon_deg"].values, sky["lat_deg"].values)
    given = sky["exposure"].values.astype(float)
    for name in EXPOSURES:
        if np.max(np.abs(exposure_at(vectors, name) - given)) < _EXPOSURE_TOLERANCE:
            return name
    return None


def isotropic_skies(sky: Table, n: int, random: np.random.Generator) -> Table:
    """``n`` isotropic skies with the energies of ``sky``; behind an unknown exposure right ascensions are drawn anew and declinations stay."""
    size, name = len(sky["energy_ev"].values), exposure_name(sky)
    if name is not None:
        vectors = draw_exposed(n * size, name, random)
        return _skies(sky, vectors, exposure_at(vectors, name), n)
    _, dec = equatorial_from_galactic(sky["lon_deg"].values, sky["lat_deg"].values)
    lon, lat = galactic_from_equatorial(random.uniform(0, 360, n * size), np.tile(dec, n))
    return _skies(sky, unit_vectors(lon, lat), np.tile(sky["exposure"].values, n), n)


def blind_scan(sky: Table, seed: int) -> tuple[Excess, PValue]:
    """The most significant top-hat excess of a sky, and its p-value after the scan."""
    over = discs(nside=16, exposure_map=_exposure_map(exposure_name(sky)))
    lowest = float(sky["energy_ev"].values.min())
    thresholds = [energy for energy in np.arange(32e18, 81e18, 2e18) if energy > lowest]
    thresholds = [lowest, *thresholds]
    maps = {name: Ragged.from_list([values]) for name, values in (("vectors", _vectors(sky)), ("energy_ev", sky["energy_ev"].values.astype(float)))}
    found = Excess(*(column[0] for column in tophat_scans(maps["vectors"], maps["energy_ev"], over, thresholds)))
    random = isotropic_skies(sky, SCANNED_SKIES, rng(seed, "scan"))
    scanned = tophat_scans(Ragged(_vectors(random), random["energy_ev"].offsets), random["energy_ev"], over, thresholds)
    counted = direct_p_value(-float(found.ln_p), -scanned.ln_p)
    how = f"counted in {SCANNED_SKIES} isotropic skies"
    return found, PValue(float(counted.p_value[0]), float(counted.low[0]), float(counted.high[0]), how)


def _skies(sky: Table, vectors: np.ndarray, exposure: np.ndarray, n: int) -> Table:
    energy = sky["energy_ev"].values
    offsets = np.arange(n + 1) * len(energy)
    lon, lat = lon_lat_deg(vectors)
    columns = {"lon_deg": lon, "lat_deg": lat, "energy_ev": np.tile(energy, n), "exposure": exposure}
    return {name: Ragged(values, offsets) for name, values in columns.items()}


def _vectors(skies: Table) -> np.ndarray:
    return unit_vectors(skies["lon_deg"].values, skies["lat_deg"].values)


def _exposure_map(name: str | None) -> np.ndarray | None:
    return None if name in (None, "uniform") else exposure_at(pixel_centres(32), str(name))


def _target_fraction(name: str | None) -> float:
    return float(disc_fractions(unit_vectors(*CENTAURUS_A_DEG)[None], [TARGET_RADIUS_DEG], _exposure_map(name))[0, 0])
