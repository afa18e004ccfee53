from __future__ import annotations

import numpy as np
import pytest

from cloudchamber.rng import rng
from cloudchamber.studies.airshower.hybrid.decays import C_TAU_CM, MASS_GEV
from cloudchamber.studies.airshower.hybrid.hadron_table import (
    BINS,
    PRODUCTS,
    decay_length_g_cm2_per_density,
    decay_yields,
    interaction_yields,
    nodes_gev,
    parent_yields,
    share,
    swap_strangeness,
)
from cloudchamber.studies.airshower.hybrid.interactions import (
    HADRONS,
    K0_LONG,
    K0_SHORT,
    KAON,
    LG_ENERGIES,
    LG_FRACTION_SCALE,
    MUON,
    NEUTRINO,
    NUCLEON,
    PHOTON,
    PION,
    PROJECTILES,
    SPECIES,
    Interactions,
    library_energies_gev,
)
from cloudchamber.studies.airshower.hybrid.tables import PACKAGED, load_tables


def body(table: np.ndarray) -> np.ndarray:
    return table[..., :-2].reshape(*table.shape[:-1], PRODUCTS, BINS)


def energy_of(table: np.ndarray) -> np.ndarray:
    """All the energy of shared particles: on nodes, deposited and invisible."""
    return body(table).sum(axis=-2) @ nodes_gev() + table[..., -2:].sum(axis=-1)


def test_sharing_keeps_number_and_energy():
    random = rng(1)
    species, energy, number = random.integers(PRODUCTS, size=5000), 10.0 ** random.uniform(-0.5, 11.0, 5000), random.exponential(size=5000)
    table = share(species, energy, number)
    for kind in range(PRODUCTS):
        mine = species == kind
        assert body(table)[kind].sum() == pytest.approx(number[mine].sum(), rel=1e-12)
        assert body(table)[kind] @ nodes_gev() == pytest.approx((number * energy)[mine].sum(), rel=1e-12)
    assert body(table).min() >= 0.0
    np.testing.assert_array_equal(table[-2:], 0.0)


def test_a_particle_on_a_node_stays_there():
    table = body(share(np.array([PION]), nodes_gev()[[37]], np.array([2.0])))
    assert table[PION, 37] == pytest.approx(2.0) and np.count_nonzero(table > 1e-9) == 1


@pytest.mark.parametrize("kind", range(len(SPECIES)))
def test_energy_below_the_grid_is_kept(kind):
    table = share(np.full(3, kind), np.array([0.01, 0.1, 0.3]), np.ones(3))
    assert energy_of(table) == pytest.approx(0.41)
    deposit, invisible = table[-2:]
    if kind == NEUTRINO:
        assert (deposit, invisible) == (0.0, pytest.approx(0.41))
    elif kind in (NUCLEON, PION, KAON, MUON):
        assert deposit > 0 and (invisible > 0) == (kind != NUCLEON)
    elif kind == PHOTON:
        assert body(table)[kind, 0] == pytest.approx(0.41 / nodes_gev()[0])


def two_bodies(x: float, thinning: float) -> Interactions:
    """A nucleon of 1 - x and a pion of x in each of two events; thinned ones are kept as often as their weight wants."""
    codes = np.rint(-LG_FRACTION_SCALE * np.log10([1 - x, x, 1 - x, x]))
    return Interactions(np.array([NUCLEON, PION] * 2, dtype=np.uint8), codes.astype(np.uint16), np.array([0, 2, 4]), thinning)


def test_yields_of_interactions_keep_number_and_energy():
    yields = interaction_yields({(p, node): two_bodies(0.25, 0.0) for p in PROJECTILES for node in range(LG_ENERGIES)})
    assert yields.shape == (len(PROJECTILES), BINS, PRODUCTS * BINS + 2)
    np.testing.assert_allclose(energy_of(yields.astype(float)), np.broadcast_to(nodes_gev(), (len(PROJECTILES), BINS)), rtol=1e-5)
    # above four times the lowest node both are on the grid
    np.testing.assert_allclose(body(yields)[:, 8:, [NUCLEON, PION]].sum(axis=-1), 1.0, rtol=1e-5)
    # the pion of a 1 TeV parent has about 250 GeV
    assert body(yields)[0, 35, PION] @ nodes_gev() == pytest.approx(250.0, rel=2e-3)


def test_thinned_secondaries_count_more():
    full = interaction_yields({(p, node): two_bodies(0.25, 0.0) for p in PROJECTILES for node in range(LG_ENERGIES)})
    thinned = interaction_yields({(p, node): two_bodies(0.25, 0.5) for p in PROJECTILES for node in range(LG_ENERGIES)})
    # pions count twice (codes have steps of 0.06 %), and energies are brought back to their sum
    np.testing.assert_allclose(body(thinned)[0, 40:, PION].sum(axis=-1), 2.0 * body(full)[0, 40:, PION].sum(axis=-1), rtol=1e-3)
    np.testing.assert_allclose(energy_of(thinned.astype(float)), energy_of(full.astype(float)), rtol=1e-5)


def test_packaged_yields_keep_energy():
    yields = load_tables(PACKAGED).yields.astype(float)
    np.testing.assert_allclose(energy_of(yields), np.broadcast_to(nodes_gev(), yields.shape[:2]), rtol=1e-4)
    np.testing.assert_allclose(energy_of(parent_yields(yields)), np.broadcast_to(nodes_gev(), (HADRONS, BINS)), rtol=1e-4)
    assert yields.min() >= 0.0


def test_decays_keep_energy():
    for kind, table in decay_yields(seed=3, events=2000).items():
        np.testing.assert_allclose(energy_of(table.astype(float)), nodes_gev(), rtol=1e-5)
        # a parent below the lowest node's energy over its children's share makes fewer; well above, numbers are exact
        count = body(table)[40:].sum(axis=(-2, -1))
        assert np.ptp(count) < 0.05 * count.mean(), kind


def test_neutral_kaons_by_isospin():
    yields = load_tables(PACKAGED).yields[2].astype(float)
    swapped = swap_strangeness(yields)
    np.testing.assert_allclose(body(swapped)[:, KAON], body(yields)[:, [K0_LONG, K0_SHORT]].sum(axis=1), rtol=1e-12)
    np.testing.assert_allclose(body(swapped)[:, [K0_LONG, K0_SHORT]].sum(axis=1), body(yields)[:, KAON], rtol=1e-12)
    np.testing.assert_array_equal(body(swapped)[:, [NUCLEON, PION, PHOTON]], body(yields)[:, [NUCLEON, PION, PHOTON]])


def test_decay_length_is_gamma_c_tau():
    # a 1 GeV muon flies 6.2 km
    assert decay_length_g_cm2_per_density(MUON)[5] / 1e5 == pytest.approx(6.23, abs=0.01)
    for kind in C_TAU_CM:
        assert decay_length_g_cm2_per_density(kind)[15] == pytest.approx(10.0 / MASS_GEV[kind] * C_TAU_CM[kind])


def test_library_energies_start_where_sibyll_does():
    energies = library_energies_gev()
    assert len(energies) == LG_ENERGIES and np.sqrt(2 * 0.938 * energies[0]) > 10.0 and energies[-1] == pytest.approx(1e11)
