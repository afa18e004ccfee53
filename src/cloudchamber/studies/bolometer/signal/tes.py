"""The sensor: a static response to the power that it sees."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def respond(power_w: Array, saturation_w: float) -> Array:
    """P / (1 + P / saturation): a transition-edge sensor's response to large powers bends down; 0 reads P itself."""
    return power_w / (1 + power_w / saturation_w) if saturation_w else np.array(power_w)


def invert(read_w: Array, saturation_w: float) -> Array:
    """The power that is read as ``read_w``; ValueError at and above the saturation."""
    if not saturation_w:
        return np.array(read_w)
    if np.any(np.asarray(read_w) >= saturation_w):
        raise ValueError(f"read_w: {float(np.max(read_w)):g} W is at or above the saturation of {saturation_w:g} W")
    return read_w / (1 - read_w / saturation_w)
