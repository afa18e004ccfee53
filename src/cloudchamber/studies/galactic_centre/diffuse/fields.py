"""Turbulence: Gaussian fields on the image with a power law above an outer scale, the logarithm of a factor of the gas column.

The column densities of interstellar clouds are close to log-normal and their power spectra close to k^-2.5 to k^-3.3: Miville-Deschenes et al. (2007), A&A 469,
595; Pingel et al. (2018), ApJ 856, 136; Burkhart & Lazarian (2012), ApJ 755, L19.
The outer scale is a length over a distance: near clouds are large on the sky, far ones are small.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy import fft

Array = NDArray[Any]

MARGIN = 1.25
"""The fields are periodic on an image larger by this, so that opposite edges of the image are not neighbours."""
CELLS = 4096


@cache
def _modes(nside: int) -> tuple[Array, float]:
    """The cell (size, size) of each wave in a table of equal steps in wave number, and the step in cycles per deg.

    The image's coordinates are longitude and sin b, turned by 45 deg; wave numbers are those on the sky at the image's middle.
    """
    size = int(MARGIN * nside)
    cycles = fft.fftfreq(size) * nside
    x, y = np.meshgrid(cycles, cycles, indexing="ij")
    k = np.hypot((x - y) / 90, (x + y) / np.degrees(4 / 3))
    step = float(k.max()) / (CELLS - 1)
    return np.rint(k / step).astype(np.int16), step


def turbulence(index: float, outer_deg: tuple[float, ...], nside: int, rng: np.random.Generator) -> Array:
    """Two Gaussian fields for each outer scale (2 scales, size, size), float32, of mean 0 and variance 1 over realisations; size is 1.25 nside."""
    cells, step = _modes(nside)
    size = len(cells)
    out = np.empty((len(outer_deg), 2, size, size), np.float32)
    for each, outer in zip(out, outer_deg, strict=True):
        table = ((np.arange(CELLS) * step) ** 2 + outer**-2) ** (-index / 4)
        white = rng.standard_normal((size, size, 2), np.float32)
        _shape(white, cells, table.astype(np.float32))
        # the real and the imaginary part of complex noise are two independent real fields
        field = fft.fft2(white.view(np.complex64)[..., 0], overwrite_x=True)
        each[0], each[1] = field.real, field.imag
    return out.reshape(-1, size, size)


@njit(cache=True)
def _shape(white: Array, cells: Array, table: Array) -> None:
    power = 0.0
    for i in range(len(cells)):
        for j in range(len(cells)):
            power += float(table[cells[i, j]]) ** 2
    power -= float(table[0]) ** 2
    norm = np.float32(1 / np.sqrt(power))
    for i in range(len(cells)):
        for j in range(len(cells)):
            amplitude = norm * table[cells[i, j]]
            white[i, j, 0] *= amplitude
            white[i, j, 1] *= amplitude
    # a constant is no turbulence
    white[0, 0, 0] = white[0, 0, 1] = np.float32(0)
