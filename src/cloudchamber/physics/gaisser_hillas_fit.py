"""The compiled Levenberg-Marquardt fit behind ``shower.fit_gaisser_hillas``."""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

MAX_STEPS = 60
TOLERANCE = 1e-9
MIN_POINTS = 8
# the fit works on (ln Nmax, Xmax / 100, ln R, ln L): R and L stay positive and the steps are of order one
DEPTH_SCALE = 100.0


@njit(cache=True)
def fit_profiles(depth: NDArray[np.float64], profiles: NDArray[np.float64], window: float) -> NDArray[np.float64]:
    """(events, 5): Nmax, Xmax, R, L, rms of the residual over Nmax; NaN where a profile can't be fitted."""
    fits = np.full((len(profiles), 5), np.nan)
    for event in range(len(profiles)):
        profile = profiles[event]
        top = profile.argmax()
        threshold = window * profile[top]
        first, last = top, top
        while first > 0 and profile[first - 1] > threshold:
            first -= 1
        while last < len(profile) - 1 and profile[last + 1] > threshold:
            last += 1
        if profile[top] > 0 and last - first + 1 >= MIN_POINTS:
            _fit_one(depth[first : last + 1], profile[first : last + 1] / profile[top], depth[top], fits[event])
            fits[event, 0] *= profile[top]
    return fits


@njit(cache=True)
def _fit_one(x: NDArray[np.float64], y: NDArray[np.float64], top: float, fit: NDArray[np.float64]) -> None:
    p = np.array([0.0, top / DEPTH_SCALE, math.log(0.25), math.log(225.0)])
    normal, gradient = np.empty((4, 4)), np.empty(4)
    loss = _normal_equations(x, y, p, normal, gradient)
    damping = 1e-3
    trial_normal, trial_gradient = np.empty((4, 4)), np.empty(4)
    for _ in range(MAX_STEPS):
        damped = normal.copy()
        for i in range(4):
            damped[i, i] += damping * normal[i, i] + 1e-14
        step = np.linalg.solve(damped, gradient)
        trial = p + step
        if abs(trial[2]) > 8 or trial[3] < 0 or trial[3] > 12:
            damping *= 8
            continue
        trial_loss = _normal_equations(x, y, trial, trial_normal, trial_gradient)
        if trial_loss <= loss:
            done = loss - trial_loss <= TOLERANCE * (loss + 1e-12) and np.abs(step).max() < 1e-5
            p, loss = trial, trial_loss
            normal[:], gradient[:] = trial_normal, trial_gradient
            damping = max(damping / 8, 1e-9)
            if done:
                break
        else:
            damping *= 8
            if damping > 1e12:
                break
    width, xmax = math.exp(p[3]), p[1] * DEPTH_SCALE
    # a maximum more than two widths outside the points is an extrapolation, not a measurement
    if x[0] - 2 * width <= xmax <= x[-1] + 2 * width:
        fit[0], fit[1], fit[2], fit[3], fit[4] = math.exp(p[0]), xmax, math.exp(p[2]), width, math.sqrt(loss / len(x))


@njit(cache=True)
def _normal_equations(
    x: NDArray[np.float64], y: NDArray[np.float64], p: NDArray[np.float64], normal: NDArray[np.float64], gradient: NDArray[np.float64]
) -> float:
    height, xmax, r, width = math.exp(p[0]), p[1] * DEPTH_SCALE, math.exp(p[2]), math.exp(p[3])
    normal[:], gradient[:] = 0.0, 0.0
    slope = np.empty(4)
    loss = 0.0
    for i in range(len(x)):
        t = (x[i] - xmax) / width
        u = r * t
        value = 0.0
        slope[:] = 0.0
        if u > -1:
            if abs(u) < 1e-2:
                g = t * t * (-1 / 2 + u / 3 - u * u / 4 + u**3 / 5)
                dg_dlnr = t * t * u * (1 / 3 - u / 2 + 3 * u * u / 5)
            else:
                g = (math.log1p(u) - u) / (r * r)
                dg_dlnr = -t * t / (1 + u) - 2 * g
            value = height * math.exp(g)
            slope[0] = value
            slope[1] = value * t / (1 + u) / width * DEPTH_SCALE
            slope[2] = value * dg_dlnr
            slope[3] = value * t * t / (1 + u)
        residual = y[i] - value
        loss += residual * residual
        for j in range(4):
            gradient[j] += slope[j] * residual
            for k in range(j + 1):
                normal[j, k] += slope[j] * slope[k]
    for j in range(4):
        for k in range(j):
            normal[k, j] = normal[j, k]
    return loss
