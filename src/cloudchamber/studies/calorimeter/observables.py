"""What is asked of a calorimeter surrogate: observables of showers in an array of crystals, and the checks with their limits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isqrt

import numpy as np

from cloudchamber.schema import Table
from cloudchamber.statistics.classifier import Classifier, Judge, Trees, auc_of
from cloudchamber.statistics.measured import Measured
from cloudchamber.studies.calorimeter.challenge.features import crystal_features
from cloudchamber.studies.calorimeter.columns import PARTICLES
from cloudchamber.studies.calorimeter.geometry import Crystals
from cloudchamber.validate.check import Check
from cloudchamber.validate.surrogate import repeats_check

READOUT_MEV = 0.1
"""Logarithms of energies see no less than this: a crystal's noise is larger."""
ENERGY_EDGES_GEV = tuple(digit * 10.0**power for power in range(-3, 4) for digit in (1, 2, 5))
FEWEST_AT_ONE_ENERGY = 10
"""A table with more different energies than this is of a continuous beam."""
CLASSIFIER_EVENTS = 50_000
"""Events of each kind for a classifier: its AUC is then known to 0.003."""
BINS = 100
RESAMPLES = 20
CELL_CLASSES = {
    "centre": (0, 0),
    "edge neighbours": (0, 1),
    "corner neighbours": (1, 1),
    "outer, in line": (0, 2),
    "outer, off line": (1, 2),
    "outer corners": (2, 2),
}
"""Crystals at alike places: their distances from the central one in columns and rows, the smaller first."""


def crystals_of(table: Table) -> Crystals:
    """The square array of an odd number of crystals a side that the deposits come from; ValueError for other cells."""
    cells = np.shape(table["deposit_mev"])[1]
    side = isqrt(cells)
    if side * side != cells or side % 2 == 0:
        raise ValueError(f"these checks are for n x n crystals in one layer, n odd, not for {cells} cells: use the protocol calochallenge")
    return Crystals(n=side)


def beams(table: Table) -> dict[str, np.ndarray]:
    """Masks of each particle at each beam energy, such as "e-, 2 GeV"; one group for a beam of many energies."""
    energy = np.round(np.asarray(table["energy_mev"], dtype=float), 1)
    energies = np.unique(energy)
    if len(energies) > FEWEST_AT_ONE_ENERGY:
        return {"all": np.ones(len(energy), bool)}
    codes = np.unique(table["particle"])
    return {f"{PARTICLES[code]}, {mev / 1000:g} GeV": (table["particle"] == code) & (energy == mev) for code in codes for mev in energies}


def particle_energy_bins(table: Table) -> dict[str, np.ndarray]:
    """The same, and for a beam of many energies masks of each particle in three bins of energy a decade, such as "gamma, 0.5 to 1 GeV"."""
    if len(found := beams(table)) > 1 or "all" not in found:
        return found
    energy = np.asarray(table["energy_mev"], dtype=float) / 1000
    place = np.digitize(energy, ENERGY_EDGES_GEV) - 1
    cells = [(code, i) for code in np.unique(table["particle"]) for i in range(len(ENERGY_EDGES_GEV) - 1)]
    return {f"{PARTICLES[code]}, {ENERGY_EDGES_GEV[i]:g} to {ENERGY_EDGES_GEV[i + 1]:g} GeV": (table["particle"] == code) & (place == i) for code, i in cells}


def response(table: Table) -> np.ndarray:
    """Total deposit over the particle's energy, (events,)."""
    return np.asarray(table["deposit_mev"], dtype=float).sum(axis=1) / np.asarray(table["energy_mev"], dtype=float)


def log_energies(table: Table) -> np.ndarray:
    """lg(E/MeV) of every crystal, those below 0.1 MeV at that, (events, cells)."""
    return np.log10(np.maximum(np.asarray(table["deposit_mev"], dtype=float), READOUT_MEV))


def cell_class(table: Table, offset: tuple[int, int]) -> np.ndarray:
    """lg(E/MeV) of all crystals with these distances from the central one, (events, crystals)."""
    return log_energies(table)[:, members(crystals_of(table).n, offset)]


def members(n: int, offset: tuple[int, int]) -> np.ndarray:
    """Indices of the cells of an ``n`` x ``n`` array at that place."""
    away = np.abs(np.arange(n) - n // 2)
    near, far = np.minimum(away[:, None], away), np.maximum(away[:, None], away)
    return np.flatnonzero((near == offset[0]) & (far == offset[1]))


def high_level(table: Table) -> np.ndarray:
    """What an analysis uses: energies over the particle's, ratios, centroid, second moments, hits, (events, 11)."""
    found = crystal_features(np.asarray(table["deposit_mev"]), crystals_of(table))
    energy = np.asarray(table["energy_mev"], dtype=float)
    return np.stack([values / energy if name.endswith("_mev") else values for name, values in found.items()], axis=1)


def condition(table: Table) -> np.ndarray:
    """What a shower is given, (events, 7): the direction as a vector, since azimuths jump."""
    polar, azimuth = (np.radians(np.asarray(table[name], dtype=float)) for name in ("polar_deg", "azimuth_deg"))
    columns = [
        table["particle"],
        np.log(table["energy_mev"]),
        table["impact_x_mm"],
        table["impact_y_mm"],
        np.sin(polar) * np.cos(azimuth),
        np.sin(polar) * np.sin(azimuth),
    ]
    return np.stack([np.asarray(column, dtype=float) for column in columns], axis=1)


def centroid_residual(table: Table) -> np.ndarray:
    """Centroid less the point where the axis passes 100 mm of depth, x then y, (2 events,) [mm]."""
    found = crystal_features(np.asarray(table["deposit_mev"]), crystals_of(table))
    polar, azimuth = (np.radians(np.asarray(table[name], dtype=float)) for name in ("polar_deg", "azimuth_deg"))
    away = 100.0 * np.tan(polar)
    return np.concatenate([found["x_mm"] - table["impact_x_mm"] - away * np.cos(azimuth), found["y_mm"] - table["impact_y_mm"] - away * np.sin(azimuth)])


def half_width(values: np.ndarray) -> float:
    """Half the central 68 % interval."""
    low, high = np.percentile(values, [16.0, 84.0])
    return float(0.5 * (high - low))


def low_share(values: np.ndarray) -> float:
    """The share of showers that lose more than a tenth."""
    return float(np.mean(values < 0.9))


def checks() -> Sequence[Check]:
    """The table that the report prints."""
    why = "the distribution that every reader looks at"
    return [
        Check("classifier AUC, log energies", "no trained eye tells the crystals' energies apart", _auc(log_energies), 0.55, groups=beams, bootstrap=0),
        Check("classifier AUC, high level", "nor the observables of an analysis", _auc(high_level), 0.53, groups=beams, bootstrap=0),
        Check(
            "trees' AUC, log energies",
            "nor do trees, which see edges and spikes",
            _auc(log_energies, Trees()),
            0.55,
            groups=beams,
            bootstrap=0,
            needs="sklearn",
        ),
        Check("trees' AUC, high level", "nor trees that see the observables", _auc(high_level, Trees()), 0.53, groups=beams, bootstrap=0, needs="sklearn"),
        repeats_check(("deposit_mev",), 0.01, beams, RESAMPLES),
        *(
            Check(f"separation, {name}", why, _separation(values), 2e-3, groups=beams, bootstrap=0)
            for name, values in {
                "total energy": response,
                "maximum cell": _feature("max_mev"),
                "E1/E9": _feature("e1_e9"),
                "E9/E21": _feature("e9_e21"),
                "E9/E25": _feature("e9_e25"),
                **{f"E of {name}": _class(offset) for name, offset in CELL_CLASSES.items()},
            }.items()
        ),
        Check("mean energy", "the calibration, relative", _relative(response, np.mean), 1e-3, groups=particle_energy_bins, bootstrap=RESAMPLES),
        Check("sigma68 of the energy", "the resolution, relative", _relative(response, half_width), 0.02, groups=particle_energy_bins, bootstrap=RESAMPLES),
        Check("share below 0.9 E0", "the tail of leakage, relative", _relative(response, low_share), 0.05, groups=beams, bootstrap=RESAMPLES),
        Check(
            "centroid resolution",
            "sigma68 of the centroid about the axis, relative",
            _relative(centroid_residual, half_width),
            0.02,
            groups=particle_energy_bins,
            bootstrap=RESAMPLES,
        ),
    ]


def _auc(features: Callable[[Table], np.ndarray], judge: Judge = Classifier(folds=2)) -> Callable[[Table, Table], Measured]:
    return auc_of(features, condition, CLASSIFIER_EVENTS, judge)


def _separation(values: Callable[[Table], np.ndarray]) -> Callable[[Table, Table], Measured]:
    """With 100 equal bins over what both span, without what chance adds."""

    def value(truth: Table, answer: Table) -> Measured:
        from cloudchamber.statistics.distances import measured_separation

        one, two = values(truth), values(answer)
        low, high = min(one.min(), two.min()), max(one.max(), two.max())
        return measured_separation(one, two, np.linspace(low, high if high > low else low + 1.0, BINS + 1))

    return value


def _feature(name: str) -> Callable[[Table], np.ndarray]:
    def values(table: Table) -> np.ndarray:
        found = crystal_features(np.asarray(table["deposit_mev"]), crystals_of(table))[name]
        return found / np.asarray(table["energy_mev"], dtype=float) if name.endswith("_mev") else found

    return values


def _class(offset: tuple[int, int]) -> Callable[[Table], np.ndarray]:
    return lambda table: cell_class(table, offset)


def _relative(observable: Callable[[Table], np.ndarray], statistic: Callable[[np.ndarray], float]) -> Callable[[Table, Table], float]:
    def value(truth: Table, answer: Table) -> float:
        expected, found = (float(statistic(observable(table))) for table in (truth, answer))
        return abs(found / expected - 1.0) if expected else float(found != expected)

    return value
