"""The toy's density ratio of cosmic rays, source to isotropy, over a grid of position angles: loops for numba.

With the source at s, the tangent vectors to the north and to the east there, d the arrival direction, a = d.north, b = d.east, kappa = (R / blur)^2 and
alpha = coherent / R, the centre of the blurred spot is at an angle to d of cosine cos(alpha) s.d + sin(alpha) (a cos(psi) + b sin(psi)).
So r = sum over charges of share * 2 kappa / (1 - exp(-2 kappa)) * exp(kappa * (cosine - 1)), before the exposure's norm.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

SMALLEST = 1e-5
"""Cosmic rays whose odds t r stay below this for every psi are left out."""
_GROUP = 32
_LOG2_E = 1.0 / math.log(2.0)
_EXP2 = tuple(np.polynomial.Chebyshev.interpolate(np.exp2, 5, [0, 1]).convert(kind=np.polynomial.Polynomial).coef.astype(np.float32))
"""2^x for x in [0, 1], to 2e-7."""


@njit(cache=True)
def log_products(frames, tilt, steps, vectors, kappa, cos_alpha, sin_alpha, log_share, cosine, sine):  # type: ignore[no-untyped-def]
    """sum_i ln(1 + t r_i), (steps, sources, psi): ``frames`` (sources, 3, 3) holds s, north and east of each, t is ``tilt`` (sources, psi) times ``steps``.

    2^y comes from a float's exponent bits and a polynomial, so that the loops over psi vectorise.
    """
    size, n, charges = cosine.size, kappa.shape[0], kappa.shape[1]
    result = np.zeros((len(steps), len(frames), size))
    bits, rest, total, product = np.empty(size, np.int32), np.empty(size, np.float32), np.empty(size, np.float32), np.empty((len(steps), size))
    power = bits.view(np.float32)
    for p in range(len(frames)):
        log2_floor = math.log2(SMALLEST / (tilt[p].max() * steps.max()))
        product[:] = 1.0
        multiplied = 0
        for i in range(n):
            x, y, z = vectors[i, 0], vectors[i, 1], vectors[i, 2]
            along = x * frames[p, 0, 0] + y * frames[p, 0, 1] + z * frames[p, 0, 2]
            a = x * frames[p, 1, 0] + y * frames[p, 1, 1] + z * frames[p, 1, 2]
            b = x * frames[p, 2, 0] + y * frames[p, 2, 1] + z * frames[p, 2, 2]
            across = math.sqrt(a * a + b * b)
            found = False
            for c in range(charges):
                base = _LOG2_E * (kappa[i, c] * (cos_alpha[i, c] * along - 1.0) + log_share[i, c])
                slope = _LOG2_E * kappa[i, c] * sin_alpha[i, c]
                if base + abs(slope) * across < log2_floor:
                    continue
                if not found:
                    total[:] = np.float32(0.0)
                    found = True
                base_f, a_f, b_f = np.float32(base), np.float32(slope * a), np.float32(slope * b)
                for j in range(size):
                    exponent = max(base_f + a_f * cosine[j] + b_f * sine[j], np.float32(-126.0))
                    whole = np.floor(exponent)
                    f = exponent - whole
                    bits[j] = (np.int32(whole) + np.int32(127)) << np.int32(23)
                    rest[j] = _EXP2[0] + f * (_EXP2[1] + f * (_EXP2[2] + f * (_EXP2[3] + f * (_EXP2[4] + f * _EXP2[5]))))
                for j in range(size):
                    total[j] += rest[j] * power[j]
            if found:
                for k in range(len(steps)):
                    for j in range(size):
                        product[k, j] *= 1.0 + steps[k] * tilt[p, j] * total[j]
                multiplied += 1
                if multiplied % _GROUP == 0:
                    for k in range(len(steps)):
                        for j in range(size):
                            result[k, p, j] += math.log(product[k, j])
                            product[k, j] = 1.0
        for k in range(len(steps)):
            for j in range(size):
                result[k, p, j] += math.log(product[k, j])
    return result


@njit(cache=True)
def single_ratios(frames, vectors, kappa, cos_alpha, sin_alpha, log_share, cosine, sine):  # type: ignore[no-untyped-def]
    """r_i (hypotheses, n) of single hypotheses: ``frames`` (hypotheses, 3, 3), ``cosine`` and ``sine`` of psi (hypotheses,)."""
    n, charges = kappa.shape
    result = np.zeros((len(frames), n))
    for h in range(len(frames)):
        # the tangent vector along psi
        s = frames[h, 0]
        t = cosine[h] * frames[h, 1] + sine[h] * frames[h, 2]
        for i in range(n):
            along = vectors[i, 0] * s[0] + vectors[i, 1] * s[1] + vectors[i, 2] * s[2]
            forward = vectors[i, 0] * t[0] + vectors[i, 1] * t[1] + vectors[i, 2] * t[2]
            for c in range(charges):
                exponent = kappa[i, c] * (cos_alpha[i, c] * along + sin_alpha[i, c] * forward - 1.0) + log_share[i, c]
                if exponent > -40.0:
                    result[h, i] += math.exp(exponent)
    return result
