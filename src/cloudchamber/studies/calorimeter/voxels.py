"""Voxelised calorimeters: layers of rings, each cut into angles, as in the four data sets of the CaloChallenge.

References: Krause et al., arXiv:2410.21611; numbering and coordinates as in the challenge's XMLHandler.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np


@dataclass(frozen=True)
class Layer:
    """One layer: rings between rising ``r_edges_mm``, each cut into ``alpha_bins`` angles from -pi to pi; a single edge means a layer without voxels."""

    number: int
    r_edges_mm: tuple[float, ...]
    alpha_bins: int = 1

    def __post_init__(self) -> None:
        edges = np.asarray(self.r_edges_mm, dtype=np.float64)
        if len(edges) == 0 or not np.isfinite(edges).all() or edges[0] < 0 or np.any(np.diff(edges) <= 0):
            raise ValueError(f"layer {self.number}: r_edges_mm must rise from 0 or more, got {self.r_edges_mm}")
        if self.alpha_bins < 1:
            raise ValueError(f"layer {self.number}: alpha_bins must be at least 1, got {self.alpha_bins}")

    @property
    def rings(self) -> int:
        """The number of radial bins."""
        return len(self.r_edges_mm) - 1

    @property
    def cells(self) -> int:
        """The number of voxels."""
        return self.rings * self.alpha_bins


class Centres(NamedTuple):
    """Where each voxel (cells,) lies: its layer's number, the middle of its ring and angle, and eta = r cos alpha, phi = r sin alpha."""

    layer: np.ndarray
    r_mm: np.ndarray
    alpha_rad: np.ndarray
    eta_mm: np.ndarray
    phi_mm: np.ndarray


@dataclass(frozen=True)
class Voxels:
    """A voxelised calorimeter for one kind of ``particle`` (with its PDG number ``pid``).

    The voxels are numbered layer by layer, in a layer angle by angle, in an angle from the inside out: the ring runs fastest.
    """

    particle: str
    pid: int
    layers: tuple[Layer, ...]

    def __post_init__(self) -> None:
        numbers = [layer.number for layer in self.layers]
        if numbers != sorted(set(numbers)):
            raise ValueError(f"layers must come in rising order, each once, got {numbers}")
        if not self.filled:
            raise ValueError("a voxelised calorimeter needs at least one layer with voxels")

    @property
    def cells(self) -> int:
        """The number of voxels."""
        return sum(layer.cells for layer in self.layers)

    @property
    def filled(self) -> tuple[Layer, ...]:
        """The layers that have voxels."""
        return tuple(layer for layer in self.layers if layer.rings)

    @property
    def slices(self) -> tuple[slice, ...]:
        """The voxels of each layer of ``filled``."""
        edges = np.cumsum([0, *(layer.cells for layer in self.filled)])
        return tuple(slice(int(first), int(stop)) for first, stop in pairwise(edges))

    def centres(self) -> Centres:
        """The middle of every voxel."""
        parts = [(layer, _middles(np.array(layer.r_edges_mm)), _middles(np.linspace(-np.pi, np.pi, layer.alpha_bins + 1))) for layer in self.filled]
        r = np.concatenate([np.tile(rings, len(angles)) for _, rings, angles in parts])
        alpha = np.concatenate([np.repeat(angles, len(rings)) for _, rings, angles in parts])
        number = np.concatenate([np.full(layer.cells, layer.number) for layer, _, _ in parts])
        return Centres(number, r, alpha, r * np.cos(alpha), r * np.sin(alpha))

    def check(self, deposit: np.ndarray) -> None:
        """ValueError unless ``deposit`` has shape (events, cells)."""
        if np.ndim(deposit) != 2 or deposit.shape[1] != self.cells:
            raise ValueError(f"showers of this binning ({self.particle}, {len(self.filled)} layers) have shape (events, {self.cells}), got {np.shape(deposit)}")


def _middles(edges: np.ndarray) -> np.ndarray:
    return 0.5 * (edges[:-1] + edges[1:])


def _even(rings: int, width_mm: float, alpha_bins: int) -> Voxels:
    """45 equal layers, as of the silicon-tungsten calorimeter of Geant4's example Par04."""
    edges = tuple(round(ring * width_mm, 6) for ring in range(rings + 1))
    return Voxels("electron", 11, tuple(Layer(number, edges, alpha_bins) for number in range(45)))


def _atlas(particle: str, pid: int, edges_mm: dict[int, str], angles: tuple[int, ...]) -> Voxels:
    """24 layers; those without edges have no voxels, those in ``angles`` ten angles."""
    layers = [Layer(number, tuple(map(float, edges_mm.get(number, "0").split())), 10 if number in angles else 1) for number in range(24)]
    return Voxels(particle, pid, tuple(layers))


DATASET_1_PHOTONS = _atlas(
    "photon",
    22,
    {
        0: "0 5 10 30 50 100 200 400 600",
        1: "0 2 4 6 8 10 12 15 20 30 40 50 70 90 120 150 200",
        2: "0 2 5 10 15 20 25 30 40 50 60 80 100 130 160 200 250 300 350 400",
        3: "0 50 100 200 400 600",
        12: "0 100 200 400 1000 2000",
    },
    (1, 2),
)
DATASET_1_PIONS = _atlas(
    "pion",
    211,
    {
        0: "0 5 10 30 50 100 200 400 600",
        1: "0 1 4 7 10 15 30 50 90 150 200",
        2: "0 5 10 20 30 50 80 130 200 300 400",
        3: "0 50 100 200 400 600",
        12: "0 10 20 30 50 80 100 130 160 200 250 300 350 400 1000 2000",
        13: "0 10 20 30 50 80 100 130 160 200 250 300 350 400 600 1000 2000",
        14: "0 50 100 150 200 250 300 400 600 1000 2000",
    },
    (1, 2, 12, 13),
)
DATASET_2 = _even(9, 4.65, 16)
DATASET_3 = _even(18, 2.325, 50)
DATASETS = (DATASET_1_PHOTONS, DATASET_1_PIONS, DATASET_2, DATASET_3)
"""The binnings of the CaloChallenge 2022: 368, 533, 6480 and 40,500 voxels."""


def find_dataset(cells: int) -> Voxels | None:
    """The challenge's data set that has so many voxels, if there is one."""
    return next((voxels for voxels in DATASETS if voxels.cells == cells), None)
