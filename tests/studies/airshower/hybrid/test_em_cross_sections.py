from __future__ import annotations

import numpy as np
import pytest

from cloudchamber.studies.airshower.constants import AIR_ELEMENTS, AVOGADRO, ELECTRON_MASS_GEV, ELECTRON_RADIUS2_CM2
from cloudchamber.studies.airshower.hybrid import em_cross_sections as em

NODES, WEIGHTS = np.polynomial.legendre.leggauss(400)


def integrate(low: float, high: float, function) -> float:
    """Gauss-Legendre in ln x."""
    half = 0.5 * np.log(high / low)
    x = low * np.exp(half * (NODES + 1.0))
    return float(np.sum(half * WEIGHTS * x * function(x)))


def test_radiation_length_is_that_of_the_review_of_particle_physics():
    assert pytest.approx(36.62, abs=0.02) == em.RADIATION_LENGTH_G_CM2


def test_critical_energy_is_that_of_the_review_of_particle_physics():
    # Rossi's definition: the collision loss of a radiation length is the energy
    energy = 0.08792
    assert float(em.ionisation_loss(energy)) * em.RADIATION_LENGTH_G_CM2 == pytest.approx(energy, rel=0.003)


@pytest.mark.parametrize(
    ("energy_mev", "attenuation"),
    [(1.5, 5.175e-2), (2.0, 4.447e-2), (3.0, 3.581e-2), (5.0, 2.751e-2), (8.0, 2.225e-2), (10.0, 2.045e-2), (15.0, 1.810e-2), (20.0, 1.705e-2)],
)
def test_attenuation_is_that_of_nist_xcom(energy_mev, attenuation):
    # NIST counts radiative Compton scattering and photoabsorption, 0.2-0.4 % more
    energy = energy_mev * 1e-3
    assert float(em.pair_rate(energy) + em.compton_rate(energy)) == pytest.approx(attenuation, rel=0.006)


@pytest.mark.parametrize(("energy_gev", "nitrogen_b", "oxygen_b", "argon_b"), [(1.0, 0.43804, 0.55604, 2.43), (100.0, 0.4707, 0.59485, 2.61)])
def test_pair_production_is_that_of_epdl97(energy_gev, nitrogen_b, oxygen_b, argon_b):
    barns = {7: nitrogen_b, 8: oxygen_b, 18: argon_b}
    expected = sum(0.602214 * barns[z] * w / a for z, a, w in AIR_ELEMENTS)
    assert float(em.pair_rate(energy_gev)) == pytest.approx(expected, rel=0.007)


def test_pairs_open_at_two_electron_masses_and_level_off():
    assert float(em.pair_rate(1.02e-3)) == 0.0
    assert 0.0 < float(em.pair_rate(1.1e-3)) < 1e-5
    level = (7.0 / 9.0 - em.SCREENING_CONSTANT / 6.0) / em.RADIATION_LENGTH_G_CM2
    assert float(em.pair_rate(1e6)) == pytest.approx(level, rel=0.002)


@pytest.mark.parametrize(("energy_mev", "loss_mev"), [(1.0, 1.661), (2.0, 1.684), (5.0, 1.833), (10.0, 1.979)])
def test_collision_stopping_power_is_that_of_nist_estar(energy_mev, loss_mev):
    assert float(em.ionisation_loss(energy_mev * 1e-3)) * 1e3 == pytest.approx(loss_mev, rel=0.001)


def test_thin_air_has_less_density_effect():
    assert float(em.ionisation_loss(0.1, density_g_cm3=1e-4)) > 1.02 * float(em.ionisation_loss(0.1))


@pytest.mark.parametrize("positron", [False, True])
def test_restricted_loss_lacks_what_the_knock_on_electrons_carry(positron):
    energy, cut = 0.05, 1e-3
    differential, highest = (em.bhabha_differential, energy) if positron else (em.moller_differential, 0.5 * energy)
    carried = integrate(cut, highest, lambda w: w * differential(energy, w))
    missing = float(em.ionisation_loss(energy, positron) - em.ionisation_loss(energy, positron, cut))
    assert missing == pytest.approx(carried, rel=1e-8)


@pytest.mark.parametrize("energy", [2e-3, 1e-2, 1.0])
def test_compton_spectrum_adds_up_to_its_rate(energy):
    highest = 2.0 * energy**2 / (ELECTRON_MASS_GEV + 2.0 * energy)
    half = 0.5 * highest
    total = float(np.sum(half * WEIGHTS * em.compton_differential(energy, half * (NODES + 1.0))))
    assert total == pytest.approx(float(em.compton_rate(energy)), rel=1e-6)


@pytest.mark.parametrize("energy", [2e-3, 1e-2, 0.1])
def test_annihilation_gives_heitlers_rate_and_all_the_energy(energy):
    low, high = em.annihilation_photon_range_gev(energy)
    rate = 0.5 * integrate(low, high, lambda k: em.annihilation_differential(energy, k))
    mean = integrate(low, high, lambda k: k * em.annihilation_differential(energy, k)) / rate
    gamma = energy / ELECTRON_MASS_GEV + 1.0
    root = np.sqrt(gamma**2 - 1.0)
    heitler = ((gamma**2 + 4.0 * gamma + 1.0) / root**2 * np.log(gamma + root) - (gamma + 3.0) / root) / (gamma + 1.0)
    assert rate == pytest.approx(0.49919 * AVOGADRO * np.pi * ELECTRON_RADIUS2_CM2 * heitler, rel=1e-3)
    assert mean == pytest.approx(energy + 2.0 * ELECTRON_MASS_GEV, rel=1e-6)


def test_bremsstrahlung_carries_the_energy_over_the_radiation_length():
    energy = 1e4
    radiated = integrate(1e-12 * energy, energy, lambda k: k * em.bremsstrahlung_differential(energy, k))
    assert radiated == pytest.approx(energy / em.RADIATION_LENGTH_G_CM2 * (1.0 + 0.5 * em.SCREENING_CONSTANT), rel=0.003)


@pytest.mark.parametrize(("energy_mev", "share", "nitrogen_mb"), [(15.0, 0.3, 10.83073), (8.0, 0.5, 7.13631), (60.0, 0.7, 8.80719), (1.5, 0.2, 8.66365)])
def test_bremsstrahlung_is_that_of_seltzer_and_berger(energy_mev, share, nitrogen_mb):
    # k dsigma/dk beta^2 / Z^2 of nitrogen between the nodes of the built-in table; the heavier elements scale as Z (Z + 1.27)
    energy = energy_mev * 1e-3
    photon = share * energy
    beta2 = 1.0 - (energy / ELECTRON_MASS_GEV + 1.0) ** -2
    scaled = sum(w / a * z * (z + 1.27) for z, a, w in AIR_ELEMENTS) / (7 * 8.27) * 49.0
    expected = nitrogen_mb * 1e-27 * AVOGADRO * scaled / beta2 / photon
    assert float(em.bremsstrahlung_differential(energy, np.array([photon]))[0]) == pytest.approx(expected, rel=0.015)


def test_transport_rate_falls_with_the_square_of_the_energy():
    ratio = float(em.transport_rate(0.1) / em.transport_rate(1.0))
    assert 70.0 < ratio < 100.0
    # Highland's formula: theta^2 per g/cm2 = 2 (1 - cos) = (19.2 MeV/E)^2 / X0 for small angles, logarithm apart
    assert 2.0 * float(em.transport_rate(0.1)) == pytest.approx((0.0192 / 0.1) ** 2 / em.RADIATION_LENGTH_G_CM2, rel=0.25)
