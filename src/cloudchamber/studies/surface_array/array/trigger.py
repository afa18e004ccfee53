"""Telescope Array's trigger: three adjacent stations above level 1 within 8 us.

Adjacent: all three at most two spacings from one another, two of them one spacing: on a square grid a right angle or a row. A station reaches level 1 if the
area of a window (``Detector.window_samples``) is at least 3 MIP in both layers. The window's length is chosen for Telescope Array's efficiency, half of the
showers of 10^18.45 eV and 95 % of those of 10^18.95 eV: at 10^18.5 eV it is 29 % for protons with 160 ns, 55 % with the 320 ns of the default, and 87 % if
areas are those of almost the whole record.

References: T. Abu-Zayyad et al. (Telescope Array), NIM A 689 (2012) 87, section 4.
"""

from __future__ import annotations

from numba import njit

COINCIDENCE_NS = 8000.0
NEAREST2, FARTHEST2 = 1.01, 4.01
"""Squares of one and of two spacings, with room for rounding."""


@njit(cache=True)
def distance2(a, b):  # type: ignore[no-untyped-def]
    """Squared distance of two positions."""
    return (a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2


@njit(cache=True)
def triggers(place, time_ns):  # type: ignore[no-untyped-def]
    """True if three of the stations above level 1, at ``place`` (stations, 2) in units of the spacing and with ``time_ns`` (stations,), make a trigger."""
    n = len(time_ns)
    for i in range(n):
        for j in range(i + 1, n):
            if distance2(place[i], place[j]) > NEAREST2 or abs(time_ns[i] - time_ns[j]) > COINCIDENCE_NS:
                continue
            for k in range(n):
                near = k != i and k != j and distance2(place[i], place[k]) <= FARTHEST2 and distance2(place[j], place[k]) <= FARTHEST2
                if near and abs(time_ns[i] - time_ns[k]) <= COINCIDENCE_NS and abs(time_ns[j] - time_ns[k]) <= COINCIDENCE_NS:
                    return True
    return False
