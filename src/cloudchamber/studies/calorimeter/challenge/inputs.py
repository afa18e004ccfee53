"""What the CaloChallenge's classifiers see of a shower, at low and at high level.

As in the challenge's evaluate.py; of a crystal array, which the challenge has not, the high level is that of its shape variables. What else of theta varies
(particle, impact point, direction) is seen as the incident energy is.
"""

from __future__ import annotations

import numpy as np

from cloudchamber.schema import Table
from cloudchamber.studies.calorimeter.challenge.features import crystal_features, voxel_features
from cloudchamber.studies.calorimeter.geometry import Crystals
from cloudchamber.studies.calorimeter.voxels import Voxels

CONDITIONS = ("particle", "impact_x_mm", "impact_y_mm", "polar_deg", "azimuth_deg")


def low_level(table: Table, truth: Table, geometry: Voxels | Crystals) -> np.ndarray:
    """Log10 of the incident energy, 100 times the share of each cell, and the conditions: (events, numbers), single precision."""
    energy = np.asarray(table["energy_mev"], dtype=np.float64)
    shares = np.asarray(table["deposit_mev"], dtype=np.float32) * (100 / energy).astype(np.float32)[:, None]
    return np.concatenate([np.log10(energy)[:, None], shares, *_conditions(table, truth)], axis=1, dtype=np.float32)


def high_level(table: Table, truth: Table, geometry: Voxels | Crystals) -> np.ndarray:
    """Log10 of incident and layer energies, centres and widths over 100 mm, and the conditions; of crystals the shape variables in sigmas of ``truth``."""
    energy = np.log10(np.asarray(table["energy_mev"], dtype=np.float64))[:, None]
    if isinstance(geometry, Voxels):
        found = voxel_features(table["deposit_mev"], table["energy_mev"], geometry)
        shape = [np.log10(found["layer_mev"] + 1e-8)]
        shape += [found[f"{kind}_{axis}_mm"] / 100 for kind in ("centre", "width") for axis in ("eta", "phi")]
    else:
        shape = [_in_sigmas(_shape_variables(table, geometry), _shape_variables(truth, geometry))]
    return np.concatenate([energy, *shape, *_conditions(table, truth)], axis=1, dtype=np.float32)


def _shape_variables(table: Table, crystals: Crystals) -> np.ndarray:
    found = crystal_features(table["deposit_mev"], crystals)
    shares = [np.log10(found.pop(name) / np.asarray(table["energy_mev"], dtype=np.float64) + 1e-8) for name in ("total_mev", "max_mev")]
    return np.stack([*shares, *found.values()], axis=1)


def _conditions(table: Table, truth: Table) -> list[np.ndarray]:
    """A column (events, 1) of each condition that the truth varies, in its sigmas."""
    varied = [name for name in CONDITIONS if name in truth and np.ptp(truth[name]) > 0]
    return [_in_sigmas(np.asarray(table[name], dtype=np.float64)[:, None], np.asarray(truth[name], dtype=np.float64)[:, None]) for name in varied]


def _in_sigmas(values: np.ndarray, scale: np.ndarray) -> np.ndarray:
    width = scale.std(axis=0)
    return (values - scale.mean(axis=0)) / np.where(width > 0, width, 1.0)
