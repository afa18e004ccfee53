"""One observed sky: the p-value of a network's verdict against isotropic skies of the same energies and exposure, and top-hat excesses.

The p-value is counted in isotropic skies where enough of them reach the observed verdict; beyond, it is importance-sampled from skies with a signal of known
density ratio to isotropy (the toy's law before the exposure), which is exact whatever the signal in nature is; where neither suffices only a limit is quoted.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cloudchamber.physics.exposure import EXPOSURES, draw_exposed, exposure_at
from cloudchamber.physics.sphere import (
    equatorial_from_galactic,
    galactic_from_equatorial,
    lon_lat_deg,
    move,
    pixel_centres,
    random_directions,
    unit_vectors,
    von_mises_fisher,
)
from cloudchamber.rng import rng
from cloudchamber.schema import Ragged, Table
from cloudchamber.studies.cosmic_ray_sky.composition import draw_charges
from cloudchamber.studies.cosmic_ray_sky.observables import area_under_curve
from cloudchamber.studies.cosmic_ray_sky.tophat import Excess, disc_fractions, discs, targeted_tophat, tophat_scans
from cloudchamber.studies.cosmic_ray_sky.toy import Toy
from cloudchamber.studies.cosmic_ray_sky.toy_likelihood import log_bayes_factor, prepare
from cloudchamber.study import Findings
from cloudchamber.validate.significance import MIN_EFFECTIVE_SIZE, direct_p_value, importance_p_value, sigma_from_p

if TYPE_CHECKING:
    from cloudchamber.models.trained import TrainedModel

FIRST_SKIES, ISOTROPIC_SKIES, SCANNED_SKIES, TRIAL_SKIES = 200, 2000, 200, 24
SIGNAL_SKIES, ROUNDS = 80, 6
"""Skies of each strength in a round of importance sampling, and the rounds after which it is given up."""
SIGNALS = (10, 15, 20, 27, 36, 48, 64, 85, 110)
"""Signal cosmic rays of skies from which small p-values are sampled, for 1000 cosmic rays; they grow as the root of the number."""
LAW = Toy(composition="He")
CENTAURUS_A_DEG = (309.516, 19.417)
TARGET_RADIUS_DEG, TARGET_THRESHOLD_EV = 27.0, 3.8e19
"""The targeted search of the Pierre Auger Collaboration, ApJ 935 (2022) 170, section 4."""
_EXPOSURE_TOLERANCE = 0.01
_NEVER, _LEAST_LOG = -1e30, -1e4

Score = Callable[[Table], np.ndarray]
"""A statistic of skies, (events,)."""


class PValue(NamedTuple):
    """A p-value with its interval (68 %), the way it was found, and the number of skies behind it; ``value`` is NaN where only ``high`` holds."""

    value: float
    low: float
    high: float
    how: str


def findings(model: TrainedModel, skies: Table, seed: int) -> Findings:
    """Log odds and p-value of each sky, the relevance of its cosmic rays, top-hat excesses; figures of the first sky."""
    from cloudchamber.studies.cosmic_ray_sky.plots import relevance_sky, tophat_sky
    from cloudchamber.studies.cosmic_ray_sky.verdict import log_odds, relevance_of_events

    odds = log_odds(model, skies)
    relevance, absorbed = relevance_of_events(model, skies)
    found = []
    for event in range(len(odds)):
        sky = {name: column[event : event + 1] for name, column in skies.items() if isinstance(column, Ragged)}
        found.append(p_value(lambda maps: log_odds(model, maps), sky, float(odds[event]), seed))
    first = {name: column[:1] for name, column in skies.items() if isinstance(column, Ragged)}
    lon, lat, energy_ev = (first[name].values.astype(float) for name in ("lon_deg", "lat_deg", "energy_ev"))
    name, scan, penalised = exposure_name(first), *blind_scan(first, seed)
    target = targeted_tophat(unit_vectors(lon, lat), energy_ev, unit_vectors(*CENTAURUS_A_DEG), TARGET_RADIUS_DEG, TARGET_THRESHOLD_EV, _target_fraction(name))
    centre = [float(value) for value in lon_lat_deg(scan.centre)]
    facts: dict[str, str | int | float] = {
        "cosmic rays": len(energy_ev),
        "energies": f"{energy_ev.min() / 1e18:.3g} to {energy_ev.max() / 1e18:.3g} EeV",
        "exposure": name or "of its own; isotropic skies keep each declination",
        "ln odds of a signal": round(float(odds[0]), 3),
        "p-value": stated(found[0]),
        "relevance of constants": f"{float(absorbed[0]):.3g} of the ln odds; the rest is the cosmic rays'",
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
        tagged = area_under_curve(relevance[:1].values, signal)
        facts["simulated truth"] = f"{int(signal.sum())} cosmic rays of sources; relevance ranks them above the others with AUC {tagged:.3f}"
    figures = {
        "Relevance of each cosmic ray": relevance_sky(
            lon, lat, energy_ev, relevance[:1].values, "Red spoke for a signal, blue against it (layer-wise relevance propagation); sizes grow with the energy."
        ),
        "The sky": tophat_sky(lon, lat, energy_ev, scan),
    }
    values = {"p_value": [each.value for each in found], "p_value_low": [each.low for each in found], "p_value_high": [each.high for each in found]}
    columns = {"ln_odds": odds, **{name: np.array(column) for name, column in values.items()}, "relevance": relevance}
    return Findings(facts, figures, columns)


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
    direct = PValue(float(counted.p_value[0]), float(counted.low[0]), float(counted.high[0]), f"counted in {len(scores)} isotropic skies")
    if counted.exceedances[0] >= MIN_EFFECTIVE_SIZE or exposure_name(sky) is None:
        return direct
    return _sampled_p_value(score, sky, observed, seed) or direct


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


def signal_skies(sky: Table, n: int, signal: int, exposure: str, random: np.random.Generator) -> tuple[Table, np.ndarray]:
    """``n`` skies in which ``signal`` of the cosmic rays of ``sky``, any of them, come from one source by ``LAW`` before any exposure; whether all are seen."""
    energy = sky["energy_ev"].values.astype(float)
    size = len(energy)
    vectors = draw_exposed(n * size, exposure, random).reshape(n, size, 3)
    chosen = np.argsort(random.random((n, size)), axis=1)[:, :signal]
    source, psi = random_directions(n, random), random.uniform(0, 2 * np.pi, n)
    rigidity = 1e-18 * energy[chosen] / draw_charges(n * signal, LAW.composition, random).reshape(n, signal)
    centre = move(np.broadcast_to(source[:, None], (n, signal, 3)), LAW.coherent_rad_ev / rigidity, psi[:, None])
    np.put_along_axis(vectors, chosen[..., None], von_mises_fisher(centre, LAW.blur_rad_ev / rigidity, random), axis=1)
    seen = exposure_at(vectors, exposure)
    return _skies(sky, vectors.reshape(-1, 3), np.maximum(seen, 1e-9).ravel(), n), np.asarray((seen > 0).all(axis=1))


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


def _sampled_p_value(score: Score, sky: Table, observed: float, seed: int) -> PValue | None:
    """The p-value by importance sampling from the two signal strengths whose verdicts lie about the observed one; None where that is not enough."""
    exposure = exposure_name(sky)
    assert exposure is not None
    size = len(sky["energy_ev"].values)
    counts = [count for count in (round(each * (size / 1000) ** 0.5) for each in SIGNALS) if 1 <= count <= size]
    medians = [np.median(_scored(score, sky, TRIAL_SKIES, count, exposure, rng(seed, "trial", count))[1]) for count in counts]
    above = next((i for i, median in enumerate(medians) if median >= observed), len(counts) - 1)
    used = counts[max(above - 1, 0) : above + 1]
    statistic, log_bf, stratum = np.empty(0), np.empty((0, len(used))), np.empty(0, int)
    for turn in range(ROUNDS):
        for column, count in enumerate(used):
            skies, values = _scored(score, sky, SIGNAL_SKIES, count, exposure, rng(seed, "signal", count, turn))
            # a sky below the observed verdict has no part in the tail, so its factor is not needed
            factors = np.zeros((SIGNAL_SKIES, len(used)))
            for event in np.flatnonzero(values >= observed).tolist():
                factors[event] = [max(log_ratio(skies, event, each), _LEAST_LOG) for each in used]
            statistic, log_bf = np.concatenate([statistic, values]), np.concatenate([log_bf, factors])
            stratum = np.concatenate([stratum, np.full(SIGNAL_SKIES, column)])
        with contextlib.suppress(ValueError):
            tail = importance_p_value(observed, statistic, log_bf, stratum)
            value, error = float(tail.p_value[0]), float(tail.error[0])
            how = f"importance-sampled from {len(statistic)} skies, {tail.effective_size[0]:.0f} effective"
            return PValue(value, max(value - error, 0.0), value + error, how)
    return None


def log_ratio(skies: Table, event: int, signal: int) -> float:
    """ln of the density of a sky under ``signal_skies`` over that under isotropy behind its exposure."""
    one = {name: skies[name][event : event + 1].values.astype(float) for name in ("lon_deg", "lat_deg", "energy_ev", "exposure")}
    rays = prepare(LAW, unit_vectors(one["lon_deg"], one["lat_deg"]), one["energy_ev"])
    return log_bayes_factor(LAW, rays._replace(log_share=rays.log_share - np.log(one["exposure"])[:, None]), signal)


def _scored(score: Score, sky: Table, n: int, signal: int, exposure: str, random: np.random.Generator) -> tuple[Table, np.ndarray]:
    skies, seen = signal_skies(sky, n, signal, exposure, random)
    # where a cosmic ray arrives that cannot be seen, the sky is no isotropic one: it has no part in the tail
    return skies, np.where(seen, score(skies), _NEVER)


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
