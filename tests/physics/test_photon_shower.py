import numpy as np
import pytest

from cloudchamber.physics.photon_shower import CONVERSION_LENGTH_G_CM2, CRITICAL_ENERGY_EV, LPM_EV_G_CM2, RADIATION_LENGTH_G_CM2, photon_depths
from cloudchamber.rng import rng


def test_undelayed_showers_have_cascade_theorys_mean_and_spread() -> None:
    """Far below the energy of the LPM effect; six generations spread as the sum of means of 1, 2, 4 ... exponentials."""
    xmax, first = photon_depths(np.full(40_000, 15.0), np.full(40_000, 0.8), rng(1))
    mean = RADIATION_LENGTH_G_CM2 * (np.log(1e15 / CRITICAL_ENERGY_EV) + 0.5)
    spread = CONVERSION_LENGTH_G_CM2 * np.sqrt(2 - 2**-5)
    assert xmax.mean() == pytest.approx(mean, abs=5 * spread / 200 + 1)
    assert xmax.std() == pytest.approx(spread, rel=0.03)
    assert first.mean() == pytest.approx(CONVERSION_LENGTH_G_CM2, rel=0.03)


def test_the_first_conversion_of_the_highest_energies_is_delayed() -> None:
    xmax, first = photon_depths(np.full(40_000, 20.0), np.ones(40_000), rng(1))
    c = 1e20 / LPM_EV_G_CM2
    assert first.mean() == pytest.approx(CONVERSION_LENGTH_G_CM2 + c * CONVERSION_LENGTH_G_CM2**2 / 2, rel=0.04)
    vertical = xmax.mean() - RADIATION_LENGTH_G_CM2 * (np.log(1e20 / CRITICAL_ENERGY_EV) + 0.5)
    inclined = photon_depths(np.full(40_000, 20.0), np.full(40_000, 0.5), rng(1))[0].mean() - RADIATION_LENGTH_G_CM2 * (np.log(1e20 / CRITICAL_ENERGY_EV) + 0.5)
    assert vertical > inclined > 50
