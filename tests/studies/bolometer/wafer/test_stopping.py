"""Energy loss in silicon against published values."""

from __future__ import annotations

import numpy as np
import pytest

from cloudchamber.studies.bolometer.wafer.stopping import density_effect, kinematics, mean_loss_mev_cm2_g, most_probable_mev


def test_mean_loss() -> None:
    """PDG's tables: the minimum of silicon is 1.664 MeV cm2/g, near beta gamma = 3.5."""
    assert mean_loss_mev_cm2_g(np.array(3000.0)) == pytest.approx(1.671, rel=0.005)
    assert mean_loss_mev_cm2_g(np.geomspace(500, 20_000, 400)).min() == pytest.approx(1.664, rel=0.005)
    # PSTAR: 100 MeV protons lose 5.84 MeV cm2/g
    assert mean_loss_mev_cm2_g(np.array(100.0)) == pytest.approx(5.84, rel=0.01)


def test_most_probable_deposits() -> None:
    for thickness_um, wanted in ((300.0, 78.5), (500.0, 135.7)):
        assert 1e3 * most_probable_mev(np.array(2500.0), np.array(thickness_um)) == pytest.approx(wanted, rel=0.02)


def test_helium_of_one_speed_loses_four_times_as_much() -> None:
    energy = np.array([200.0, 3000.0])
    np.testing.assert_allclose(mean_loss_mev_cm2_g(energy, 1) / mean_loss_mev_cm2_g(energy, 0), 4.0, rtol=0.01)


def test_density_effect_is_continuous_and_none_at_low_speed() -> None:
    edge = 10**0.2015
    assert density_effect(np.array(0.3)) < 0.01
    assert density_effect(np.array(edge * 1.0001)) == pytest.approx(float(density_effect(np.array(edge * 0.9999))), abs=0.02)


def test_largest_transfer() -> None:
    """2 m_e beta^2 gamma^2 to first order."""
    k = kinematics(np.array(1.0))
    assert k.largest_mev == pytest.approx(2 * 0.511 * k.beta_gamma**2, rel=0.002)
