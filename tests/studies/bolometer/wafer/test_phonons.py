"""What reaches a bolometer, and when."""

from __future__ import annotations

import numpy as np
import pytest

from cloudchamber.studies.bolometer.wafer.phonons import Phonons, distances_mm


def test_both_parts_fall_with_distance_from_1() -> None:
    d = np.linspace(0, 140, 50)
    for part in (Phonons().near(d), Phonons().far(d)):
        assert part[0] == 1 and np.all(np.diff(part) < 0) and part[-1] > 0
    assert Phonons().near(d)[-1] < Phonons().far(d)[-1]


def test_delays() -> None:
    """50 mm at 5 km/s are 10 us; diffusion takes d^2 / 4 D, D = 5000 m/s * 0.5 mm / 3."""
    phonons = Phonons(speed_m_s=5000.0)
    assert phonons.near_delay_s(np.array(50.0)) == pytest.approx(1e-5)
    assert phonons.far_delay_s(np.array(50.0), np.array(500.0)) == pytest.approx(0.05**2 / (4 * 5000 * 5e-4 / 3))
    assert phonons.far_delay_s(np.array(50.0), np.array(300.0)) > phonons.far_delay_s(np.array(50.0), np.array(500.0))


def test_distances() -> None:
    found = distances_mm(np.array([0.0, 3.0]), np.array([0.0, 4.0]), np.array([[0.0, 0.0], [3.0, 0.0]]))
    np.testing.assert_allclose(found, [[0, 3], [5, 4]])


def test_bad_settings_are_refused() -> None:
    with pytest.raises(ValueError, match=r"near_range_mm: 0 is outside the allowed \[0.01, 1e\+06\] mm"):
        Phonons(near_range_mm=0.0)
    with pytest.raises(ValueError, match=r"speed_m_s: 1 is outside the allowed \[10, 1e\+05\] m/s"):
        Phonons(speed_m_s=1.0)
