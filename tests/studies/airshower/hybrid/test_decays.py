from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kstest

from cloudchamber.rng import rng
from cloudchamber.studies.airshower.hybrid.decays import C_TAU_CM, MASS_GEV, decay_sample
from cloudchamber.studies.airshower.hybrid.interactions import ELECTRON, K0_LONG, K0_SHORT, KAON, MUON, NEUTRINO, PHOTON, PION

EVENTS = 40_000
BRANCHES = {
    KAON: [((MUON, NEUTRINO), 0.6356), ((PION, PHOTON, PHOTON), 0.2067), ((PION, PION, PION), 0.0558), ((PION, *[PHOTON] * 4), 0.0177)],
    K0_LONG: [((PION, ELECTRON, NEUTRINO), 0.4055), ((PION, MUON, NEUTRINO), 0.2704), ((PHOTON,) * 6, 0.1952), ((PION, PION, PHOTON, PHOTON), 0.1254)],
    K0_SHORT: [((PION, PION), 0.692), ((PHOTON,) * 4, 0.307)],
}


def events(parent: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Species and energy fractions of each decay."""
    species, fraction, offsets = decay_sample(parent, EVENTS, rng(1, parent))
    return list(zip(np.split(species, offsets[1:-1]), np.split(fraction, offsets[1:-1]), strict=True))


@pytest.mark.parametrize("parent", list(C_TAU_CM))
def test_energies_add_up(parent):
    species, fraction, offsets = decay_sample(parent, EVENTS, rng(2, parent))
    assert len(offsets) == EVENTS + 1 and offsets[-1] == len(species) == len(fraction)
    np.testing.assert_allclose(np.add.reduceat(fraction, offsets[:-1]), 1.0, rtol=1e-12)
    assert fraction.min() > -1e-9
    assert fraction.max() < 1.0 + 1e-9


@pytest.mark.parametrize("parent", list(BRANCHES))
def test_branching_ratios_are_those_of_the_particle_data_group(parent):
    kinds = [tuple(sorted(species)) for species, _ in events(parent)]
    for branch, chance in BRANCHES[parent]:
        count = kinds.count(tuple(sorted(branch)))
        assert abs(count - EVENTS * chance) < 5.0 * np.sqrt(EVENTS * chance * (1 - chance)) + 0.002 * EVENTS * chance


@pytest.mark.parametrize(("parent", "chance"), [(PION, 1.0), (KAON, 0.6356)])
def test_muon_of_a_two_body_decay_is_flat_in_energy(parent, chance):
    muons = np.array([fraction[species == MUON][0] for species, fraction in events(parent) if tuple(sorted(species)) == (MUON, NEUTRINO)])
    least = (MASS_GEV[MUON] / MASS_GEV[parent]) ** 2
    assert len(muons) > 0.97 * chance * EVENTS
    assert kstest(muons, "uniform", (least, 1.0 - least)).pvalue > 1e-6


def test_a_pions_muon_keeps_at_least_57_per_cent():
    species, fraction, _ = decay_sample(PION, EVENTS, rng(3))
    muons = fraction[species == MUON]
    assert muons.min() == pytest.approx(0.573, abs=1e-3) and muons.max() == pytest.approx(1.0, abs=1e-3)
    assert muons.mean() == pytest.approx(0.787, abs=5.0 * 0.123 / np.sqrt(EVENTS))


def test_michel_electron():
    # unpolarised, in flight: dN/dz = 5/3 - 3 z^2 + 4/3 z^3, mean 7/20
    species, fraction, _ = decay_sample(MUON, EVENTS, rng(4))
    electrons = fraction[species == ELECTRON]
    assert electrons.mean() == pytest.approx(0.35, abs=5.0 * electrons.std() / np.sqrt(EVENTS) + 1e-4)
    assert kstest(electrons, lambda z: 5.0 / 3.0 * z - z**3 + z**4 / 3.0).pvalue > 1e-6


def test_equal_bodies_share_equally():
    species, fraction, offsets = decay_sample(K0_LONG, EVENTS, rng(5))
    all_photons = np.add.reduceat(species == PHOTON, offsets[:-1]) == 6
    photons = fraction[np.repeat(all_photons, np.diff(offsets))].reshape(-1, 3, 2).sum(axis=2)
    for body in range(3):
        assert photons[:, body].mean() == pytest.approx(1.0 / 3.0, abs=5.0 * photons.std() / np.sqrt(len(photons)))
    # (E* + p*) / M with the greatest momentum of a pion there, 139 MeV/c
    assert 0.6 < photons.max() < 0.67
