"""What the classical scans (``lr_scan``, ``tophat``, ``autocorrelation``) ask of their maps: unit vectors and energies, ragged over maps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cloudchamber.schema import Ragged

THRESHOLDS_EV = tuple(energy * 1e18 for energy in range(40, 81, 5))
_ENERGIES_EV = 1e18, 1e22


def check_maps(vectors: Ragged, energy_ev: Ragged) -> None:
    """ValueError unless ``vectors`` are (total, 3) unit vectors with as many energies in eV, map by map."""
    if vectors.values.ndim != 2 or vectors.values.shape[1] != 3 or not np.all(np.abs(np.sum(vectors.values**2, axis=1) - 1) < 1e-4):
        raise ValueError(f"vectors must hold unit vectors (cosmic rays, 3), got shape {vectors.values.shape}; use physics.sphere.unit_vectors")
    if not np.array_equal(vectors.offsets, energy_ev.offsets):
        raise ValueError(f"vectors and energy_ev must hold the same cosmic rays, got {len(vectors.values)} and {len(energy_ev.values)} in all")
    low, high = _ENERGIES_EV
    outside = ~((energy_ev.values >= low) & (energy_ev.values <= high))
    if outside.any():
        raise ValueError(f"energy_ev: {energy_ev.values[outside][0]:g} is outside the allowed [{low:g}, {high:g}] eV; are these EeV?")


def check_thresholds(thresholds_ev: Sequence[float] | np.ndarray) -> np.ndarray:
    """Energy thresholds as an array, ValueError unless they rise."""
    threshold = np.asarray(thresholds_ev, dtype=np.float64)
    if threshold.ndim != 1 or len(threshold) == 0 or np.any(np.diff(threshold) <= 0):
        raise ValueError(f"thresholds_ev must rise, got {list(threshold)}")
    return threshold
