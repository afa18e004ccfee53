"""The slow reference: the same hits on a fine grid of time, pulse by pulse, each followed sample after sample. It shares no line with the filters."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cloudchamber.studies.bolometer.signal.filters import Starts
from cloudchamber.studies.bolometer.signal.tes import respond

Array = NDArray[Any]

FOLLOWED_CONSTANTS = 25.0
"""A pulse is followed for so many time constants: exp(-25) is 1e-11 of it."""


def reference_power(
    hits: Starts, first_sample: int, samples: int, rate_hz: float, time_constants_s: Array, saturation_w: float = 0.0, oversampling: int = 256
) -> Array:
    """The data in W, (bolometers, samples), from sample ``first_sample`` on: every ``oversampling``-th step of the fine grid.

    At 156.25 Hz 256 steps are 25 us each, about what ballistic phonons need for the way across a wafer.
    """
    fine_hz = rate_hz * oversampling
    steps = (samples - 1) * oversampling + 1
    start = first_sample * oversampling
    power = np.zeros((hits.amplitude_w.shape[1], steps))
    for time_s, amplitude_w, delay_s in zip(*hits, strict=True):
        for (bolometer, constant), height in np.ndenumerate(amplitude_w):
            if height == 0:
                continue
            at, tau = time_s + delay_s[bolometer, constant], time_constants_s[constant]
            first = max(int(np.ceil(at * fine_hz)) - start, 0)
            last = min(int(np.ceil((at + FOLLOWED_CONSTANTS * tau) * fine_hz)) - start, steps)
            if first < last:
                power[bolometer, first:last] += height * np.exp((at - np.arange(first + start, last + start) / fine_hz) / tau)
    return respond(power, saturation_w)[:, ::oversampling]
