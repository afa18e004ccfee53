from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from cloudchamber.physics.atmosphere import density_along_track_g_cm3
from cloudchamber.studies.airshower.columns import DEPTH_STEP_G_CM2, depth_grid
from cloudchamber.studies.airshower.hybrid.cascade import Equations, Profiles, build_equations, solve
from cloudchamber.studies.airshower.hybrid.decays import C_TAU_CM, MASS_GEV
from cloudchamber.studies.airshower.hybrid.engine import Engine
from cloudchamber.studies.airshower.hybrid.hadron_table import PRODUCTS, nodes_gev
from cloudchamber.studies.airshower.hybrid.interactions import ELECTRON, K0_LONG, K0_SHORT, KAON, MUON, NUCLEON, PHOTON, PION
from cloudchamber.studies.airshower.hybrid.tables import PACKAGED

NODES = 60
TEV = 35
"""The node of 1 TeV."""


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine.load(PACKAGED)


def follow(engine: Engine, *particles: tuple[int, int, int, float], depths: int = 200, density: np.ndarray | None = None, last: int | None = None) -> Profiles:
    """Each particle (species, node, depth node, number) in a shower of its own, at 60 degrees or in the given air."""
    source = np.zeros((PRODUCTS, NODES, depths, len(particles)), dtype=np.float32)
    for shower, (kind, node, depth, number) in enumerate(particles):
        source[kind, node, depth, shower] = number
    if density is None:
        density = density_along_track_g_cm3(np.array([60.0]), depth_grid()[:depths])[0]
    ends = np.full(len(particles), depths - 1 if last is None else last)
    return solve(source, np.repeat(density[:, None], len(particles), axis=1), ends, engine.equations(NODES), engine.em, DEPTH_STEP_G_CM2)


def accounted(profiles: Profiles) -> np.ndarray:
    """Energy deposited down to each depth, plus that in flight and that of neutrinos, (showers, depths)."""
    deposit = profiles.energy_deposit
    above = np.cumsum(deposit, axis=1) - 0.5 * deposit
    return DEPTH_STEP_G_CM2 * above + profiles.in_flight + profiles.invisible


@pytest.mark.parametrize("kind", [NUCLEON, PION, KAON, K0_LONG, K0_SHORT, PHOTON, ELECTRON, MUON])
def test_energy_is_kept(engine, kind):
    nodes = (15, TEV, 55)
    profiles = follow(engine, *[(kind, node, 3, 1.0) for node in nodes])
    total = accounted(profiles) / nodes_gev()[list(nodes)][:, None]
    # energy in flight counts a parent along with its products of the first half of a step: while hadrons carry it all, that is 1 % too much
    np.testing.assert_allclose(total[:, 40:-1], 1.0, atol=0.005)
    np.testing.assert_allclose(total[:, 100:-1], 1.0, atol=0.0005)
    assert profiles.energy_deposit.min() > -1e-6 * profiles.energy_deposit.max()
    assert np.all(np.diff(profiles.invisible, axis=1) >= 0)


def test_sources_add_up(engine):
    one, two = follow(engine, (NUCLEON, TEV, 0, 3.0)), follow(engine, (PION, 40, 20, 2.0))
    source = np.zeros((PRODUCTS, NODES, 200, 1), dtype=np.float32)
    source[NUCLEON, TEV, 0], source[PION, 40, 20] = 3.0, 2.0
    density = density_along_track_g_cm3(np.array([60.0]), depth_grid()[:200]).T
    both = solve(source, np.ascontiguousarray(density), np.array([199]), engine.equations(NODES), engine.em, DEPTH_STEP_G_CM2)
    for name in ("n_electron", "n_muon", "n_hadron", "energy_deposit", "in_flight", "invisible"):
        sum_ = getattr(one, name) + getattr(two, name)
        np.testing.assert_allclose(getattr(both, name), sum_, rtol=1e-3, atol=1e-5 * sum_.max())


def test_showers_of_a_batch_do_not_touch(engine):
    alone = follow(engine, (NUCLEON, TEV, 2, 1.0))
    among = follow(engine, (PION, 50, 0, 7.0), (NUCLEON, TEV, 2, 1.0), (MUON, 20, 9, 5.0))
    for name in ("n_electron", "n_muon", "n_hadron", "energy_deposit"):
        np.testing.assert_allclose(getattr(among, name)[1], getattr(alone, name)[0], rtol=1e-4, atol=1e-6 * getattr(alone, name).max())


def test_muons_keep_their_number_in_dense_air(engine):
    # 1 TeV, so dense that nothing decays: 2.4 GeV lost a 1000 g/cm2
    profiles = follow(engine, (MUON, TEV, 0, 1.0), density=np.full(200, 1.0))
    np.testing.assert_allclose(profiles.n_muon[0, :-1], 1.0, rtol=1e-3)
    lost = accounted(profiles)[0, 100] - profiles.in_flight[0, 100]
    # Groom et al.: 2.8 MeV cm2/g at 100 GeV and 6.2 at 1 TeV in dry air
    assert 3.0 < lost < 8.0


def test_muons_decay_with_their_lifetime(engine):
    # 100 GeV: 620 km of air of 1e-6 g/cm3 are 62 g/cm2
    density, node = 1e-6, 25
    profiles = follow(engine, (MUON, node, 0, 1.0), density=np.full(200, density))
    length = C_TAU_CM[MUON] * nodes_gev()[node] / MASS_GEV[MUON] * density
    expected = np.exp(-depth_grid()[:20] / length)
    np.testing.assert_allclose(profiles.n_muon[0, :20], expected, rtol=0.01)


def test_free_paths_in_air(engine):
    # measured at some 100 GeV: 86 g/cm2 for protons, 115 to 120 for pions, 130 to 140 for kaons
    with np.errstate(divide="ignore"):
        path = 1.0 / engine.equations(NODES).interaction_rate[TEV]
    for kind, expected, within in ((NUCLEON, 86.0, 6.0), (PION, 115.0, 8.0), (KAON, 132.0, 12.0)):
        assert path[kind] == pytest.approx(expected, abs=within)
    assert path[K0_LONG] == path[K0_SHORT] == path[KAON] and np.isinf(path[-1])


def test_a_muon_ionises(engine):
    deposit = follow(engine, (MUON, 15, 0, 1.0), density=np.full(50, 1.0), depths=50).energy_deposit[0, 1]
    # dE/dX of a 10 GeV muon in air, Groom et al.: 2.3 MeV cm2/g
    assert deposit * 1e3 == pytest.approx(2.3, abs=0.25)


def test_profiles_end_where_they_should(engine):
    profiles = follow(engine, (NUCLEON, TEV, 0, 1.0), last=60)
    longer = follow(engine, (NUCLEON, TEV, 0, 1.0))
    for name in ("n_electron", "n_muon", "n_hadron", "energy_deposit", "in_flight"):
        np.testing.assert_allclose(getattr(profiles, name)[0, :60], getattr(longer, name)[0, :60], rtol=1e-4, atol=1e-9)
    np.testing.assert_array_equal(profiles.n_muon[0, 60:], 0.0)


def test_fewer_nodes_give_the_same(engine):
    source = np.zeros((PRODUCTS, 90, 120, 1), dtype=np.float32)
    source[NUCLEON, TEV, 0] = 1.0
    density = np.ascontiguousarray(density_along_track_g_cm3(np.array([60.0]), depth_grid()[:120]).T)
    many = solve(source, density, np.array([119]), engine.equations(90), engine.em, DEPTH_STEP_G_CM2)
    few = follow(engine, (NUCLEON, TEV, 0, 1.0), depths=120)
    for name in ("n_electron", "n_muon", "n_hadron", "energy_deposit"):
        np.testing.assert_allclose(getattr(few, name), getattr(many, name), rtol=1e-3, atol=1e-5 * getattr(many, name).max())


@pytest.mark.parametrize("nodes", [30, 61, 100])
def test_equations_of_the_lower_nodes_are_a_slice(engine: Engine, nodes: int) -> None:
    """What is below does not depend on what is above: the slice is what would be built for these nodes alone."""
    alone, part = build_equations(engine.tables, nodes), engine.equations(nodes)
    for field in fields(Equations):
        np.testing.assert_array_equal(getattr(part, field.name), getattr(alone, field.name), err_msg=field.name)
