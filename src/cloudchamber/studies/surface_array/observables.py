"""What a reconstruction of air showers must keep: sharper than the parametric fit, without bias, and with uncertainties that are true.

Everything is judged after the standard cuts, on all energies together and in windows about 10 and 57 EeV. The floor of a check is what the answer itself
promises: one of its own draws, left out of the others, stands in for the truth.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import numpy as np

from cloudchamber.rng import rng
from cloudchamber.schema import Table
from cloudchamber.statistics.classifier import auc
from cloudchamber.statistics.measured import Measured
from cloudchamber.studies.surface_array import estimates as say
from cloudchamber.studies.surface_array.columns import PARTICLES
from cloudchamber.studies.surface_array.fit.quality import passes
from cloudchamber.validate.check import Check, Groups

WINDOWS = {"10 EeV": (18.9, 19.1), "57 EeV": (19.656, 19.856)}
"""lg(E/eV) of the events that count as of one energy."""
LEAST_GAIN = 1.30
LARGEST_CONFUSION, LARGEST_SURPRISE = 0.45, 0.95 * float(np.log(len(PARTICLES)))
"""What tells hardly more than a coin, or than that there are five particles, is no answer."""
ENOUGH, ENOUGH_OF_A_PRIMARY = 5000, 100
"""So many events of a window tell a coverage, or a primary's bias, to about 1 %; with fewer, only all energies together are judged."""
RESAMPLES, REDRAWS = 100, 4
PHOTON = PARTICLES.index("gamma")

Events = Mapping[str, Any]
Numbers = Callable[[Events, Events], "tuple[np.ndarray, ...]"]
"""Numbers of each event, out of truth and answer."""
Statistic = Callable[..., float]
"""One number out of these."""


def checks() -> Sequence[Check]:
    """The checks of this study's reports."""
    promised = "the floor is what the answer itself promises"
    return (
        _check(
            "angular resolution over the fit's",
            f"the network sharpens the fit 1.3 times or more; {promised}",
            _openings,
            _ratio68,
            1 / LEAST_GAIN,
            proton_and_iron,
            skill=True,
        ),
        _check("angular resolution", f"68 % of directions are this near; {promised}", _opening, say.quantile68, None, by_primary, "deg"),
        _check("angular resolution of the fit", "68 % of the fit's directions are this near", _fit_opening, say.quantile68, None, by_primary, "deg", False),
        _check("core resolution over the fit's", f"68 % quantile of the core's distance; {promised}", _core_distances, _ratio68, 1.0, by_primary, skill=True),
        _check("core resolution", f"68 % of cores are this near; {promised}", _core_distance, say.quantile68, None, by_primary, "m"),
        *(
            _check(
                f"unexplained variance of the fit's {name}",
                f"1 - explained variance of the fit's error; {promised}",
                numbers,
                _variance_ratio,
                1.0,
                by_primary,
                skill=True,
            )
            for name, numbers in (("zenith angle", _zenith_errors), ("azimuth", _azimuth_errors), ("ln E", _energy_errors))
        ),
        _check("bias of ln E", "no primary's energy is off by more than 3 %", _energy_error, _bias, 0.03, by_primary),
        _check("bias of ln E of the fit", "the same of the fit", _fit_energy_error, _bias, None, by_primary, "", False),
        *(
            _check(f"sd(ln E) of nuclei at {name}", f"the mixture of nuclei; {promised}", _energy_error, _deviation, limit, groups, skill=True)
            for name, limit, groups in (("10 EeV", 0.12, nuclei_at_10_eev), ("57 EeV", 0.09, nuclei_at_57_eev))
        ),
        *(
            _check(
                f"sd(ln E) of nuclei at {name}, taken for nuclei",
                f"the same, no draw a photon's; {promised}",
                _nuclear_error,
                _deviation,
                limit,
                groups,
                skill=True,
            )
            for name, limit, groups in (("10 EeV", 0.12, nuclei_at_10_eev), ("57 EeV", 0.09, nuclei_at_57_eev))
        ),
        _check("sd(ln E)", f"spread of the energy's error; {promised}", _energy_error, _deviation, None, by_primary),
        _check("sd(ln E) of the fit", "the same of the fit", _fit_energy_error, _deviation, None, by_primary, "", False),
        _check("half the central 68 % of ln E", f"its error's spread without tails; {promised}", _energy_error, _half68, None, by_primary),
        _check("half the central 68 % of ln E of the fit", "the same of the fit", _fit_energy_error, _half68, None, by_primary, "", False),
        _check("pulls of the direction", "|width - 1| of error over stated error", _pulls, _width, 0.03, by_energy),
        _check("pulls of the direction, central 68 %", "the same by quantiles, whatever the tails are", _pulls, _width68, 0.03, by_energy),
        _check("pulls of the fit's direction", "the same of the fit", _fit_pulls, _width, None, by_energy, "", False),
        *(
            _check(
                f"{share:.0%} coverage of {name}",
                "regions of that probability hold that share of the truths",
                _alone(needed),
                _uncovered(share),
                0.01,
                by_energy,
            )
            for name, needed in (("the direction", say.direction_level), ("the core", say.core_level), ("ln E", say.energy_level), ("Xmax", say.xmax_level))
            for share in (0.68, 0.95)
        ),
        _check(
            "photons and nuclei, 1 - AUC",
            f"how often a nucleus looks more like a photon than a photon does, 1/2 by chance; {promised}",
            _photons,
            _confusion,
            LARGEST_CONFUSION,
            by_energy_of_both,
            skill=True,
        ),
        _check("Xmax resolution", f"standard deviation of the error; {promised}", _xmax_error, _deviation, None, by_primary, "g/cm2"),
        _check("spread of Xmax", "standard deviation of Xmax itself: what knows no better reaches", _xmax, _deviation, None, by_primary, "g/cm2", False),
        _check(
            "log score of the particle",
            f"- ln p of the true one, of five alike ln 5 = 1.609; {promised}",
            _particle,
            _surprise,
            LARGEST_SURPRISE,
            by_energy,
            "nat",
            skill=True,
        ),
    )


def photon_probability(answer: Events) -> np.ndarray:
    """p(photon), (events,)."""
    return np.asarray(answer["particle_probability"], float)[:, PHOTON]


def energy_masks(truth: Events) -> dict[str, np.ndarray]:
    """The windows of energy and all together; of events of one energy, that."""
    lg = np.log10(np.asarray(truth["energy_ev"], float))
    everything = np.ones(len(lg), bool)
    if len(lg) and np.ptp(lg) == 0:
        return {f"{10 ** (lg[0] - 18):.3g} EeV": everything}
    return {name: (lg >= low) & (lg < high) for name, (low, high) in WINDOWS.items()} | {"all energies": everything}


def by_primary(truth: Table) -> dict[str, np.ndarray]:
    """Each primary, and the mixture of nuclei, in each range of energy."""
    masks = {name: _is(truth, name) for name in PARTICLES} | {"nuclei": ~_is(truth, "gamma")}
    return _selected(truth, masks)


def proton_and_iron(truth: Table) -> dict[str, np.ndarray]:
    """Protons and iron in each range of energy."""
    return _selected(truth, {name: _is(truth, name) for name in ("p", "Fe")})


def by_energy(truth: Table) -> dict[str, np.ndarray]:
    """All primaries in each range of energy: what is calibrated is calibrated on the mixture."""
    return _ranges("", _cut(truth), energy_masks(truth), ENOUGH)


def by_energy_of_both(truth: Table) -> dict[str, np.ndarray]:
    """The same where there are photons and nuclei to tell apart; other ranges are left empty."""
    photon = _is(truth, "gamma")
    return {name: mask & bool((mask & photon).any() and (mask & ~photon).any()) for name, mask in by_energy(truth).items()}


def nuclei_at_10_eev(truth: Table) -> dict[str, np.ndarray]:
    """Nuclei of about 10 EeV."""
    return _nuclei_at(truth, "10 EeV")


def nuclei_at_57_eev(truth: Table) -> dict[str, np.ndarray]:
    """Nuclei of about 57 EeV."""
    return _nuclei_at(truth, "57 EeV")


def _nuclei_at(truth: Table, name: str) -> dict[str, np.ndarray]:
    good, (low, high) = _cut(truth), WINDOWS[name]
    lg = np.log10(np.asarray(truth["energy_ev"], float))
    return {f"nuclei, {name}": good & ~_is(truth, "gamma") & (lg >= low) & (lg < high)}


def _selected(truth: Table, masks: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    good, energies = _cut(truth), energy_masks(truth)
    groups = [_ranges(f"{primary}, ", good & mask, energies, ENOUGH_OF_A_PRIMARY) for primary, mask in masks.items()]
    return {name: mask for group in groups for name, mask in group.items()}


def _ranges(name: str, chosen: np.ndarray, energies: Mapping[str, np.ndarray], least: int) -> dict[str, np.ndarray]:
    """``chosen`` in each range of energy; those of several that hold less than ``least`` events are left empty."""
    masks = {energy: chosen & inside for energy, inside in energies.items()}
    return {f"{name}{energy}": mask & bool(len(masks) == 1 or energy not in WINDOWS or mask.sum() >= least) for energy, mask in masks.items()}


def _cut(truth: Table) -> np.ndarray:
    """Mask of the standard cuts; KeyError for an answer, whose primary and energy are its own: its groups are the truth's."""
    if any(name.endswith("_draws") for name in truth):
        raise KeyError("energy_ev")
    return passes(truth)


def _is(truth: Table, particle: str) -> np.ndarray:
    return np.asarray(np.asarray(truth["particle"]) == PARTICLES.index(particle))


def _check(
    name: str, why: str, numbers: Numbers, statistic: Statistic, limit: float | None, groups: Groups, unit: str = "", promises: bool = True, skill: bool = False
) -> Check:
    """A check of the ``statistic`` of each event's ``numbers``, with its bootstrap error and, if the answer ``promises`` one, that floor.

    Where calibration is asked, what the answer promises is what a calibrated one reaches; of ``skill`` it is no measure.
    """

    def value(truth: Table, answer: Table) -> Measured:
        found, random = numbers(truth, answer), rng(0, "bootstrap")
        events = len(found[0])
        picks = (random.integers(events, size=events) for _ in range(RESAMPLES))
        return Measured(statistic(*found), float(np.std([statistic(*(each[pick] for each in found)) for pick in picks], ddof=1)))

    def best(truth: Table, answer: Table) -> float:
        return float(np.mean([statistic(*numbers(*as_if_true(truth, answer, draw))) for draw in range(REDRAWS)])) if promises else float("nan")

    return Check(name, why, value, limit, unit, groups=groups, bootstrap=0, best=best, promised=skill)


def as_if_true(truth: Events, answer: Events, draw: int) -> tuple[Events, Events]:
    """Truth and answer if draw number ``draw`` < ``REDRAWS`` were the truth: it replaces the true values, and the answer is left with the draws beyond these.

    The particle is that of the draw, or where an answer draws none, one of the stated probabilities.
    """
    drawn: Table = {name: answer[f"{name}_draws"] for name in DRAWN if f"{name}_draws" in answer}
    facts: Table = {name: values[:, draw] for name, values in drawn.items()}
    if "particle_probability" in answer and "particle" not in facts:
        stated = np.cumsum(np.asarray(answer["particle_probability"], float), axis=1)
        chance = rng(0, "particle", draw).random(len(stated)) * stated[:, -1]
        facts["particle"] = np.sum(stated <= chance[:, None], axis=1)
    others: Table = {f"{name}_draws": values[:, REDRAWS:] for name, values in drawn.items()}
    return ChainMap(facts, cast(Table, truth)), ChainMap(others, cast(Table, answer))


DRAWN = ("zenith_deg", "azimuth_deg", "energy_ev", "core_x_m", "core_y_m", "xmax_g_cm2", "particle")


def _opening(truth: Events, answer: Events) -> tuple[np.ndarray, ...]:
    return (say.opening_deg(truth, say.network_direction(answer)),)


def _fit_opening(truth: Events, answer: Events) -> tuple[np.ndarray, ...]:
    return (say.opening_deg(truth, say.fit_direction(truth)),)


def _openings(truth: Events, answer: Events) -> tuple[np.ndarray, ...]:
    return _opening(truth, answer) + _fit_opening(truth, answer)


def _core_distance(truth: Events, answer: Events) -> tuple[np.ndarray, ...]:
    return (say.core_distance_m(truth, say.drawn_cores(answer).mean(axis=1)),)


def _core_distances(truth: Events, answer: Events) -> tuple[np.ndarray, ...]:
    return (*_core_distance(truth, answer), say.core_distance_m(truth, say.core(truth, "fit_")))


def _zenith_errors(truth: Events, answer: Events) -> tuple[np.ndarray, ...]:
    return tuple(say.angle_errors_deg(truth, direction)[0] for direction in (say.network_direction(answer), say.fit_direction(truth)))


def _azimuth_errors(truth: Events, answer: Events) -> tuple[np.ndarray, ...]:
    return tuple(say.angle_errors_deg(truth, direction)[1] for direction in (say.network_direction(answer), say.fit_direction(truth)))


def _energy_error(truth: Events, answer: Events) -> tuple[np.ndarray, ...]:
    return (say.drawn_ln_energies(answer).mean(axis=1) - say.ln_energy(truth),)


def _nuclear_error(truth: Events, answer: Events) -> tuple[np.ndarray, ...]:
    nucleus = np.asarray(truth["particle"]) != PHOTON
    return ((say.nuclear_ln_energy(answer) - say.ln_energy(truth))[nucleus],)


def _fit_energy_error(truth: Events, answer: Events) -> tuple[np.ndarray, ...]:
    return (say.ln_energy(truth, "fit_") - say.ln_energy(truth),)


def _energy_errors(truth: Events, answer: Events) -> tuple[np.ndarray, ...]:
    return _energy_error(truth, answer) + _fit_energy_error(truth, answer)


def _xmax(truth: Events, answer: Events) -> tuple[np.ndarray, ...]:
    return (np.asarray(truth["xmax_g_cm2"], float),)


def _xmax_error(truth: Events, answer: Events) -> tuple[np.ndarray, ...]:
    return (say.drawn_xmax(answer).mean(axis=1) - _xmax(truth, answer)[0],)


def _pulls(truth: Events, answer: Events) -> tuple[np.ndarray, ...]:
    return (say.direction_pulls(truth, answer),)


def _fit_pulls(truth: Events, answer: Events) -> tuple[np.ndarray, ...]:
    return (say.fit_pulls(truth),)


def _alone(numbers: Callable[[Events, Events], np.ndarray]) -> Numbers:
    return lambda truth, answer: (numbers(truth, answer),)


def _photons(truth: Events, answer: Events) -> tuple[np.ndarray, ...]:
    return photon_probability(answer), np.asarray(truth["particle"]) == PHOTON


def _particle(truth: Events, answer: Events) -> tuple[np.ndarray, ...]:
    return (np.take_along_axis(np.asarray(answer["particle_probability"], float), np.asarray(truth["particle"])[:, None], axis=1)[:, 0],)


def _ratio68(network: np.ndarray, fit: np.ndarray) -> float:
    return _over(say.quantile68(network), say.quantile68(fit))


def _variance_ratio(network: np.ndarray, fit: np.ndarray) -> float:
    return _over(float(np.var(network)), float(np.var(fit)))


def _over(network: float, fit: float) -> float:
    return network / fit if fit > 0 else float("nan")


def _bias(error: np.ndarray) -> float:
    return abs(float(np.mean(error)))


def _half68(errors: np.ndarray) -> float:
    return float(np.diff(np.quantile(errors, (0.16, 0.84)))[0] / 2)


def _deviation(values: np.ndarray) -> float:
    return float(np.std(values, ddof=1))


def _width(pulls: np.ndarray) -> float:
    return abs(float(np.std(pulls, ddof=1)) - 1)


def _width68(pulls: np.ndarray) -> float:
    low, high = np.quantile(pulls, (0.1587, 0.8413))
    return abs(float(high - low) / 2 - 1)


def _uncovered(share: float) -> Statistic:
    return lambda needed: abs(float(np.mean(needed <= share)) - share)


def _surprise(probability: np.ndarray) -> float:
    return float(-np.mean(np.log(np.clip(probability, 1e-12, 1))))


def _confusion(score: np.ndarray, photon: np.ndarray) -> float:
    photons = int(photon.sum())
    return 1 - auc(score[~photon], score[photon]).value if 2 <= photons <= len(photon) - 2 else float("nan")
