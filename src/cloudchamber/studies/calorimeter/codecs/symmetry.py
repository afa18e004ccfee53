"""The symmetry of a square array: reflections and quarter turns bring every shower into one octant, so that a network learns eight times fewer cases."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from cloudchamber.nn.codec import Tensors

SHOWER_DEPTH_MM = 100.0
"""About where a shower in CsI is widest: the octant is chosen where its axis passes this depth, so that the hottest crystals have fixed places."""
STEEPEST = 10.0
"""Slopes of the axis are cut here: further out it has left any array anyway."""


class Folded(NamedTuple):
    """A beam after the turn into the octant x >= y >= 0 at the shower's depth, all (events,).

    ``turn``: 0 to 7, which reflections and exchange were made; impact point [mm]; direction of flight; and the axis at ``SHOWER_DEPTH_MM`` [mm].
    """

    turn: Tensor
    impact_x_mm: Tensor
    impact_y_mm: Tensor
    direction_x: Tensor
    direction_y: Tensor
    axis_x_mm: Tensor
    axis_y_mm: Tensor


def fold(given: Tensors) -> Folded:
    """Turn a beam, columns (events,), into the octant."""
    polar, azimuth = given["polar_deg"].float() * (torch.pi / 180), given["azimuth_deg"].float() * (torch.pi / 180)
    direction = torch.stack((polar.sin() * azimuth.cos(), polar.sin() * azimuth.sin()))
    impact = torch.stack((given["impact_x_mm"].float(), given["impact_y_mm"].float()))
    axis = impact + SHOWER_DEPTH_MM * direction / polar.cos().clamp_min(1 / STEEPEST)
    flip = axis < 0
    swap = axis[1].abs() > axis[0].abs()
    turn = flip[0].long() + 2 * flip[1].long() + 4 * swap.long()
    sign = 1.0 - 2.0 * flip.float()
    vectors = torch.stack((impact, direction, axis)) * sign
    vectors = torch.where(swap, vectors.flip(1), vectors)
    return Folded(turn, *vectors.flatten(0, 1))


def turns(n: int, layers: int = 1) -> Tensor:
    """Cells of ``n`` x ``n`` crystals in ``layers`` after each turn, (8, cells): folded[k] = deposit[turns[turn, k]]."""
    centre = np.arange(n) - 0.5 * (n - 1)
    y, x = np.meshgrid(centre, centre, indexing="ij")
    tables = []
    for turn in range(8):
        old_x, old_y = (y, x) if turn & 4 else (x, y)
        column, row = ((-old if turn & bit else old) + 0.5 * (n - 1) for old, bit in ((old_x, 1), (old_y, 2)))
        plane = np.rint(row * n + column).astype(np.int64).ravel()
        tables.append(np.concatenate([plane + layer * n * n for layer in range(layers)]))
    return torch.from_numpy(np.stack(tables))


def square_side(cells: int, layers: int) -> int:
    """n of ``cells`` = ``layers`` n^2; ValueError where there is no such n."""
    n = round((cells / layers) ** 0.5) if layers > 0 else 0
    if n * n * layers != cells or cells == 0:
        raise ValueError(f"column 'deposit_mev': {cells} cells are not {layers} layer(s) of n x n crystals; set layers, or fold=False for other arrays")
    return n
