"""What theory says of the data's spectrum: Campbell's theorem for sampled pulses of exponentials.

Each hit adds a pulse of its own, and hits are independent, so that the spectrum is the rate times the mean square of the pulses' transforms. As the filters
run on samples, so does the theorem here: aliases are in it, and it holds exactly.

References: N. Campbell, Proc. Camb. Phil. Soc. 15 (1909) 117; S. Rice, Bell Syst. Tech. J. 23 (1944) 282.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cloudchamber.studies.bolometer.signal.filters import Starts

Array = NDArray[Any]

_BATCH = 20_000


def campbell_spectrum(hits: Starts, duration_s: float, rate_hz: float, time_constants_s: Array, frequency_hz: Array) -> Array:
    """One-sided power spectra in W^2/Hz of each bolometer, (bolometers, frequencies), from the ``hits`` of ``duration_s`` and no sensor's response."""
    constants = np.asarray(time_constants_s, float)
    turn = np.exp(-2j * np.pi * np.asarray(frequency_hz) / rate_hz)
    exponential = 1 / (1 - np.exp(-1 / (rate_hz * constants))[:, None] * turn)
    offsets = 1 + int(np.ceil(hits.delay_s.max(initial=0.0) * rate_hz))
    waves = (exponential[:, None] * turn ** np.arange(offsets)[:, None]).reshape(-1, len(turn))
    bolometers = hits.amplitude_w.shape[1]
    square = np.zeros((bolometers, len(waves), len(waves)))
    for start in range(0, len(hits.time_s), _BATCH):
        heights = _sampled(Starts(*(values[start : start + _BATCH] for values in hits)), rate_hz, constants, offsets)
        square += np.matmul(heights.transpose(1, 2, 0), heights.transpose(1, 0, 2))
    power = np.einsum("bij,if,jf->bf", square, waves, waves.conj(), optimize=True).real
    return 2 * power / (duration_s * rate_hz**2)


def _sampled(hits: Starts, rate_hz: float, constants: Array, offsets: int) -> Array:
    """Heights at the first sample of each exponential, by how many samples that is after the hit's own: (hits, bolometers, constants * offsets)."""
    first = np.ceil(hits.time_s * rate_hz)
    at = hits.time_s[:, None, None] + hits.delay_s
    sample = np.ceil(at * rate_hz)
    height = hits.amplitude_w * np.exp((at - sample / rate_hz) / constants)
    later = (sample - first[:, None, None])[..., None] == np.arange(offsets)
    return (height[..., None] * later).reshape(*height.shape[:2], -1)


def octaves(frequency_hz: Array, lowest_hz: float, highest_hz: float) -> list[tuple[float, Array]]:
    """The lower edge and a mask of each octave down from ``highest_hz`` that begins at ``lowest_hz`` or above."""
    found = []
    high = highest_hz
    while high / 2 >= lowest_hz:
        found.append((high / 2, (frequency_hz >= high / 2) & (frequency_hz < high)))
        high /= 2
    return found[::-1]
