"""Power and temperature of the sky: published orders, and what bands cannot be."""

from __future__ import annotations

import pytest

from cloudchamber.physics.cmb import BOLTZMANN_J_K, watts_per_kelvin


@pytest.mark.parametrize(("center", "share", "expected"), [(40, 0.3, 1.590e-13), (140, 0.3, 3.578e-13), (402, 0.23, 5.69e-14)])
def test_watts_of_a_kelvin(center: float, share: float, expected: float) -> None:
    assert watts_per_kelvin(center, share * center) == pytest.approx(expected, rel=6e-4)
    assert watts_per_kelvin(center, share * center, 0.4) == pytest.approx(0.4 * watts_per_kelvin(center, share * center), rel=1e-12)


def test_the_two_temperatures_agree_at_low_frequencies() -> None:
    assert watts_per_kelvin(0.1, 0.05) == pytest.approx(watts_per_kelvin(0.1, 0.05, rayleigh_jeans=True), rel=1e-6)
    assert watts_per_kelvin(140, 42, rayleigh_jeans=True) == pytest.approx(BOLTZMANN_J_K * 42e9)


@pytest.mark.parametrize(("center", "width", "efficiency"), [(0, 0, 1), (140, 280, 1), (float("nan"), 1, 1), (140, 42, 0), (140, 42, 1.1)])
def test_what_is_no_band_is_refused(center: float, width: float, efficiency: float) -> None:
    with pytest.raises(ValueError, match=r"is none|outside the allowed \(0, 1\]"):
        watts_per_kelvin(center, width, efficiency)
