"""The longitudinal profile of an air shower: Gaisser-Hillas functions and their fit, and the depth of the maximum."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def gaisser_hillas(depth: ArrayLike, nmax: ArrayLike, xmax: ArrayLike, x0: ArrayLike, p1: ArrayLike, p2: ArrayLike = 0.0, p3: ArrayLike = 0.0) -> Array:
    """N(X) = Nmax ((X - X0) / (Xmax - X0))^((Xmax - X0) / lambda) exp((Xmax - X) / lambda), zero above X0; all arguments broadcast.

    Depths in g/cm2; lambda = p1 + p2 X + p3 X^2 (g/cm2) is the form that CONEX and CORSIKA fit.

    References: Gaisser and Hillas, Proc. 15th ICRC 8 (1977) 353.
    """
    x, top, start = np.asarray(depth, np.float64), np.asarray(xmax, np.float64), np.asarray(x0, np.float64)
    width = np.asarray(p1) + np.asarray(p2) * x + np.asarray(p3) * x**2
    if np.any(top <= start):
        raise ValueError("gaisser_hillas: xmax must lie below x0 (xmax > x0)")
    ratio = (x - start) / (top - start)
    inside = (ratio > 0) & (width > 0)
    width = np.where(inside, width, 1.0)
    exponent = (top - start) / width * np.log(np.where(inside, ratio, 1.0)) + (top - x) / width
    return np.where(inside, np.asarray(nmax) * np.exp(np.where(inside, exponent, 0.0)), 0.0)


def gaisser_hillas_rl(depth: ArrayLike, nmax: ArrayLike, xmax: ArrayLike, r: ArrayLike, l_g_cm2: ArrayLike) -> Array:
    """N(X) = Nmax (1 + R s / L)^(1 / R^2) exp(-s / (L R)), s = X - Xmax, zero where 1 + R s / L <= 0; all arguments broadcast.

    L (g/cm2) is the width of the profile and R > 0 its asymmetry. The same curve as ``gaisser_hillas`` with X0 = Xmax - L / R, p1 = L R.

    References: Andringa, Conceicao and Pimenta, Astropart. Phys. 34 (2011) 360, eq. 2.
    """
    asymmetry, width = np.asarray(r, np.float64), np.asarray(l_g_cm2, np.float64)
    if np.any(asymmetry <= 0) or np.any(width <= 0):
        raise ValueError("gaisser_hillas_rl: R and L must be positive")
    u = asymmetry * (np.asarray(depth, np.float64) - np.asarray(xmax, np.float64)) / width
    inside = u > -1
    u = np.where(inside, u, 0.0)
    return np.where(inside, np.asarray(nmax) * np.exp((np.log1p(u) - u) / asymmetry**2), 0.0)


class GaisserHillasFit(NamedTuple):
    """Fitted parameters, each (events,): NaN where the profile holds fewer than 8 points in the window or the fit leaves it."""

    nmax: Array
    xmax_g_cm2: Array
    r: Array
    l_g_cm2: Array
    rms: Array
    """Root mean square of (profile - fit) / nmax over the window."""

    @property
    def x0_g_cm2(self) -> Array:
        """X0 of the classic form."""
        return self.xmax_g_cm2 - self.l_g_cm2 / self.r

    @property
    def lambda_g_cm2(self) -> Array:
        """The constant lambda of the classic form."""
        return self.l_g_cm2 * self.r


def fit_gaisser_hillas(depth: ArrayLike, profile: ArrayLike, window: float = 0.1) -> GaisserHillasFit:
    """Least-squares fit of ``gaisser_hillas_rl`` to each profile, unweighted, where it stands above ``window`` times its maximum.

    ``depth`` is (depth,) in g/cm2, ``profile`` (events, depth). The window is the unbroken stretch around the maximum; Levenberg-Marquardt.
    """
    from cloudchamber.physics.gaisser_hillas_fit import fit_profiles

    x, n = _depth_and_profile(depth, profile)
    if not 0 < window < 1:
        raise ValueError(f"window must lie between 0 and 1, got {window}")
    return GaisserHillasFit(*fit_profiles(x, n, window).T)


def xmax_parabola(depth: ArrayLike, profile: ArrayLike) -> tuple[Array, Array]:
    """Depth and height of each profile's maximum from a parabola in ln N through the highest point and its neighbours.

    ``depth`` is (depth,) in g/cm2, ``profile`` (events, depth); gives (xmax in g/cm2, maximum), each (events,). Where the highest point is the first or
    last, or has an empty neighbour, that point itself is the answer.
    """
    x, n = _depth_and_profile(depth, profile)
    top = n.argmax(axis=1)
    events = np.arange(len(n))
    middle = np.clip(top, 1, len(x) - 2)
    left, centre, right = n[events, middle - 1], n[events, middle], n[events, middle + 1]
    usable = (middle == top) & (left > 0) & (right > 0)
    logs = [np.log(np.where(usable, part, 1.0)) for part in (left, centre, right)]
    a, b = x[middle - 1] - x[middle], x[middle + 1] - x[middle]
    slope_a, slope_b = (logs[0] - logs[1]) / a, (logs[2] - logs[1]) / b
    curvature = (slope_b - slope_a) / (b - a)
    usable &= curvature < 0
    curvature = np.where(usable, curvature, -1.0)
    slope = slope_a - curvature * a
    step = np.where(usable, -slope / (2 * curvature), 0.0)
    height = np.where(usable, np.exp(logs[1] + slope * step + curvature * step**2), n[events, top])
    return x[top] + step, height


def _depth_and_profile(depth: ArrayLike, profile: ArrayLike) -> tuple[Array, Array]:
    x, n = np.asarray(depth, np.float64), np.asarray(profile, np.float64)
    if x.ndim != 1 or len(x) < 3 or np.any(np.diff(x) <= 0):
        raise ValueError(f"depth must rise strictly and hold at least 3 points, got shape {x.shape}")
    if n.ndim != 2 or n.shape[1] != len(x):
        raise ValueError(f"profile must have shape (events, {len(x)}), got {n.shape}")
    if not np.isfinite(n).all():
        raise ValueError("profile holds NaN or infinite values")
    return x, n
