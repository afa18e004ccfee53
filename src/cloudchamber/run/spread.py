"""How the answer about a number spreads: quantiles and peaks, beside its mean and deviation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import torch
from torch import Tensor

from cloudchamber.models.marginals import Marginals
from cloudchamber.nn.codec import Codec
from cloudchamber.run.modes import MODES, QUANTILES, count_peaks, modes_of_draws, words_of
from cloudchamber.schema import Column, Table

MOST_CURVES = 16
"""So many numbers an event are looked at as curves; of more the draws tell."""
TAIL, POINTS = 0.001, 65
"""A curve goes from this quantile to the opposite one, in so many points."""


def spread_of_draws(name: str, column: Column, draws: np.ndarray) -> Table:
    """Quantiles and peaks, (events, ...) each, of ``draws`` (events, draws, ...); peaks of whole numbers are at least one apart."""
    if not words_of(column):
        return {}
    quantiles = np.quantile(draws.astype(np.float64), tuple(QUANTILES.values()), axis=1)
    rows = np.moveaxis(draws, 1, -1).reshape(-1, draws.shape[1])
    whole = np.issubdtype(np.dtype(column.dtype), np.integer)
    modes = modes_of_draws(rows, 1.0 if whole else 0.0).reshape(len(draws), *column.shape)
    return {f"{name}_{word}": values for word, values in zip((*QUANTILES, MODES), (*quantiles, modes), strict=True)}


def spread_of_mixture(columns: Mapping[str, Column], codec: Codec, found: Marginals | None) -> Table:
    """The same of all columns, exactly, where each number by itself is a mixture of Gaussians that the codec leaves for itself; else nothing."""
    if found is None or found.mean.shape[2] > MOST_CURVES or codec.entries(found.mean[:, 0]) is None:
        return {}
    told: Table = {}
    for word, level in QUANTILES.items():
        decoded = codec.decode(found.quantile(level), {})
        told |= {f"{name}_{word}": decoded[name].double().cpu().numpy() for name, column in columns.items() if not column.categories}
    low, high = found.quantile(TAIL), found.quantile(1 - TAIL)
    grid = low + (high - low) * torch.linspace(0, 1, POINTS, dtype=low.dtype, device=low.device)[:, None, None]
    places, density = _by_column(codec.decode(each, {}) for each in grid), _by_column(codec.entries(each) or {} for each in found.density(grid))
    for name, curve in density.items():
        # per physical unit; what is moved to a bound has no density
        slope = np.abs(np.gradient(places[name], axis=0))
        shape = curve.shape[1:]
        per_unit = np.divide(curve, slope, out=np.zeros_like(curve), where=slope > 1e-9 * np.ptp(places[name], axis=0))
        told[f"{name}_{MODES}"] = count_peaks(per_unit.reshape(POINTS, -1).T).reshape(shape)
    return {f"{name}_{word}": told[f"{name}_{word}"] for name, column in columns.items() for word in words_of(column)}


def _by_column(tables: Iterable[Mapping[str, Tensor]]) -> Table:
    """Tables of the points of a curve as columns (points, events, ...)."""
    listed = list(tables)
    return {name: np.stack([table[name].double().cpu().numpy() for table in listed]) for name in listed[0]}
