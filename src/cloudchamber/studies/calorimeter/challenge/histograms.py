"""The CaloChallenge's histograms and their separation power.

Bins as in the challenge's evaluate.py, and two more for what lies beyond them; of a crystal array 100 bins over all but the outermost 0.2 % of the truth.

References: Krause et al., arXiv:2410.21611; Diefenbacher et al., arXiv:2009.03796, eq. 15 (separation power).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from cloudchamber.rng import rng
from cloudchamber.schema import Table
from cloudchamber.statistics.distances import triangular_discrimination
from cloudchamber.statistics.measured import Measured
from cloudchamber.studies.calorimeter.challenge.features import HIT_MEV, crystal_features, voxel_features
from cloudchamber.studies.calorimeter.geometry import Crystals
from cloudchamber.studies.calorimeter.voxels import Voxels

BINS, ENERGY_BINS = 100, 40
RESAMPLES = 50
OF_VOXELS = {
    "layer energy": "layer_mev",
    "sparsity": "sparsity",
    "centre in eta": "centre_eta_mm",
    "centre in phi": "centre_phi_mm",
    "width in eta": "width_eta_mm",
    "width in phi": "width_phi_mm",
}
OF_CRYSTALS = {
    "maximum cell energy": "max_mev",
    "E1/E9": "e1_e9",
    "E9/E21": "e9_e21",
    "E9/E25": "e9_e25",
    "centroid in x": "x_mm",
    "centroid in y": "y_mm",
    "variance in x": "xx_mm2",
    "variance in y": "yy_mm2",
    "covariance": "xy_mm2",
    "crystals hit": "hits",
}


class Observable(NamedTuple):
    """What is histogrammed: its name, and the layer ("" for the whole shower)."""

    name: str
    layer: str = ""


RATIO, CELLS = Observable("total over incident energy"), Observable("cell energy")


def observables(table: Table, geometry: Voxels | Crystals) -> dict[Observable, np.ndarray]:
    """One value an event; of the cells' energies one each that is read out."""
    deposit = np.asarray(table["deposit_mev"])
    # the many empty cells would hide every difference of the others
    found = {CELLS: deposit[deposit > _threshold_mev(geometry)]}
    if isinstance(geometry, Crystals):
        shape = crystal_features(deposit, geometry)
        return found | {RATIO: shape["total_mev"] / table["energy_mev"]} | {Observable(name): shape[column] for name, column in OF_CRYSTALS.items()}
    layered = voxel_features(deposit, table["energy_mev"], geometry)
    found[RATIO] = layered["total_over_incident"]
    for name, column in OF_VOXELS.items():
        # eta and phi only exist where a layer has angles
        layers = [layer.number for layer in geometry.filled if layer.alpha_bins > 1 or column in ("layer_mev", "sparsity")]
        found |= {Observable(name, f"layer {number}"): values for number, values in zip(layers, layered[column].T, strict=True)}
    return found


def histograms(table: Table, geometry: Voxels | Crystals, edges: Mapping[Observable, np.ndarray]) -> dict[Observable, np.ndarray]:
    """Counts below, between and above the ``edges`` of each observable."""
    values = observables(table, geometry)
    return {which: np.bincount(np.searchsorted(edge, values[which], side="right"), minlength=len(edge) + 1) for which, edge in edges.items()}


def binning_of(truth: Table, geometry: Voxels | Crystals) -> dict[Observable, np.ndarray]:
    """The edges of each observable's bins."""
    return {which: _edges(which, values, geometry) for which, values in observables(truth, geometry).items()}


def separation(truth: np.ndarray, answer: np.ndarray, seed: int) -> Measured:
    """Separation power of two histograms of counts as published, with what chance adds to it; its error is the spread over histograms drawn again."""
    random = rng(seed, "separation")
    p, q = (counts / max(counts.sum(), 1) for counts in (truth, answer))
    again = [random.multinomial(n, share, RESAMPLES) / max(n, 1) for n, share in ((truth.sum(), p), (answer.sum(), q))]
    return Measured(float(triangular_discrimination(p, q)), float(triangular_discrimination(*again).std(ddof=1)))


def _edges(which: Observable, values: np.ndarray, geometry: Voxels | Crystals) -> np.ndarray:
    if which == CELLS or which.name == "layer energy":
        low = _threshold_mev(geometry)
        return np.geomspace(low, max(float(values.max(initial=0)), 2 * low), ENERGY_BINS + 1)
    if isinstance(geometry, Crystals):
        low, high = np.quantile(values, (0.001, 0.999))
        return np.linspace(low, high if high > low else low + 1, BINS + 1)
    if which == RATIO:
        return np.linspace(0.5, 1.5, BINS + 1)
    if which.name == "sparsity":
        return np.linspace(0, 1, BINS + 1)
    reach_mm = 30.0 if geometry.particle == "electron" else 500.0 if which.layer in ("layer 12", "layer 13") else 100.0
    return np.linspace(-reach_mm if which.name.startswith("centre") else 0.0, reach_mm, BINS + 1)


def _threshold_mev(geometry: Voxels | Crystals) -> float:
    """The smallest deposit that is read out: of electrons in silicon 0.5 keV, scaled up by the sampling fraction."""
    if isinstance(geometry, Crystals):
        return HIT_MEV
    return 0.5e-3 / 0.033 if geometry.particle == "electron" else 10.0
