"""Interstellar spectra by name, and what is true of any."""

from __future__ import annotations

import numpy as np

from cloudchamber.studies.bolometer.flux.spectra import SPECTRA, beta_of, corti_2019, energy_gev_at, helium_of, momentum_gev


def test_rigidity_and_energy_are_each_other_s_inverse() -> None:
    energy = np.geomspace(0.01, 1000.0, 20)
    np.testing.assert_allclose(energy_gev_at(momentum_gev(energy)), energy, rtol=1e-9)
    # at one rigidity a helium nucleus has half the momentum per nucleon
    np.testing.assert_allclose(momentum_gev(energy_gev_at(np.array([8.0]), 1)), 4.0, rtol=1e-12)


def test_spectra_are_those_of_their_papers() -> None:
    # 1 GV: Corti's breaks are normalised there
    energy = energy_gev_at(np.array([1.0]))
    np.testing.assert_allclose(corti_2019(energy) * beta_of(energy), 5658.0, rtol=1e-12)
    np.testing.assert_allclose(SPECTRA["burger_usoskin_2000"](energy), 1.9e4 / 1.4866, rtol=1e-12)
    # far above all modulation the two are within a tenth of each other
    high = np.array([20.0, 60.0])
    np.testing.assert_allclose(SPECTRA["burger_usoskin_2000"](high) / corti_2019(high), 1.0, atol=0.12)


def test_helium_at_one_rigidity_is_its_share_of_the_protons() -> None:
    rigidity = np.array([10.0, 100.0])
    proton_energy, helium_energy = energy_gev_at(rigidity), energy_gev_at(rigidity, 1)
    protons = corti_2019(proton_energy) * beta_of(proton_energy)
    helium = helium_of(corti_2019)(helium_energy) * beta_of(helium_energy) / 2
    np.testing.assert_allclose(helium / protons, 0.1762 * (rigidity / 10) ** 0.115, rtol=1e-9)
