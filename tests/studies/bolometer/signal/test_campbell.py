"""Campbell's theorem against simulated data."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import welch

from cloudchamber.rng import rng
from cloudchamber.studies.bolometer.detector import Detector
from cloudchamber.studies.bolometer.signal.campbell import campbell_spectrum, octaves
from cloudchamber.studies.bolometer.signal.filters import Starts
from cloudchamber.studies.bolometer.views.windows import WindowsView
from cloudchamber.studies.bolometer.wafer.geometry import Wafer


def test_one_exponential_by_hand() -> None:
    """Far below the sampling rate: 2 rate (A tau)^2 / (1 + (2 pi f tau)^2)."""
    n, tau = 4000, 0.02
    hits = Starts(np.sort(rng(1).random(n)) * 10.0, np.full((n, 1, 1), 3.0), np.zeros((n, 1, 1)))
    frequency = np.array([0.5, 5.0, 20.0])
    found = campbell_spectrum(hits, 10.0, 5000.0, np.array([tau]), frequency)[0]
    np.testing.assert_allclose(found, 2 * 400 * (3 * tau) ** 2 / (1 + (2 * np.pi * frequency * tau) ** 2), rtol=0.02)


def test_simulated_data_have_the_spectrum_of_their_hits() -> None:
    """Mean of the bolometers, within 7 % an octave; the benchmark looks lower with more data."""
    view = WindowsView(detector=replace(Detector(), saturation_w=0.0, wafer=Wafer(rows=1, columns=2)), families=("wafer",), samples=62_500)
    data, found = view.window(400.0, 500.0, rng(2))
    seen = found.time_s >= 0
    frequency, power = welch(data, 156.25, nperseg=512, noverlap=384, axis=1, detrend="constant")
    hits = Starts(found.time_s[seen], found.pulses.amplitude_w[seen], found.pulses.delay_s[seen])
    theory = campbell_spectrum(hits, 400.0, 156.25, np.array(view.detector.time_constants_s), frequency)
    for low, part in octaves(frequency, 2.0, 78.2):
        assert power[:, part].mean() / theory[:, part].mean() == pytest.approx(1.0, abs=0.07), low


def test_octaves() -> None:
    assert [low for low, _ in octaves(np.arange(100.0), 10.0, 80.0)] == [10.0, 20.0, 40.0]
