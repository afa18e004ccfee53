"""The sensor's response."""

from __future__ import annotations

import numpy as np
import pytest

from cloudchamber.studies.bolometer.signal.tes import invert, respond


def test_small_powers_are_read_as_they_are_and_large_ones_saturate() -> None:
    power = np.array([0.0, 1e-18, 1e-13, 1e-9])
    np.testing.assert_allclose(respond(power, 1e-13), [0.0, 1e-18, 5e-14, 1e-13], rtol=2e-4)
    np.testing.assert_array_equal(respond(power, 0.0), power)


def test_it_can_be_undone_below_saturation() -> None:
    power = np.geomspace(1e-18, 1e-12, 10)
    np.testing.assert_allclose(invert(respond(power, 1e-13), 1e-13), power, rtol=1e-9)
    np.testing.assert_array_equal(invert(power, 0.0), power)
    with pytest.raises(ValueError, match=r"read_w: 1e-13 W is at or above the saturation of 1e-13 W"):
        invert(np.array([1e-13]), 1e-13)
