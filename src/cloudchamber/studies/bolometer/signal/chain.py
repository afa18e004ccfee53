"""The chain from hits to data, chunk by chunk: exact filters, the sensor's response, decimation. A state goes in and comes out; nothing else is kept."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cloudchamber.studies.bolometer.detector import Detector
from cloudchamber.studies.bolometer.signal.decimation import DecimationState, decimated, reach, start_decimation
from cloudchamber.studies.bolometer.signal.filters import FilterState, Starts, Tabled, filtered, start_filter
from cloudchamber.studies.bolometer.signal.tes import respond

Array = NDArray[Any]

BURN_CONSTANTS = 14.0
"""A chain that starts so many of its longest time constants early has forgotten that it started: exp(-14) is 8e-7."""


class ChainState(NamedTuple):
    """Of the filters and of the decimation."""

    filter: FilterState
    decimation: DecimationState


def burn_samples(detector: Detector) -> int:
    """Samples before the first one wanted at which a chain starts, so that it is in balance with what it is hit by."""
    return int(np.ceil(BURN_CONSTANTS * max(detector.time_constants_s) * detector.rate_hz)) + reach(detector.decimation)


def start_chain(detector: Detector, first_sample: int) -> ChainState:
    """Before any hit, at the sample ``first_sample`` of the full rate."""
    bolometers = detector.bolometers
    return ChainState(start_filter(bolometers, len(detector.time_constants_s), first_sample), start_decimation(bolometers, detector.decimation, first_sample))


def advance(state: ChainState, hits: Starts | Tabled, samples: int, detector: Detector) -> tuple[ChainState, Array]:
    """The state after ``samples`` further samples of the full rate, and the data in W that are complete with them, (bolometers, kept).

    ``hits`` as in ``filters.filtered``. Kept sample i is at time i * decimation / rate.
    """
    after, power = filtered(state.filter, hits, samples, detector.rate_hz, np.array(detector.time_constants_s))
    read = respond(power, detector.saturation_w)
    if detector.decimation == 1:
        return ChainState(after, state.decimation._replace(next_sample=after.next_sample)), read
    decimation, kept = decimated(state.decimation, read, detector.decimation)
    return ChainState(after, decimation), kept


def samples_for(kept: int, detector: Detector) -> int:
    """Samples of the full rate, from 0 on, that complete so many kept ones."""
    return (kept - 1) * detector.decimation + reach(detector.decimation) + 1
