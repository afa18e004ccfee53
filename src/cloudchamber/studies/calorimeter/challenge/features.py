"""High-level features of showers: what the CaloChallenge compares of voxels, and the classical shape variables of a crystal array.

References: Krause et al., arXiv:2410.21611 (voxels: layer energies, centres of energy, widths, sparsity); Belle II Physics Book, PTEP 2019 123C01,
section 5.6 (crystals: E1/E9, E9/E21).
"""

from __future__ import annotations

import numpy as np

from cloudchamber.studies.calorimeter.geometry import Crystals
from cloudchamber.studies.calorimeter.voxels import Voxels

HIT_MEV = 1.0
"""A crystal counts as hit above this energy."""


def voxel_features(deposit: np.ndarray, energy_mev: np.ndarray, voxels: Voxels) -> dict[str, np.ndarray]:
    """Features of ``deposit`` (events, cells) of particles with ``energy_mev`` (events,).

    (events,): ``total_mev``, ``total_over_incident``. (events, layers with voxels): ``layer_mev``, ``sparsity`` (share of empty voxels), ``centre_r_mm``,
    ``width_r_mm``. (events, layers with several angles): centres of energy and widths along eta and phi, ``centre_eta_mm``, ``width_eta_mm``, .... An empty
    layer has centre and width 0.
    """
    voxels.check(deposit)
    centres = voxels.centres()
    columns: dict[str, list[np.ndarray]] = {}
    for layer, part in zip(voxels.filled, voxels.slices, strict=True):
        inside = np.asarray(deposit[:, part], dtype=np.float64)
        energy = inside.sum(axis=1)
        columns.setdefault("layer_mev", []).append(energy)
        columns.setdefault("sparsity", []).append((inside <= 0).mean(axis=1))
        for name in ("r", "eta", "phi") if layer.alpha_bins > 1 else ("r",):
            centre, width = _moments(inside, energy, getattr(centres, f"{name}_mm")[part])
            columns.setdefault(f"centre_{name}_mm", []).append(centre)
            columns.setdefault(f"width_{name}_mm", []).append(width)
    layered = {name: np.stack(values, axis=1) for name, values in columns.items()}
    total = layered["layer_mev"].sum(axis=1)
    return {"total_mev": total, "total_over_incident": total / np.asarray(energy_mev, dtype=np.float64), **layered}


def crystal_features(deposit: np.ndarray, crystals: Crystals) -> dict[str, np.ndarray]:
    """Features (events,) of ``deposit`` (events, cells), layers added up.

    ``total_mev``, ``max_mev``; E1 (the central crystal), E9 (3 x 3 about it), E25 (5 x 5) and E21 (without the corners) as ratios ``e1_e9``, ``e9_e21``,
    ``e9_e25``; energy-weighted centroid ``x_mm``, ``y_mm`` and central second moments ``xx_mm2``, ``yy_mm2``, ``xy_mm2``; ``hits`` above 1 MeV. Smaller
    arrays clip the windows; where there is no energy, everything is 0. ValueError for an even number of crystals a side, which has no central one.
    """
    if np.ndim(deposit) != 2 or deposit.shape[1] != crystals.cells:
        raise ValueError(f"deposits of {crystals.n} x {crystals.n} crystals in {crystals.layers} layers: (events, {crystals.cells}), got {np.shape(deposit)}")
    if crystals.n % 2 == 0:
        raise ValueError(f"an array of {crystals.n} x {crystals.n} crystals has no central one for E1/E9: take an odd number")
    energy = np.asarray(deposit, dtype=np.float64).reshape(len(deposit), crystals.layers, -1).sum(axis=1)
    x, y, _ = crystals.centres_mm()[: crystals.n**2].T
    column, row = np.abs(np.rint(x / crystals.pitch_mm)), np.abs(np.rint(y / crystals.pitch_mm))
    ring = np.maximum(column, row)
    e1, e9, e25 = (energy[:, ring <= size].sum(axis=1) for size in (0, 1, 2))
    e21 = energy[:, (ring <= 2) & (column + row < 4)].sum(axis=1)
    total = energy.sum(axis=1)
    centre_x, centre_y = _ratio(energy @ x, total), _ratio(energy @ y, total)
    from_x, from_y = x - centre_x[:, None], y - centre_y[:, None]
    return {
        "total_mev": total,
        "max_mev": energy.max(axis=1),
        "e1_e9": _ratio(e1, e9),
        "e9_e21": _ratio(e9, e21),
        "e9_e25": _ratio(e9, e25),
        "x_mm": centre_x,
        "y_mm": centre_y,
        "xx_mm2": _ratio((energy * from_x**2).sum(axis=1), total),
        "yy_mm2": _ratio((energy * from_y**2).sum(axis=1), total),
        "xy_mm2": _ratio((energy * from_x * from_y).sum(axis=1), total),
        "hits": (energy > HIT_MEV).sum(axis=1),
    }


def _moments(inside: np.ndarray, energy: np.ndarray, place: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Energy-weighted mean and standard deviation of ``place`` (voxels,) in each event."""
    centre = _ratio(inside @ place, energy)
    # rounding may bring a single voxel's variance below 0
    return centre, np.sqrt(np.maximum(_ratio(inside @ place**2, energy) - centre**2, 0.0))


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.zeros(len(whole)), where=whole > 0)
