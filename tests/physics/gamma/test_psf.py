"""The point spread against radii measured on the instrument's response files."""

from __future__ import annotations

import numpy as np
import pytest

from cloudchamber.physics.gamma.psf import LONGEST_DEG, in_bin, king_per_deg2, point_spread, radii_deg

RADII_DEG = {0.3: (2.15, 5.61), 0.5: (1.40, 3.90), 1.0: (0.772, 2.42), 2.0: (0.435, 1.57), 3.0: (0.319, 1.24), 6.0: (0.200, 0.857), 10.0: (0.149, 0.676)}
"""Of 68 and of 95 % of the photons, P8R3_SOURCE_V2."""


@pytest.mark.parametrize(("energy_gev", "radii"), RADII_DEG.items())
def test_radii_are_the_responses(energy_gev: float, radii: tuple[float, float]) -> None:
    spread = point_spread(energy_gev)
    for share, radius in zip((0.68, 0.95), radii, strict=True):
        assert spread.containing_deg(share) == pytest.approx(radius, rel=0.02)


def test_the_best_quarter_at_two_gev() -> None:
    spread = point_spread(2.0, "psf3")
    assert spread.containing_deg(0.68) == pytest.approx(0.222, rel=0.01)
    assert spread.containing_deg(0.95) == pytest.approx(0.480, rel=0.01)
    assert point_spread(10.0, "psf3").containing_deg(0.68) == pytest.approx(0.068, rel=0.1)


def test_a_king_function_holds_one_photon() -> None:
    radius = np.concatenate([[0.0], np.geomspace(1e-6, 1e5, 20_000)])
    for index in (1.8, 2.2, 7.8):
        density = king_per_deg2(radius, 0.2, index) * 2 * np.pi * radius
        assert np.trapezoid(density, radius) == pytest.approx(1, abs=1e-4)


def test_what_a_radius_holds_is_the_density_within() -> None:
    spread, radius = point_spread(1.0), np.linspace(0, 3, 30_001)
    within = np.trapezoid(spread.density_per_deg2(radius) * 2 * np.pi * radius, radius)
    assert within == pytest.approx(float(spread.contained(3.0)), rel=1e-6)


@pytest.mark.parametrize(("low", "high", "radii"), [(0.5, 1.0, (1.10, 3.25)), (1.0, 1.8, (0.63, 2.08)), (1.8, 3.3, (0.39, 1.45)), (3.3, 6.0, (0.25, 1.03))])
def test_radii_of_an_energy_bin(low: float, high: float, radii: tuple[float, float]) -> None:
    """Of a spectrum of index 2.4; what lies beyond the table's longest distance is drawn as if it lay within."""
    found = radii_deg(low, high, 2.4, "source", 10_000)
    assert np.all(np.diff(found) >= 0) and found[-1] <= LONGEST_DEG
    for share, radius in zip((0.68, 0.95), radii, strict=True):
        assert np.quantile(found, share) == pytest.approx(radius, rel=0.03)


def test_softer_spectra_spread_further() -> None:
    (_, hard), (_, soft) = in_bin(1.0, 6.0, 1.5), in_bin(1.0, 6.0, 3.0)
    assert hard.sum() == pytest.approx(1) and soft.sum() == pytest.approx(1) and soft[0] > hard[0]
    assert radii_deg(1.0, 6.0, 3.0, "source", 1000)[680] > radii_deg(1.0, 6.0, 1.5, "source", 1000)[680]


def test_energies_beyond_the_table_are_refused() -> None:
    with pytest.raises(ValueError, match=r"energy_gev: 50 is outside the point spread's table, \[0.3, 20\] GeV"):
        point_spread([2.0, 50.0])
