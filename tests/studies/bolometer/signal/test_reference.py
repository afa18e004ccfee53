"""The slow reference and the filters share no line, and agree."""

from __future__ import annotations

import numpy as np
import pytest

from cloudchamber.rng import rng
from cloudchamber.studies.bolometer.detector import PLANCK, Detector
from cloudchamber.studies.bolometer.signal.filters import Starts
from cloudchamber.studies.bolometer.signal.reference import reference_power
from cloudchamber.studies.bolometer.views.windows import WindowsView


@pytest.mark.parametrize("detector", [Detector(), PLANCK], ids=["litebird", "planck"])
def test_filters_and_pulse_by_pulse_agree(detector: Detector) -> None:
    view = WindowsView(detector=detector, samples=120)
    data, found = view.window(400.0, 500.0, rng(1))
    hits = Starts(found.time_s, found.pulses.amplitude_w, found.pulses.delay_s)
    slow = reference_power(hits, 0, 120, detector.rate_hz, np.array(detector.time_constants_s), detector.saturation_w, oversampling=16)
    assert data.max() > 0
    np.testing.assert_allclose(slow, data, atol=1e-5 * data.max() if detector is PLANCK else 1e-9 * data.max())
