"""The Monte Carlo of hadrons: what it shares over nodes, free paths and decays as they are measured, and that no energy or nucleon gets lost."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import expon, kstest

from cloudchamber.rng import rng
from cloudchamber.studies.airshower.columns import DEPTH_STEP_G_CM2
from cloudchamber.studies.airshower.constants import ATOMIC_MASS_G_MB, LIBRARY_TARGET_MASS
from cloudchamber.studies.airshower.hybrid.engine import Engine
from cloudchamber.studies.airshower.hybrid.hadron_mc import deposit, follow_hadrons, follow_nucleus
from cloudchamber.studies.airshower.hybrid.hadron_table import PRODUCTS, nodes_gev
from cloudchamber.studies.airshower.hybrid.interactions import K0_SHORT, KAON, MUON, NUCLEON, PHOTON, PION, library_energies_gev
from cloudchamber.studies.airshower.hybrid.tables import PACKAGED

NODES, DEPTHS, STEP = 116, 261, float(DEPTH_STEP_G_CM2)
END = (DEPTHS - 1) * STEP


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine.load(PACKAGED)


class Followed:
    """What one hadron or nucleus left: ``source``, energy in flight at the depths, stacks, invisible energy and depth of the first interaction."""

    def __init__(
        self, engine: Engine, random: np.random.Generator, energy_gev: float, threshold_gev: float, kind: int = NUCLEON, mass: int = 0, air: float = 1.0
    ) -> None:
        t = engine.tables
        library = (t.species, t.codes, t.event_starts, t.first_event, t.thinning)
        self.source, self.in_flight, self.totals = np.zeros((PRODUCTS, NODES, DEPTHS)), np.zeros(DEPTHS), np.array([0.0, -1.0])
        self.stack, self.light = np.zeros((20_000, 3)), np.zeros((20_000, 3))
        if mass:
            nuclear = (t.wounded, t.fragments, t.fragment_starts, t.nuclear_sigma_mb)
            where = (self.source, self.light, self.in_flight, self.totals, STEP, random)
            self.n, self.m = follow_nucleus(mass, energy_gev, self.stack, threshold_gev, library, nuclear, *where)
            return
        self.stack[0] = kind, energy_gev, 0.0
        known = (library, t.sigma_mb, engine._decays, engine._decay_constant, np.full(DEPTHS, air))
        left = (self.source, self.light, 0, self.in_flight, self.totals)
        self.n, self.m = 0, follow_hadrons(self.stack, 1, threshold_gev, *known, *left, STEP, random)

    def energy_gev(self) -> float:
        """All that is there."""
        return float((self.source.sum(axis=2) @ nodes_gev()).sum() + self.light[: self.m, 1].sum() + self.stack[: self.n, 1].sum() + self.totals[0])


@pytest.mark.parametrize("place", range(5))
def test_sharing_keeps_number_energy_and_depth(place: int) -> None:
    random = np.random.default_rng(place)
    energy, depth, number = 10 ** random.uniform(-0.4, 10.9), random.uniform(0, 2500), random.uniform(0.5, 3)
    source = np.zeros((PRODUCTS, NODES, DEPTHS))
    deposit(source, PION, energy, number, depth, STEP)
    assert np.count_nonzero(source) == 4 == np.count_nonzero(source[PION]) and source.min() >= 0
    assert source.sum() == pytest.approx(number)
    assert (source.sum(axis=2) @ nodes_gev()).sum() == pytest.approx(number * energy)
    assert source.sum(axis=(0, 1)) @ (STEP * np.arange(DEPTHS)) == pytest.approx(number * depth)
    deposit(source, PION, energy, number, depth, STEP)
    assert source.sum() == pytest.approx(2 * number)


@pytest.mark.parametrize("energy_gev", [0.01, 0.3, 1.5e11, 7e13])
def test_beyond_the_nodes_the_energy_is_kept(energy_gev: float) -> None:
    source = np.zeros((PRODUCTS, NODES, DEPTHS))
    deposit(source, PHOTON, energy_gev, 2.0, 33.0, STEP)
    assert (source.sum(axis=2) @ nodes_gev()).sum() == pytest.approx(2 * energy_gev)
    assert np.flatnonzero(source.sum(axis=(0, 2)) > 0).tolist() == [0 if energy_gev < 1 else NODES - 1]


def test_a_particle_below_the_last_depth_stays_in_the_air() -> None:
    source = np.zeros((PRODUCTS, NODES, DEPTHS))
    deposit(source, MUON, 10.0, 1.0, END + 500.0, STEP)
    assert source.sum() == pytest.approx(1) and source[..., -2:].sum() == pytest.approx(1)


def test_the_first_interaction_of_protons_has_the_measured_free_path(engine: Engine) -> None:
    energy = 10**9.24
    depths = np.array([Followed(engine, rng(1, i), energy, 0.5 * energy).totals[1] for i in range(1500)])
    path = depths.mean()
    assert kstest(depths, expon(scale=path).cdf).pvalue > 1e-6
    # Pierre Auger, Phys. Rev. Lett. 109 (2012) 062002: 505 +- 22 (stat) + 28 - 36 (syst) mb at 10^18.24 eV
    sigma_mb = ATOMIC_MASS_G_MB * LIBRARY_TARGET_MASS / path
    assert 440 < sigma_mb < 620


@pytest.mark.parametrize("kind", [NUCLEON, PION, KAON, K0_SHORT])
def test_no_energy_gets_lost(engine: Engine, kind: int) -> None:
    followed = [Followed(engine, rng(2, kind, i), 1e6, 3e3, kind) for i in range(60)]
    share = np.array([each.energy_gev() for each in followed]) / 1e6
    # a thinned interaction keeps its energy on average; a nucleon may fall through the ground
    assert share.mean() == pytest.approx(1.0, abs=5 * share.std() / np.sqrt(60) + 2e-3) and share.std() < 0.2
    # in flight is all of it at the top, and nothing above the threshold at the end
    assert all(each.in_flight[0] == 1e6 and each.in_flight[-1] == 0 for each in followed)
    assert all(each.m == 0 or each.light[: each.m, 1].min() > 3e3 for each in followed)


def test_in_dense_air_a_pion_interacts_in_thin_air_it_decays(engine: Engine) -> None:
    # 1 TeV: gamma c tau is 56 km
    dense = [Followed(engine, rng(3, i), 1e3, 300.0, PION, air=1e3) for i in range(100)]
    assert all(each.totals[1] >= 0 for each in dense)
    thin = [Followed(engine, rng(4, i), 1e3, 300.0, PION, air=1e-12) for i in range(1000)]
    assert all(each.totals[1] < 0 and each.m == 0 for each in thin)
    muon = np.array([each.source[MUON].sum(axis=1) @ nodes_gev() for each in thin]) / 1e3
    assert all(each.source.sum() == pytest.approx(1) == each.source[MUON].sum() for each in thin)
    # a two-body decay: shares evenly from (m_mu / m_pi)^2 = 0.573 to 1
    assert kstest(muon, "uniform", (0.573, 0.427)).pvalue > 1e-6
    np.testing.assert_allclose(muon + [each.totals[0] / 1e3 for each in thin], 1.0, rtol=1e-6)


def test_pions_decay_as_often_as_their_lifetime_says(engine: Engine) -> None:
    """Where both ways to end are as long, half of the pions decay."""
    energy = 1e4
    sigma_mb = np.interp(np.log10(energy), np.log10(library_energies_gev()), engine.tables.sigma_mb[1])
    path = ATOMIC_MASS_G_MB * LIBRARY_TARGET_MASS / sigma_mb
    depths = np.array([Followed(engine, rng(5, i), energy, 0.9 * energy, PION, air=1e6).totals[1] for i in range(2000)])
    assert kstest(depths, expon(scale=path).cdf).pvalue > 1e-6
    # 780.45 cm / 0.13957 GeV of flight a GeV
    air = path / (780.45 / 0.13957 * energy)
    decayed = sum(Followed(engine, rng(6, i), energy, 0.9 * energy, PION, air=air).totals[1] < 0 for i in range(2000))
    assert abs(decayed - 1000) < 5 * np.sqrt(500)


def test_a_nucleus_keeps_its_nucleons_and_meets_the_air_earlier(engine: Engine) -> None:
    energy = 56e6
    iron = [Followed(engine, rng(7, i), energy, 1e5, mass=56) for i in range(150)]
    share = np.array([each.energy_gev() for each in iron]) / energy
    assert share.mean() == pytest.approx(1.0, abs=5 * share.std() / np.sqrt(150) + 2e-3)
    first = np.array([each.totals[1] for each in iron])
    proton = np.mean([Followed(engine, rng(8, i), 1e6, 9e5).totals[1] for i in range(600)])
    # iron-air at 1 PeV a nucleon: about 13 g/cm2, against some 65 g/cm2
    assert 9 < first.mean() < 18 < 0.4 * proton + 1
    assert kstest(first, expon(scale=first.mean()).cdf).pvalue > 1e-6
    # nucleons that were not hit go on with their own share of the energy
    assert all(np.any(np.isclose(each.stack[: each.n, 1], 1e6) & (each.stack[: each.n, 0] == NUCLEON)) for each in iron)
    assert max(each.n for each in iron) < 20_000
