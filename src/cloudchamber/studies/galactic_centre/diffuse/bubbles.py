"""The Fermi bubbles on the image: two lobes above and below the centre, of even brightness or brighter towards the edge.

Su, Slatyer & Finkbeiner (2010), ApJ 724, 1044: to |b| = 50 deg, 40 deg wide, sharp edges, even brightness; Ackermann et al. (2014), ApJ 793, 64: to 55 deg,
edges 3.4 deg wide. Here each lobe is an ellipse in (l cos b, b): heights, widths, tilts and where it begins above the plane are random in round numbers
about those. Left out: the southern cocoon, structure of the edge, how it goes on at latitudes that no one sees for the disk.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from cloudchamber.studies.galactic_centre.diffuse.sightlines import pixels

Array = NDArray[Any]

TOP_DEG, TOP_SPREAD_DEG = 52.0, 3.0
HALF_WIDTH_DEG, HALF_WIDTH_SPREAD_DEG = 19.0, 3.0
TILT_SPREAD_DEG, LEAN_SPREAD_DEG = 6.0, 1.5
BASE_DEG = (-4.0, 3.0)
LIMB = 1.0
SHIFT = 2.5
"""No random number counts for more than this many of its spread."""
USUAL_LOBES, USUAL_EDGE_DEG = np.tile((55.0, 0.0, 20.0, 0.0, 0.0, 0.0), (2, 1)), 3.4
"""The published ones: of Ackermann et al. the height and the edge, of Su et al. the width and the even brightness."""


def draw_lobes(rng: np.random.Generator) -> Array:
    """Of the northern and the southern lobe (2, 6): top, base and half width in deg, tilt in rad, longitude of the base in deg, and the limb, one for both."""
    normal = np.clip(rng.standard_normal((2, 4)), -SHIFT, SHIFT)
    base = rng.uniform(*BASE_DEG, 2)
    limb = rng.uniform(0.0, LIMB)
    return np.stack(
        (
            TOP_DEG + TOP_SPREAD_DEG * normal[:, 0],
            base,
            HALF_WIDTH_DEG + HALF_WIDTH_SPREAD_DEG * normal[:, 1],
            np.radians(TILT_SPREAD_DEG * normal[:, 2]),
            LEAN_SPREAD_DEG * normal[:, 3],
            np.full(2, limb),
        ),
        axis=1,
    )


def bubble_map(lobes: Array, edge_deg: float, nside: int) -> Array:
    """The image (nside, nside), 1 well within lobes (2, 6) of ``draw_lobes`` that have no limb, 0 outside; the edge rises over ``edge_deg``."""
    at = pixels(nside)
    return np.asarray(_lobes(at.lon_deg, at.lat_deg, lobes, edge_deg))


@njit(cache=True)
def _lobes(lon: Array, lat: Array, lobes: Array, edge: float) -> Array:
    out = np.zeros(lon.shape, np.float32)
    for lobe in range(2):
        top, base, wide, tilt, lean, limb = lobes[lobe]
        half = 0.5 * (top - base)
        c, s = np.cos(tilt), np.sin(tilt)
        for i in range(lon.shape[0]):
            for j in range(lon.shape[1]):
                up = lat[i, j] if lobe == 0 else -lat[i, j]
                if up < base - edge - 5.0:
                    continue
                side = lon[i, j] * np.cos(np.radians(up)) - lean
                along, across = (c * up + s * side - base - half) / half, (c * side - s * up) / wide
                square = along * along + across * across
                rho = max(np.sqrt(square), 1e-6)
                # distance from the edge to first order: (1 - rho) over the gradient of rho
                depth = (1.0 - rho) * rho / np.sqrt((along / half) ** 2 + (across / wide) ** 2 + 1e-15)
                rise = min(max(0.5 + depth / edge, 0.0), 1.0)
                bright = rise * rise * (3.0 - 2.0 * rise) * (1.0 + limb * min(square, 1.0))
                # where lobes overlap they are one
                if bright > out[i, j]:
                    out[i, j] = bright
    return out
