"""What is asked of an air-shower surrogate: observables of showers, and the checks with their limits."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from cloudchamber.physics.shower import fit_gaisser_hillas
from cloudchamber.schema import Table
from cloudchamber.statistics.classifier import Trees, auc_of
from cloudchamber.statistics.measured import Measured
from cloudchamber.studies.airshower.columns import N_DEPTH, PRIMARIES, depth_grid
from cloudchamber.validate.check import Check
from cloudchamber.validate.surrogate import repeats_check

_ENERGY_EDGES = np.arange(15.0, 20.01, 0.25)
_PROFILE_FLOOR = 1e-2
"""Share of a profile's usual maximum below which the classifier does not compare it."""
_CLASSIFIER_EVENTS = 6000
"""Events of each kind for a classifier: its AUC is then known to 0.005, in a minute."""


def primary_energy_bins(table: Table) -> dict[str, np.ndarray]:
    """Masks of each primary in bins of 0.25 in lg(E/eV), named by the primary and the bin's lower edge; a bin may be empty."""
    place = np.digitize(table["lg_energy_ev"], _ENERGY_EDGES) - 1
    cells = [(code, i) for code in range(len(PRIMARIES)) for i in range(len(_ENERGY_EDGES) - 1)]
    return {f"{PRIMARIES[code]}, {_ENERGY_EDGES[i]:.2f}": (table["primary"] == code) & (place == i) for code, i in cells}


def energy_gev(table: Table) -> np.ndarray:
    """The primary's energy, (events,)."""
    return 10.0 ** (np.asarray(table["lg_energy_ev"], dtype=float) - 9.0)


def muon_number(table: Table) -> np.ndarray:
    """Largest number of muons above the ground, (events,); at least one."""
    return np.maximum(np.asarray(table["n_muon"]).max(axis=1), 1.0)


def shape_of_profile(table: Table) -> tuple[np.ndarray, np.ndarray]:
    """Gaisser-Hillas R and L [g/cm2] of the electron profile; NaN where the maximum is not well above the ground."""
    fit = fit_gaisser_hillas(depth_grid(), table["n_electron"])
    return fit.r, fit.l_g_cm2


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
        np.clip(r, 0.0, 1.0),
        np.clip(width, 0.0, 500.0),
    ]
    return np.stack([np.asarray(column, dtype=float) for column in columns], axis=1)


def condition(table: Table) -> np.ndarray:
    """What a shower is given, (events, 3)."""
    return np.stack([np.asarray(table[name], dtype=float) for name in ("primary", "lg_energy_ev", "zenith_deg")], axis=1)


def checks() -> Sequence[Check]:
    """The table that the report prints."""
    from cloudchamber.statistics.distances import wasserstein

    bins = primary_energy_bins
    return [
        Check("<Xmax>", "the mean depth of the maximum tells the mass", _difference("xmax_g_cm2", np.mean), 1.5, "g/cm2", groups=bins),
        Check("sigma(Xmax)", "its spread tells the mixture of masses", _difference("xmax_g_cm2", np.std), 1.5, "g/cm2", groups=bins),
        Check(
            "W1(Xmax)",
            "the whole distribution, tails for the cross-section among it",
            lambda truth, answer: wasserstein(truth["xmax_g_cm2"], answer["xmax_g_cm2"]),
            2.0,
            "g/cm2",
            limit_in_floors=True,
            groups=bins,
        ),
        Check("classifier AUC, profiles", "no trained eye tells the profiles apart", auc_of(full_profiles, condition, _CLASSIFIER_EVENTS), 0.55, bootstrap=0),
        Check("classifier AUC, observables", "nor the observables of an analysis", auc_of(scalars, condition, _CLASSIFIER_EVENTS), 0.55, bootstrap=0),
        Check("trees' AUC, observables", "nor do trees, which see edges and spikes", _trees(scalars), 0.55, bootstrap=0, needs="sklearn"),
        repeats_check(("n_electron", "n_muon", "n_hadron", "xmax_g_cm2", "first_interaction_g_cm2"), bootstrap=8),
        Check("correlation Xmax-N_mu", "hybrid detectors tell masses by it", _correlation, 0.03, groups=bins),
        Check("mean ln N_mu", "the muon number, relative", _muons(np.mean), 0.03, groups=bins),
        Check("sigma ln N_mu", "its fluctuations, relative", _relative(lambda t: np.log(muon_number(t)), np.std), 0.03, groups=bins),
        Check("mean R", "asymmetry of the profile", _relative(lambda t: shape_of_profile(t)[0], np.nanmedian), 0.03, groups=bins, bootstrap=8),
        Check("mean L", "width of the profile", _relative(lambda t: shape_of_profile(t)[1], np.nanmedian), 0.03, groups=bins, bootstrap=8),
        Check("sigma R", "spread of the asymmetry", _relative(lambda t: shape_of_profile(t)[0], _core_width), 0.03, groups=bins, bootstrap=8),
        Check("sigma L", "spread of the width", _relative(lambda t: shape_of_profile(t)[1], _core_width), 0.03, groups=bins, bootstrap=8),
        Check("mean X1", "depth of the first interaction", _relative(lambda t: t["first_interaction_g_cm2"], np.mean), 0.03, groups=bins),
        Check("sigma X1", "its spread", _relative(lambda t: t["first_interaction_g_cm2"], np.std), 0.03, groups=bins),
        *(
            Check(f"{percent} % profile band", "profiles where N > 0.1 Nmax, largest relative difference", _band(percent), 0.02, groups=bins, bootstrap=8)
            for percent in (5, 50, 95)
        ),
        Check("energy closure", "deposited, ground and invisible energy add up", _closure_error, 0.005, groups=bins),
    ]


def _trees(features: Callable[[Table], np.ndarray]) -> Callable[[Table, Table], Measured]:
    return auc_of(features, condition, _CLASSIFIER_EVENTS, Trees())


def _closure_error(truth: Table, answer: Table) -> float:
    return float(abs(closure(answer).mean() - 1.0))


def _difference(column: str, statistic: Callable[[np.ndarray], float]) -> Callable[[Table, Table], float]:
    def value(truth: Table, answer: Table) -> float:
        return float(abs(statistic(np.asarray(truth[column], dtype=float)) - statistic(np.asarray(answer[column], dtype=float))))

    return value


def _relative(observable: Callable[[Table], np.ndarray], statistic: Callable[[np.ndarray], float]) -> Callable[[Table, Table], float]:
    def value(truth: Table, answer: Table) -> float:
        expected, found = (float(statistic(np.asarray(observable(table), dtype=float))) for table in (truth, answer))
        return abs(found / expected - 1.0)

    return value


def _muons(statistic: Callable[[np.ndarray], float]) -> Callable[[Table, Table], float]:
    """A shift of the mean logarithm is a relative shift of the muon number."""

    def value(truth: Table, answer: Table) -> float:
        return float(abs(statistic(np.log(muon_number(truth))) - statistic(np.log(muon_number(answer)))))

    return value


def _core_width(values: np.ndarray) -> float:
    """Half the central 68 % interval: a standard deviation that outliers of a fit don't rule."""
    low, high = np.nanpercentile(values, [16.0, 84.0])
    return float(0.5 * (high - low))


def _correlation(truth: Table, answer: Table) -> float:
    """Of Xmax and ln N_mu, energies taken out, so that only the shower's own fluctuations count."""
    found = []
    for table in (truth, answer):
        energy = np.asarray(table["lg_energy_ev"], dtype=float)
        slant = 1.0 / np.cos(np.radians(np.asarray(table["zenith_deg"], dtype=float)))
        design = np.stack([np.ones_like(energy), energy, slant, slant**2], axis=1)
        rest = [y - design @ np.linalg.lstsq(design, y, rcond=None)[0] for y in (np.asarray(table["xmax_g_cm2"], dtype=float), np.log(muon_number(table)))]
        found.append(np.corrcoef(rest)[0, 1])
    return float(abs(found[0] - found[1]))


def _band(percent: float) -> Callable[[Table, Table], float]:
    """Largest relative difference of a percentile of N(X) / E over the depths where it is above a tenth of the median's maximum."""

    def value(truth: Table, answer: Table) -> float:
        bands = []
        for table in (truth, answer):
            profile = np.asarray(table["n_electron"], dtype=float) / energy_gev(table)[:, None]
            # a shower counts at the depths that it reaches: zeros below its ground are no data
            seen = np.arange(N_DEPTH)[None, :] <= _last_depth(table)[:, None]
            bands.append(_masked_percentile(profile, seen, percent))
        enough = np.isfinite(bands[0]) & np.isfinite(bands[1])
        expected = np.where(enough, bands[0], 0.0)
        used = enough & (expected > 0.1 * expected.max())
        return float(np.max(np.abs(bands[1][used] / bands[0][used] - 1.0)))

    return value


def _last_depth(table: Table) -> np.ndarray:
    """Index of the last depth above the ground, (events,)."""
    from cloudchamber.physics.atmosphere import ground_depth_g_cm2

    return np.floor(ground_depth_g_cm2(np.asarray(table["zenith_deg"], dtype=float)) / 10.0).astype(int)


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
