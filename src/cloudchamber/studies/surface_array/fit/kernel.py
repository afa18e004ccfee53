"""The compiled Levenberg-Marquardt fit behind ``fit.reconstruct``: core, direction, S800, time and curvature of every event, one after the other.

The parameters are (core x, core y, u, v, ln S800, t0, ln(a S800^1/2)): u and v are the horizontal direction cosines, so that vertical showers are no special
case, and S800 and a stay positive. The analytic Jacobian is that of ``ldf``'s formulas.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from cloudchamber.studies.surface_array.constants import LIGHT_M_NS
from cloudchamber.studies.surface_array.fit.flags import FitFlag
from cloudchamber.studies.surface_array.fit.ldf import FRONT_M, delay_ns, ln_ldf, ln_ldf_slopes, slope
from cloudchamber.studies.surface_array.fit.start import (
    FULL,
    IGNORED,
    LEAST_RADIUS_M,
    MAX_LN_DENSITY,
    QUIET,
    clean,
    expected_density,
    expected_time,
    limit_signals,
    ln_seen,
    mean_ln_curvature,
    number_of_times,
    radius,
    solve,
    start,
)

NO_STATION, FEW_STATIONS, CURVATURE_HELD = int(FitFlag.NO_STATION), int(FitFlag.FEW_STATIONS), int(FitFlag.CURVATURE_HELD)
NOT_CONVERGED, COVARIANCE, TIME_OUTLIER = int(FitFlag.NOT_CONVERGED), int(FitFlag.COVARIANCE), int(FitFlag.TIME_OUTLIER)
AMBIGUOUS = int(FitFlag.AMBIGUOUS)

PARAMETERS = 7
PASSES, STEPS, NEAR_ENOUGH = 3, 40, 1e-3
"""Passes, steps in each, and the estimated distance to the minimum (in chi2) that ends one."""
MAX_SINE = math.sin(math.radians(85.0))
MAX_WALK_M = 6000.0
MAX_LN_CURVATURE = 1.5
"""Bounds: sine of the zenith angle, distance of the core from where it started, |ln(a / mean a)|."""
FEW_PARTICLES = 4.0
"""Expected density [VEM/m2] up to which a signal's chi2 is Poisson's deviance, over the variance of one particle."""
STARTS, FEW_TIMES = 3, 4
WEAK_PRIOR = (3000.0, 3000.0, 1.0, 1.0, 5.0, 1e6)
"""Standard deviations of the other parameters about where they start, the direction about the vertical: of no weight, unless nothing else tells."""
OUTLIER_CHI2 = 36.0
"""chi2 of a single time beyond which it is left out."""
RIVAL_CHI2, RIVAL_M = 9.0, 200.0
"""A second minimum within so much chi2 of the first, its core so far from the first's, makes an event ambiguous."""


@njit(cache=True)
def fit_events(x, y, time, density, kind, offsets, area_m2, c):  # type: ignore[no-untyped-def]
    """Fit every event's stations (flat arrays with ``offsets``; ``kind`` as above).

    Returns parameters (events, 7), information matrices (events, 7, 7) = half the second derivatives of chi2, chi2 (events, 2) of times and of signals, their
    numbers (events, 2) and flags (events,).
    """
    events = len(offsets) - 1
    fitted, information = np.zeros((events, PARAMETERS)), np.zeros((events, PARAMETERS, PARAMETERS))
    chi2, counts, flags = np.zeros((events, 2)), np.zeros((events, 2), np.int64), np.zeros(events, np.int64)
    for event in range(events):
        a, b = offsets[event], offsets[event + 1]
        flags[event] = _fit_one(
            x[a:b], y[a:b], time[a:b], density[a:b], kind[a:b].copy(), area_m2, c, fitted[event], information[event], chi2[event], counts[event]
        )
    return fitted, information, chi2, counts, flags


@njit(cache=True)
def _fit_one(x, y, time, density, kind, area_m2, c, best, information, chi2, counts):  # type: ignore[no-untyped-def]
    n = len(x)
    flags = clean(x, y, time, density, kind)
    limit_signals(x, y, density, kind)
    if number_of_times(kind) == 0:
        best[4] = 0.0
        best[6] = mean_ln_curvature(best, c)
        for i in range(PARAMETERS):
            information[i, i] = (c.curvature_spread if i == 6 else WEAK_PRIOR[i]) ** -2
        return flags | NO_STATION | NOT_CONVERGED
    p, normal, gradient, weights = np.empty(PARAMETERS), np.empty((PARAMETERS, PARAMETERS)), np.empty(PARAMETERS), np.empty((n, 3))
    while True:
        times = number_of_times(kind)
        lowest, ending = np.inf, 0
        for attempt in range(STARTS):
            start(x, y, time, density, kind, attempt, area_m2, p, c)
            core_x, core_y = p[0], p[1]
            converged, bound = False, False
            for turn in range(PASSES):
                logs = freeze(x, y, density, kind, p, area_m2, turn == 0, c, weights)
                prior = p.copy()
                prior[0], prior[1], prior[2], prior[3], prior[6] = core_x, core_y, 0.0, 0.0, mean_ln_curvature(p, c)
                loss, converged, bound = _descend(x, y, time, density, weights, area_m2, prior, c, p, normal, gradient)
            score = loss + logs
            rival = attempt > 0 and abs(score - lowest) < RIVAL_CHI2 and math.hypot(p[0] - best[0], p[1] - best[1]) > RIVAL_M
            if score < lowest:
                ending = (0 if converged else NOT_CONVERGED) | (COVARIANCE if bound else 0) | (ending & AMBIGUOUS if score > lowest - RIVAL_CHI2 else 0)
                lowest = score
                best[:], information[:] = p, normal
                _chi2(x, y, time, density, weights, area_m2, p, c, chi2, counts)
            if rival:
                ending |= AMBIGUOUS
        # a time that does not belong to the shower spoils every parameter; one at a time, the worst first
        worst, which = OUTLIER_CHI2, -1
        if times > FEW_TIMES:
            freeze(x, y, density, kind, best, area_m2, False, c, weights)
            for i in range(n):
                pull2 = weights[i, 0] * (time[i] - expected_time(x[i], y[i], ln_seen(density[i], area_m2), best, c)) ** 2
                if pull2 > worst:
                    worst, which = pull2, i
        if which < 0:
            break
        kind[which] = IGNORED
        flags |= TIME_OUTLIER
    if times <= FEW_TIMES:
        flags |= CURVATURE_HELD
    if times < 3:
        flags |= FEW_STATIONS
    return flags | ending


@njit(cache=True)
def freeze(x, y, density, kind, p, area_m2, first, c, weights):  # type: ignore[no-untyped-def]
    """Set the error bars for one pass: ``weights`` (stations, 3) of the time, of a Gaussian and of a Poisson signal. Returns sum ln variance."""
    thickness = math.exp(mean_ln_curvature(p, c)) * c.thickness
    logs = 0.0
    for i in range(len(x)):
        weights[i] = 0.0
        if kind[i] == QUIET:
            weights[i, 2] = c.silent_weight / c.signal_variance
        elif kind[i] != IGNORED:
            front = (1.0 + max(radius(x[i], y[i], p), 150.0) / FRONT_M) ** 1.5
            variance = c.time_floor_ns**2 + (thickness * front * math.exp(-c.thickness_exponent * ln_seen(density[i], area_m2))) ** 2
            weights[i, 0] = 1.0 / variance
            logs += math.log(variance)
            if kind[i] == FULL:
                level = density[i] if first else expected_density(x[i], y[i], p, c)
                if level <= FEW_PARTICLES:
                    weights[i, 2] = 1.0 / c.signal_variance
                else:
                    variance = c.signal_variance * level + (c.signal_spread * level) ** 2
                    weights[i, 1] = 1.0 / variance
                    logs += math.log(variance)
    return logs


@njit(cache=True)
def _chi2(x, y, time, density, weights, area_m2, p, c, chi2, counts):  # type: ignore[no-untyped-def]
    """chi2 of the times and of the signals, and how many there are of each; silent stations add to chi2 alone."""
    chi2[:], counts[:] = 0.0, 0
    for i in range(len(x)):
        expected = expected_density(x[i], y[i], p, c)
        if weights[i, 0] > 0.0:
            chi2[0] += weights[i, 0] * (time[i] - expected_time(x[i], y[i], ln_seen(density[i], area_m2), p, c)) ** 2
            counts[0] += 1
        chi2[1] += weights[i, 1] * (density[i] - expected) ** 2 + weights[i, 2] * _deviance(density[i], expected)
        counts[1] += density[i] > 0.0 and weights[i, 1] + weights[i, 2] > 0.0


@njit(cache=True, inline="always")
def _deviance(seen, expected):  # type: ignore[no-untyped-def]
    return 2.0 * (expected - seen + (seen * math.log(seen / expected) if seen > 0 else 0.0))


@njit(cache=True)
def _descend(x, y, time, density, weights, area_m2, prior, c, p, normal, gradient):  # type: ignore[no-untyped-def]
    """Levenberg-Marquardt from ``p``, in place; returns chi2, whether it converged, and whether a bound stopped it."""
    loss = _normal_equations(x, y, time, density, weights, area_m2, prior, c, p, normal, gradient)
    trial_normal, trial_gradient, step = np.empty_like(normal), np.empty_like(gradient), np.empty(PARAMETERS)
    damping, bound = 1e-3, False
    for _ in range(STEPS):
        if solve(normal, gradient, 0.0, step) and np.dot(step, gradient) < NEAR_ENOUGH:
            return loss, True, False
        if not solve(normal, gradient, damping, step):
            damping *= 10.0
            continue
        trial = p + step
        bound = (
            math.hypot(trial[2], trial[3]) > MAX_SINE
            or math.hypot(trial[0] - prior[0], trial[1] - prior[1]) > MAX_WALK_M
            or abs(trial[6] - prior[6]) > MAX_LN_CURVATURE
            or abs(trial[4]) > 12.0
        )
        if not bound:
            trial_loss = _normal_equations(x, y, time, density, weights, area_m2, prior, c, trial, trial_normal, trial_gradient)
            if trial_loss <= loss:
                p[:], loss = trial, trial_loss
                normal[:], gradient[:] = trial_normal, trial_gradient
                damping = max(damping / 10.0, 1e-9)
                continue
        damping *= 8.0
        if damping > 1e9:
            break
    return loss, False, bound


@njit(cache=True)
def _normal_equations(x, y, time, density, weights, area_m2, prior, c, p, normal, gradient):  # type: ignore[no-untyped-def]
    """chi2, and into ``normal`` and ``gradient`` half its second derivatives and minus half its slope."""
    normal[:], gradient[:] = 0.0, 0.0
    u, v = p[2], p[3]
    cosine = math.sqrt(1.0 - u * u - v * v)
    eta = slope(1.0 / cosine)
    eta_by_secant = (slope(1.0 / cosine + 1e-6) - slope(1.0 / cosine - 1e-6)) / 2e-6
    early_by_secant = c.early_late_per_km / 1000.0
    early = early_by_secant * (1.0 / cosine - 1.0)
    curvature = math.exp(p[6])
    signal, timing = np.zeros(PARAMETERS), np.zeros(PARAMETERS)
    loss = 0.0
    for i in range(len(x)):
        if weights[i, 0] == 0.0 and weights[i, 1] == 0.0 and weights[i, 2] == 0.0:
            continue
        dx, dy = x[i] - p[0], y[i] - p[1]
        along = u * dx + v * dy
        r = math.sqrt(dx * dx + dy * dy - along * along + LEAST_RADIUS_M**2)
        ratio = ln_ldf(r, eta) + early * along
        expected = math.exp(min(p[4] + ratio, MAX_LN_DENSITY))
        by_r, by_eta = ln_ldf_slopes(r, eta)
        r_by_x, r_by_y, r_by_u, r_by_v = -(dx - along * u) / r, -(dy - along * v) / r, -along * dx / r, -along * dy / r
        signal[0], signal[1], signal[4] = by_r * r_by_x - early * u, by_r * r_by_y - early * v, 1.0
        by_secant = by_eta * eta_by_secant + early_by_secant * along
        signal[2], signal[3] = by_r * r_by_u + by_secant * u / cosine**3 + early * dx, by_r * r_by_v + by_secant * v / cosine**3 + early * dy
        if weights[i, 0] > 0.0:
            behind = delay_ns(r, 2.0 * c.delay_exponent * ln_seen(density[i], area_m2), curvature)
            stretch = behind * 1.5 / (FRONT_M + r)
            timing[0], timing[1] = stretch * r_by_x + u / LIGHT_M_NS, stretch * r_by_y + v / LIGHT_M_NS
            timing[2], timing[3] = stretch * r_by_u - dx / LIGHT_M_NS, stretch * r_by_v - dy / LIGHT_M_NS
            timing[5], timing[6] = 1.0, behind
            residual = time[i] - p[5] + along / LIGHT_M_NS - behind
            loss += weights[i, 0] * residual * residual
            _add(normal, gradient, timing, weights[i, 0], residual)
        if weights[i, 1] > 0.0:
            residual = density[i] - expected
            loss += weights[i, 1] * residual * residual
            _add(normal, gradient, signal, weights[i, 1] * expected * expected, residual / expected)
        elif weights[i, 2] > 0.0:
            loss += weights[i, 2] * _deviance(density[i], expected)
            _add(normal, gradient, signal, weights[i, 2] * expected, (density[i] - expected) / expected)
    for j in range(PARAMETERS):
        width = c.curvature_spread if j == 6 else WEAK_PRIOR[j]
        normal[j, j] += width**-2
        gradient[j] += (prior[j] - p[j]) / width**2
        loss += ((prior[j] - p[j]) / width) ** 2
    for j in range(PARAMETERS):
        for k in range(j):
            normal[k, j] = normal[j, k]
    return loss


@njit(cache=True, inline="always")
def _add(normal, gradient, slopes, weight, residual):  # type: ignore[no-untyped-def]
    for j in range(PARAMETERS):
        gradient[j] += weight * residual * slopes[j]
        for k in range(j + 1):
            normal[j, k] += weight * slopes[j] * slopes[k]
