"""Loops of the likelihood-ratio scan: the grid search by table, and the refinement of its best places without one."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

_VERSINES = 8000
_STEPS, _TOLERANCE = 100, 0.005
_LEAST_SHARE, _LARGEST_SHARE = 1e-4, 0.9


@njit(cache=True)
def _angle(y, x):  # type: ignore[no-untyped-def]
    """atan2(y, x) to 0.005 rad, in a quarter of its time."""
    near, far = abs(x), abs(y)
    ratio = min(near, far) / max(near, far, np.float32(1e-12))
    angle = ratio * (np.float32(0.9724) - np.float32(0.1919) * ratio * ratio)
    if far > near:
        angle = np.float32(math.pi / 2) - angle
    if x < 0.0:
        angle = np.float32(math.pi) - angle
    return angle if y >= 0.0 else -angle


@njit(cache=True)
def search(directions, row, frames, level, cos_reach, table, bonus):  # type: ignore[no-untyped-def]
    """The largest sum of table terms plus ``bonus`` over position angles, and where: (sources,) each.

    ``directions`` (3, n); ``row`` (n,) of the table (levels, rows, distances, 2 x position angles); ``frames`` (sources, 3, 3) holds source, north and east;
    ``level`` and ``bonus`` (sources, position angles).
    """
    n, position_angles = len(row), bonus.shape[1]
    per_angle = np.float32(position_angles / (2 * math.pi))
    # the table's line for steps of the versine, as arc cosines cost much
    lines = np.empty(_VERSINES + 1, np.int32)
    for k in range(_VERSINES + 1):
        lines[k] = int(math.acos(1.0 - 2.0 * k / _VERSINES) * (table.shape[2] - 1) / math.pi + 0.5)
    x, y, z = directions[0], directions[1], directions[2]
    cosine, total = np.empty(n, np.float32), np.empty(position_angles, np.float32)
    near, place, begin = np.empty(n, np.int64), np.empty(n, np.int64), np.zeros(n, np.int64)
    best, turn = np.full(len(frames), -np.inf), np.empty(len(frames), np.int64)
    for s in range(len(frames)):
        source, north, east = frames[s, 0], frames[s, 1], frames[s, 2]
        for i in range(n):
            cosine[i] = x[i] * source[0] + y[i] * source[1] + z[i] * source[2]
        found = 0
        for i in range(n):
            if cosine[i] < cos_reach[row[i]]:
                continue
            near[found] = row[i]
            place[found] = lines[min(max(int((np.float32(1.0) - cosine[i]) * np.float32(_VERSINES / 2) + np.float32(0.5)), 0), _VERSINES)]
            if position_angles > 1:
                angle = _angle(x[i] * east[0] + y[i] * east[1] + z[i] * east[2], x[i] * north[0] + y[i] * north[1] + z[i] * north[2])
                begin[found] = position_angles - int(angle * per_angle + np.float32(position_angles + 0.5)) % position_angles
            found += 1
        for one in range(level[s].min(), level[s].max() + 1):
            total[:] = np.float32(0.0)
            for i in range(found):
                line = table[one, near[i], place[i], begin[i] : begin[i] + position_angles]
                for j in range(position_angles):
                    total[j] += line[j]
            for j in range(position_angles):
                if level[s, j] == one and total[j] + bonus[s, j] > best[s]:
                    best[s], turn[s] = total[j] + bonus[s, j], j
    return best, turn


@njit(cache=True)
def _norm(source, way, table):  # type: ignore[no-untyped-def]
    """The norm and its slopes, bilinear in two sines over ``table``; in the first one alone where the table has one column."""
    cells = table.shape[0] - 1
    u = min(max((source + 1.0) / 2.0, 0.0), 1.0) * cells
    i = min(int(u), cells - 1)
    u -= i
    if table.shape[1] == 1:
        return table[i, 0] + u * (table[i + 1, 0] - table[i, 0]), 0.0, 0.0
    v = min(max((way + 1.0) / 2.0, 0.0), 1.0) * cells
    j = min(int(v), cells - 1)
    v -= j
    low = table[i, j] + v * (table[i, j + 1] - table[i, j])
    high = table[i + 1, j] + v * (table[i + 1, j + 1] - table[i + 1, j])
    across = (1 - u) * (table[i, j + 1] - table[i, j]) + u * (table[i + 1, j + 1] - table[i + 1, j])
    return low + u * (high - low), (high - low) * cells / 2, across * cells / 2


@njit(cache=True)
def refine(directions, row, terms, sources, ways, pole, sines, norms, share, free):  # type: ignore[no-untyped-def]
    """The largest ln L from any of the starts ``sources`` and ``ways`` (the coherent direction there), (starts, 3), by expectation and maximisation.

    Membership weights make ln L's lower bound source . A + way . B; a pair of orthogonal unit vectors maximises it, the polar factor of (A, B).
    The norm's slope enters linearised. ``terms`` (4, rows, charges): cosine and sine of the coherent angle, kappa, factor before the exponential; ``norms``
    over the sines of source and way against ``pole``; sources stay within ``sines``. Returns ln L, source and share.
    """
    largest, found, found_share = -np.inf, sources[0].copy(), share
    charges = terms.shape[2]
    for start in range(len(sources)):
        source, way, f = sources[start].copy(), ways[start].copy(), share
        last = -np.inf
        for _ in range(_STEPS):
            height = np.dot(source, pole)
            if not sines[0] - 0.05 <= height <= sines[1] + 0.05:
                break
            norm, slope, slope_way = _norm(height, np.dot(way, pole), norms)
            scale = 1.0 / norm
            a, b = np.zeros(3), np.zeros(3)
            value, members = 0.0, 0.0
            for i in range(len(row)):
                along = directions[i, 0] * source[0] + directions[i, 1] * source[1] + directions[i, 2] * source[2]
                across = directions[i, 0] * way[0] + directions[i, 1] * way[1] + directions[i, 2] * way[2]
                ratio, to_source, to_way = 0.0, 0.0, 0.0
                for c in range(charges):
                    kappa = terms[2, row[i], c]
                    exponent = kappa * (terms[0, row[i], c] * along + terms[1, row[i], c] * across - 1.0)
                    if exponent > -25.0:
                        density = scale * terms[3, row[i], c] * math.exp(exponent)
                        ratio += density
                        to_source += density * kappa * terms[0, row[i], c]
                        to_way += density * kappa * terms[1, row[i], c]
                likelihood = 1.0 + f * (ratio - 1.0)
                value += math.log(likelihood)
                members += f * ratio / likelihood
                for k in range(3):
                    a[k] += f / likelihood * to_source * directions[i, k]
                    b[k] += f / likelihood * to_way * directions[i, k]
            if value > largest:
                largest, found, found_share = value, source.copy(), f
            if value - last < _TOLERANCE:
                break
            last = value
            a -= members * slope / norm * pole
            b -= members * slope_way / norm * pole
            aa, ab, bb = np.dot(a, a), np.dot(a, b), np.dot(b, b)
            root = math.sqrt(max(aa * bb - ab * ab, 0.0))
            if root < 1e-9 * (aa + bb):
                break
            # (A, B) S^-1/2 with S = ((aa, ab), (ab, bb)), in closed form
            scale_2 = 1.0 / (root * math.sqrt(aa + bb + 2.0 * root))
            source = scale_2 * ((bb + root) * a - ab * b)
            way = scale_2 * ((aa + root) * b - ab * a)
            if free:
                f = min(max(members / len(row), _LEAST_SHARE), _LARGEST_SHARE)
    return largest, found, found_share


@njit(cache=True)
def _radial(directions, row, ratio, source, pole, norms, f):  # type: ignore[no-untyped-def]
    """ln L and the sum of membership weights."""
    per_chord = (ratio.shape[1] - 1) / 2.0
    scale = 1.0 / _norm(np.dot(source, pole), 0.0, norms)[0]
    value, product, members = 0.0, 1.0, 0.0
    for i in range(len(row)):
        cosine = directions[i, 0] * source[0] + directions[i, 1] * source[1] + directions[i, 2] * source[2]
        place = math.sqrt(max(2.0 - 2.0 * cosine, 0.0)) * per_chord
        k = min(int(place), ratio.shape[1] - 2)
        r = scale * (ratio[row[i], k] + (place - k) * (ratio[row[i], k + 1] - ratio[row[i], k]))
        likelihood = 1.0 + f * (r - 1.0)
        members += f * r / likelihood
        # one logarithm for many factors
        product *= likelihood
        if i % 16 == 15:
            value += math.log(product)
            product = 1.0
    return value + math.log(product), members


@njit(cache=True)
def refine_radial(directions, row, ratio, starts, pole, sines, norms, share, free):  # type: ignore[no-untyped-def]
    """The same for ``ratio`` (rows, chords from 0 to 2): steps from each of ``starts`` to the better of eight neighbours, ever shorter."""
    largest, found, found_share = -np.inf, starts[0].copy(), share
    for start in range(len(starts)):
        source, f, step = starts[start].copy(), share, 0.035
        value, members = _radial(directions, row, ratio, source, pole, norms, f)
        while step > 0.003:
            across = np.array([-source[1], source[0], 0.0]) if abs(source[2]) < 0.9 else np.array([0.0, -source[2], source[1]])
            across /= math.sqrt(np.dot(across, across))
            up = np.cross(source, across)
            moved = False
            for k in range(8):
                tried = source + step * (math.cos(k * math.pi / 4) * across + math.sin(k * math.pi / 4) * up)
                tried /= math.sqrt(np.dot(tried, tried))
                if not sines[0] - 0.05 <= np.dot(tried, pole) <= sines[1] + 0.05:
                    continue
                other, weight = _radial(directions, row, ratio, tried, pole, norms, f)
                if other > value:
                    value, members, source, moved = other, weight, tried, True
                    break
            if free:
                f = min(max(members / len(row), _LEAST_SHARE), _LARGEST_SHARE)
                value, members = _radial(directions, row, ratio, source, pole, norms, f)
            if not moved:
                step *= 0.5
        if value > largest:
            largest, found, found_share = value, source, f
    return largest, found, found_share
