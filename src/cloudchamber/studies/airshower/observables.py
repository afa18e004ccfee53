"""What is asked of an air-shower surrogate: observables of showers, and the checks with their limits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import blake2b

import numpy as np

from cloudchamber.physics.shower import fit_gaisser_hillas
from cloudchamber.schema import Table
from cloudchamber.statistics.classifier import Trees, auc_of
from cloudchamber.statistics.measured import Measured
from cloudchamber.studies.airshower.columns import DEPTH_STEP_G_CM2, N_DEPTH, depth_grid
from cloudchamber.studies.airshower.compared import (
    LEAST_DECADES,
    bands,
    correlation,
    distance,
    mass_trend,
    relative_shift,
    relative_spread,
    shift,
    spread,
    trend,
)
from cloudchamber.studies.airshower.groups import FEW, MANY, MORE, groups, of_several_energies, of_several_nuclei
from cloudchamber.validate.check import Check
from cloudchamber.validate.surrogate import repeats_check

_PROFILE_FLOOR = 1e-2
"""Share of a profile's usual maximum below which the classifier does not compare it."""
_CLASSIFIER_EVENTS = 6000
"""Events of each kind for a classifier: its AUC is then known to 0.005, in a minute."""
_LARGEST_R, _LARGEST_L_G_CM2 = 1.0, 500.0
"""Fits to profiles cut at the ground have outliers; what is larger counts as this."""
_OFFSETS_G_CM2 = np.arange(-600.0, 601.0, 20.0)
_RESAMPLES = 20
_FITTED: dict[bytes, tuple[float, float]] = {}
_MOST_FITTED = 200_000
"""Four checks look at R and L of the same profiles in many resamples: each profile is fitted once."""


def energy_gev(table: Table) -> np.ndarray:
    """The primary's energy, (events,)."""
    return 10.0 ** (np.asarray(table["lg_energy_ev"], dtype=float) - 9.0)


def muon_number(table: Table) -> np.ndarray:
    """Largest number of muons above the ground, (events,); at least one."""
    return np.maximum(np.asarray(table["n_muon"]).max(axis=1), 1.0)


def shape_of_profile(table: Table) -> tuple[np.ndarray, np.ndarray]:
    """Gaisser-Hillas R and L [g/cm2] of the electron profile; NaN where the maximum is not well above the ground."""
    profiles = np.ascontiguousarray(table["n_electron"])
    keys = [blake2b(profile, digest_size=16).digest() for profile in profiles]
    new = [place for place, key in enumerate(keys) if key not in _FITTED]
    if len(_FITTED) + len(new) > _MOST_FITTED:
        _FITTED.clear()
        new = list(range(len(keys)))
    if new:
        fit = fit_gaisser_hillas(depth_grid(), profiles[new])
        _FITTED.update(zip([keys[place] for place in new], zip(fit.r.tolist(), fit.l_g_cm2.tolist(), strict=True), strict=True))
    found = np.array([_FITTED[key] for key in keys]).reshape(-1, 2)
    return found[:, 0], found[:, 1]


def closure(table: Table) -> np.ndarray:
    """Integral of dE/dX to the ground plus ground and invisible energy, over the primary energy, (events,)."""
    deposited = np.asarray(table["energy_deposit_gev_per_g_cm2"], dtype=float).sum(axis=1) * 10.0
    return (deposited + table["ground_energy_gev"] + table["invisible_energy_gev"]) / energy_gev(table)


def full_profiles(table: Table) -> np.ndarray:
    """All four profiles every 20 g/cm2 from 20 on, as ln(profile / usual maximum + floor), (events, 4 * 123): what the classifier sees."""
    energy = energy_gev(table)[:, None]
    scales = {"n_electron": 0.7, "energy_deposit_gev_per_g_cm2": 1.5e-3, "n_muon": 8e-3, "n_hadron": 1e-3}
    return np.concatenate([np.log(np.asarray(table[name])[:, 2::2] / (energy * scale) + _PROFILE_FLOOR) for name, scale in scales.items()], axis=1)


def scalars(table: Table) -> np.ndarray:
    """The observables that an analysis uses, (events, 8)."""
    energy = energy_gev(table)
    r, width = (np.nan_to_num(values, nan=0.0) for values in shape_of_profile(table))
    columns = [
        table["xmax_g_cm2"],
        table["xmax_deposit_g_cm2"] - table["xmax_g_cm2"],
        np.log(table["nmax"] / energy),
        np.log(table["first_interaction_g_cm2"] + 1.0),
        np.log(muon_number(table) / energy + 1e-7),
        np.log(table["invisible_energy_gev"] / energy + 1e-7),
        np.clip(r, 0.0, _LARGEST_R),
        np.clip(width, 0.0, _LARGEST_L_G_CM2),
    ]
    return np.stack([np.asarray(column, dtype=float) for column in columns], axis=1)


def condition(table: Table) -> np.ndarray:
    """What a shower is given, (events, 3)."""
    return np.stack([np.asarray(table[name], dtype=float) for name in ("primary", "lg_energy_ev", "zenith_deg")], axis=1)


def checks() -> Sequence[Check]:
    """The table that the report prints."""
    few, more, many = groups(FEW), groups(MORE), groups(MANY)
    more_wide, many_wide = (of_several_energies(groups(showers, finest=1), LEAST_DECADES) for showers in (MORE, MANY))
    return [
        Check("<Xmax>", "the mean depth of the maximum tells the mass", shift(_xmax), 1.5, "g/cm2", groups=many),
        Check("elongation rate", "how <Xmax> grows with energy", trend(_xmax), 3.0, "g/cm2 a decade", groups=many_wide),
        Check("mass scale of Xmax", "how <Xmax> falls with ln A; 0 to 4 from protons to iron", mass_trend(_xmax), 1.0, "g/cm2", groups=of_several_nuclei),
        Check("sigma(Xmax)", "its spread tells the mixture of masses", spread(_xmax), 1.5, "g/cm2", groups=many),
        Check("W1(Xmax)", "the whole distribution, tails for the cross-section among it", distance(_xmax), 2.0, "g/cm2", limit_in_floors=True, groups=more),
        Check("classifier AUC, profiles", "no trained eye tells the profiles apart", auc_of(full_profiles, condition, _CLASSIFIER_EVENTS), 0.55, bootstrap=0),
        Check("classifier AUC, observables", "nor the observables of an analysis", auc_of(scalars, condition, _CLASSIFIER_EVENTS), 0.55, bootstrap=0),
        Check("trees' AUC, observables", "nor do trees, which see edges and spikes", _trees(scalars), 0.55, bootstrap=0, needs="sklearn"),
        repeats_check(("n_electron", "n_muon", "n_hadron", "xmax_g_cm2", "first_interaction_g_cm2"), bootstrap=8),
        Check("correlation Xmax-N_mu", "hybrid detectors tell masses by it", correlation(_xmax, _ln_muons), 0.03, groups=many),
        Check("mean ln N_mu", "the muon number, relative", shift(_ln_muons), 0.03, groups=few),
        Check("energy trend of ln N_mu", "how it grows with energy, a decade", trend(_ln_muons), 0.03, groups=more_wide),
        Check("mass scale of ln N_mu", "how it grows with ln A; 0 to 4 from protons to iron", mass_trend(_ln_muons), 0.01, groups=of_several_nuclei),
        Check("sigma ln N_mu", "its fluctuations, relative", relative_spread(_ln_muons), 0.03, groups=many),
        Check("mean R", "asymmetry of the profile", relative_shift(_r, _median), 0.03, groups=few, bootstrap=_RESAMPLES),
        Check("mean L", "width of the profile", relative_shift(_l, _median), 0.03, groups=few, bootstrap=_RESAMPLES),
        Check("sigma R", "spread of the asymmetry", relative_spread(_r, _core_width), 0.03, groups=many, bootstrap=_RESAMPLES),
        Check("sigma L", "spread of the width", relative_spread(_l, _core_width), 0.03, groups=many, bootstrap=_RESAMPLES),
        Check("mean X1", "depth of the first interaction", relative_shift(_first), 0.03, groups=many),
        Check("sigma X1", "its spread", relative_spread(_first), 0.03, groups=many),
        *(
            Check(
                f"{percent} % band of N about Xmax",
                "N(X - Xmax) / E where it is above a tenth of its maximum, largest relative difference",
                _band(percent),
                0.02,
                groups=needed,
                bootstrap=8,
            )
            for percent, needed in ((5, more), (50, more), (95, many))
        ),
        Check("energy closure", "deposited, ground and invisible energy add up", _closure_error, 0.005, groups=few),
    ]


def _trees(features: Callable[[Table], np.ndarray]) -> Callable[[Table, Table], Measured]:
    return auc_of(features, condition, _CLASSIFIER_EVENTS, Trees())


def _band(percent: float) -> Callable[[Table, Table], float]:
    return lambda truth, answer: bands(truth, answer, lambda table, mask: profile_about_xmax(table, mask, percent))


def _closure_error(truth: Table, answer: Table) -> float:
    return float(abs(closure(answer).mean() - 1.0))


def _xmax(table: Table) -> np.ndarray:
    return np.asarray(table["xmax_g_cm2"], dtype=float)


def _first(table: Table) -> np.ndarray:
    return np.asarray(table["first_interaction_g_cm2"], dtype=float)


def _ln_muons(table: Table) -> np.ndarray:
    """A shift of the mean logarithm is a relative shift of the muon number."""
    return np.log(muon_number(table))


def _r(table: Table) -> np.ndarray:
    return np.clip(shape_of_profile(table)[0], 0.0, _LARGEST_R)


def _l(table: Table) -> np.ndarray:
    return np.clip(shape_of_profile(table)[1], 0.0, _LARGEST_L_G_CM2)


def _median(values: np.ndarray) -> float:
    return float(np.median(values))


def _core_width(values: np.ndarray) -> float:
    """Half the central 68 % interval: a standard deviation that outliers of a fit don't rule."""
    low, high = np.percentile(values, [16.0, 84.0])
    return float(0.5 * (high - low))


def profile_about_xmax(table: Table, mask: np.ndarray, percent: float) -> np.ndarray:
    """Percentile of N / E over these showers at each of ``_OFFSETS`` from their own Xmax, NaN where fewer than half of them are above their ground.

    In depth itself the bands are those of Xmax, which has checks of its own.
    """
    depth = (np.asarray(table["xmax_g_cm2"], dtype=float)[mask][:, None] + _OFFSETS_G_CM2) / DEPTH_STEP_G_CM2
    # a shower counts at the depths that it reaches: zeros below its ground are no data
    seen = (depth >= 0) & (depth + 1 <= _last_depth(np.asarray(table["zenith_deg"])[mask])[:, None])
    place = np.clip(depth.astype(int), 0, N_DEPTH - 2)
    rest = np.clip(depth - place, 0.0, 1.0)
    profile, row = np.asarray(table["n_electron"])[mask], np.arange(len(place))[:, None]
    between = profile[row, place] * (1 - rest) + profile[row, place + 1] * rest
    return _masked_percentile(between / energy_gev(table)[mask][:, None], seen, percent)


def _last_depth(zenith_deg: np.ndarray) -> np.ndarray:
    """Index of the last depth above the ground, (events,)."""
    from cloudchamber.physics.atmosphere import ground_depth_g_cm2

    return np.floor(ground_depth_g_cm2(zenith_deg.astype(float)) / DEPTH_STEP_G_CM2).astype(int)


def _masked_percentile(profile: np.ndarray, seen: np.ndarray, percent: float) -> np.ndarray:
    """Percentile at each depth over the showers seen there, NaN where fewer than half of them are."""
    ordered = np.sort(np.where(seen, profile, np.inf), axis=0)
    count = seen.sum(axis=0)
    place = np.clip((count - 1) * percent / 100.0, 0, None)
    low = place.astype(int)
    high = np.minimum(low + 1, np.maximum(count - 1, 0))
    column = np.arange(profile.shape[1])
    with np.errstate(invalid="ignore"):
        result = ordered[low, column] + (place - low) * (ordered[high, column] - ordered[low, column])
    return np.where(count >= 0.5 * len(profile), result, np.nan)
