"""Where the fit begins: which stations belong together, and a first core, direction, S800 and curvature."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from cloudchamber.studies.surface_array.constants import LIGHT_M_NS
from cloudchamber.studies.surface_array.fit.flags import FitFlag
from cloudchamber.studies.surface_array.fit.ldf import delay_ns, ln_ldf, mean_curvature, slope

IGNORED, TIME_ONLY, FULL, QUIET = 0, 1, 2, 3
"""What the fit takes from a station."""
LEAST_RADIUS_M = 20.0
"""Added in quadrature to the distance from the axis, where the lateral distribution has its pole."""
MAX_LN_DENSITY = 14.0
REACH_M = 4200.0
"""Distance from the signals' centre to which signals, and their absence, count."""
LONGEST_DELAY_NS = 8000.0
"""How far two stations' times may differ beyond the light's way between them."""
TIME_OUTLIER, SATURATED, ALL_SATURATED, DUPLICATE = int(FitFlag.TIME_OUTLIER), int(FitFlag.SATURATED), int(FitFlag.ALL_SATURATED), int(FitFlag.DUPLICATE)


@njit(cache=True)
def clean(x, y, time, density, kind):  # type: ignore[no-untyped-def]
    """Set ``kind`` to IGNORED where a station repeats another or its time belongs to no shower with most others; returns the flags that say so."""
    flags = 0
    for i in range(len(x)):
        for j in range(i):
            if kind[i] != IGNORED and kind[j] != IGNORED and math.hypot(x[i] - x[j], y[i] - y[j]) < 1.0:
                kind[j if kind[i] != QUIET and density[i] > density[j] else i] = IGNORED
                flags |= DUPLICATE
    while True:
        worst, which = 0, -1
        for i in range(len(x)):
            strangers = 0
            for j in range(len(x)):
                if timed(kind[i]) and timed(kind[j]):
                    strangers += abs(time[i] - time[j]) > math.hypot(x[i] - x[j], y[i] - y[j]) / LIGHT_M_NS + LONGEST_DELAY_NS
            if strangers > worst:
                worst, which = strangers, i
        times = number_of_times(kind)
        if which < 0 or 2 * worst < times - 1 or times < 3:
            break
        kind[which] = IGNORED
        flags |= TIME_OUTLIER
    saturated, full = 0, 0
    for i in range(len(x)):
        saturated += kind[i] == TIME_ONLY
        full += kind[i] == FULL
    if saturated:
        flags |= SATURATED
        if not full:
            # lower bounds are all there is
            flags |= ALL_SATURATED
            for i in range(len(x)):
                if kind[i] == TIME_ONLY:
                    kind[i] = FULL
    return flags


@njit(cache=True)
def limit_signals(x, y, density, kind):  # type: ignore[no-untyped-def]
    """Far from the signals' centre let neither signals nor their absence count: one particle there weighs as much as none, and the showers differ most."""
    total, centre_x, centre_y = 1e-300, 0.0, 0.0
    for i in range(len(x)):
        if timed(kind[i]):
            total, centre_x, centre_y = total + density[i], centre_x + density[i] * x[i], centre_y + density[i] * y[i]
    for i in range(len(x)):
        if math.hypot(x[i] - centre_x / total, y[i] - centre_y / total) > REACH_M:
            if kind[i] == QUIET:
                kind[i] = IGNORED
            elif kind[i] == FULL:
                kind[i] = TIME_ONLY


@njit(cache=True, inline="always")
def timed(kind):  # type: ignore[no-untyped-def]
    return kind in (TIME_ONLY, FULL)


@njit(cache=True)
def number_of_times(kind):  # type: ignore[no-untyped-def]
    number = 0
    for i in range(len(kind)):
        number += timed(kind[i])
    return number


@njit(cache=True)
def radius(x, y, p):  # type: ignore[no-untyped-def]
    dx, dy = x - p[0], y - p[1]
    along = p[2] * dx + p[3] * dy
    return math.sqrt(dx * dx + dy * dy - along * along + LEAST_RADIUS_M**2)


@njit(cache=True)
def ln_seen(density, area_m2):  # type: ignore[no-untyped-def]
    """ln of a density that is at least that of one particle, which every station with a record saw."""
    return math.log(max(density, 1.0 / area_m2))


@njit(cache=True)
def expected_time(x, y, ln_density, p, c):  # type: ignore[no-untyped-def]
    """Time at a station [ns] that saw exp(``ln_density``): plane front and delay."""
    plane = p[5] - (p[2] * (x - p[0]) + p[3] * (y - p[1])) / LIGHT_M_NS
    return plane + delay_ns(radius(x, y, p), 2.0 * c.delay_exponent * ln_density, math.exp(p[6]))


@njit(cache=True)
def expected_density(x, y, p, c):  # type: ignore[no-untyped-def]
    """Density at a station [VEM/m2]: lateral distribution, and more on the side that the shower comes from."""
    secant = 1.0 / math.sqrt(1.0 - p[2] ** 2 - p[3] ** 2)
    early = c.early_late_per_km * (secant - 1.0) * (p[2] * (x - p[0]) + p[3] * (y - p[1])) / 1000.0
    return math.exp(min(p[4] + ln_ldf(radius(x, y, p), slope(secant)) + early, MAX_LN_DENSITY))


@njit(cache=True)
def mean_ln_curvature(p, c):  # type: ignore[no-untyped-def]
    """ln(a S800^1/2) of the mean shower in the direction of ``p``."""
    return math.log(c.curvature_scale * mean_curvature(math.degrees(math.asin(min(math.hypot(p[2], p[3]), 1.0)))))


@njit(cache=True)
def start(x, y, time, density, kind, attempt, area_m2, p, c):  # type: ignore[no-untyped-def]
    """Where the descent begins: the signals' centre, and the plane through the times less the mean curvature's delay.

    The centre weighs with the signal; at the second attempt with its third power: the strongest station; at the third with its third root.
    """
    power = (1.0, 3.0, 0.3)[attempt]
    total, cx, cy = 0.0, 0.0, 0.0
    for i in range(len(x)):
        if timed(kind[i]):
            share = density[i] ** power
            total += share
            cx += share * x[i]
            cy += share * y[i]
    p[0], p[1], p[2], p[3], p[4], p[5], p[6] = cx / total, cy / total, 0.0, 0.0, 1.0, 0.0, 0.0
    sums, right, plane = np.zeros((3, 3)), np.zeros(3), np.zeros(3)
    for _ in range(4):
        eta = slope(1.0 / math.sqrt(1.0 - p[2] ** 2 - p[3] ** 2))
        level, weight = 0.0, 0.0
        for i in range(len(x)):
            if timed(kind[i]):
                share = math.sqrt(density[i])
                weight += share
                level += share * (math.log(density[i]) - ln_ldf(radius(x[i], y[i], p), eta))
        p[4] = min(max(level / weight, -4.0), 10.0)
        p[6] = mean_ln_curvature(p, c)
        sums[:], right[:] = 0.0, 0.0
        # showers near the horizon are rare: this also settles the direction of one station, or of several in a line
        sums[0, 0] = sums[1, 1] = 1e-2
        for i in range(len(x)):
            if timed(kind[i]):
                behind = delay_ns(radius(x[i], y[i], p), 2.0 * c.delay_exponent * ln_seen(density[i], area_m2), math.exp(p[6]))
                share = 1.0 / (0.1**2 + (LIGHT_M_NS * behind / 1000.0) ** 2)
                row = (-(x[i] - p[0]) / 1000.0, -(y[i] - p[1]) / 1000.0, 1.0)
                value = LIGHT_M_NS * (time[i] - behind) / 1000.0
                for j in range(3):
                    right[j] += share * row[j] * value
                    for k in range(3):
                        sums[j, k] += share * row[j] * row[k]
        solve(sums, right, 0.0, plane)
        scale = min(1.0, 0.95 / max(math.hypot(plane[0], plane[1]), 1e-9))
        p[2], p[3], p[5] = plane[0] * scale, plane[1] * scale, plane[2] * 1000.0 / LIGHT_M_NS


@njit(cache=True)
def solve(matrix, right, damping, solution):  # type: ignore[no-untyped-def]
    """(matrix + damping x its diagonal) solution = right by Cholesky; False if the matrix is not positive definite."""
    n = len(right)
    lower = np.empty((n, n))
    for i in range(n):
        for j in range(i + 1):
            total = matrix[i, j] * (1.0 + damping if i == j else 1.0)
            for k in range(j):
                total -= lower[i, k] * lower[j, k]
            if i == j:
                if not total > 1e-13 * matrix[i, i]:
                    return False
                lower[i, i] = math.sqrt(total)
            else:
                lower[i, j] = total / lower[j, j]
    for i in range(n):
        total = right[i]
        for k in range(i):
            total -= lower[i, k] * solution[k]
        solution[i] = total / lower[i, i]
    for i in range(n - 1, -1, -1):
        total = solution[i]
        for k in range(i + 1, n):
            total -= lower[k, i] * solution[k]
        solution[i] = total / lower[i, i]
    return True
