"""The heavy parts together: what the Monte Carlo stage hands on has all the energy, whatever the primary, the threshold and the neighbours."""

from __future__ import annotations

import numpy as np
import pytest

from cloudchamber.physics.atmosphere import density_along_track_g_cm3
from cloudchamber.rng import rng
from cloudchamber.studies.airshower.columns import DEPTH_STEP_G_CM2, PRIMARIES, depth_grid
from cloudchamber.studies.airshower.hybrid.engine import Engine, Stage
from cloudchamber.studies.airshower.hybrid.hadron_table import PRODUCTS, nodes_gev
from cloudchamber.studies.airshower.hybrid.interactions import PHOTON
from cloudchamber.studies.airshower.hybrid.tables import PACKAGED

NODES, ENERGY_GEV = 100, 1e8


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine.load(PACKAGED)


def stage(engine: Engine, primary: str, n: int, seed: int = 1, threshold: float = 0.01, energy_gev: float = ENERGY_GEV) -> Stage:
    """``n`` showers at 60 degrees, where the whole shower fits into the air."""
    density = np.repeat(density_along_track_g_cm3(np.array([60.0]), depth_grid()), n, axis=0)
    return engine.monte_carlo(np.full(n, PRIMARIES.index(primary)), np.full(n, energy_gev), threshold, NODES, density, rng(seed))


def accounted(one: Stage) -> np.ndarray:
    """Energy in the source, deposited and invisible, (showers,), in GeV."""
    handed_on = np.einsum("pndb,n->b", one.source.astype(float), nodes_gev()[:NODES])
    return handed_on + DEPTH_STEP_G_CM2 * one.energy_deposit.sum(axis=1) + one.invisible


@pytest.mark.parametrize("primary", PRIMARIES)
def test_all_the_energy_is_handed_on(engine: Engine, primary: str) -> None:
    one = stage(engine, primary, 30)
    share = accounted(one) / ENERGY_GEV
    assert share.mean() == pytest.approx(1.0, abs=5 * share.std() / np.sqrt(30) + 5e-3)
    assert np.all(one.in_flight[:, 0] == pytest.approx(ENERGY_GEV)) and not one.in_flight[:, -1].any()
    assert one.source.shape == (PRODUCTS, NODES, len(depth_grid()), 30) and one.source.min() > -1e-9
    assert np.all((one.invisible >= 0) & (one.invisible < 0.1 * ENERGY_GEV))


def test_the_threshold_moves_the_source_and_not_the_energy(engine: Engine) -> None:
    high, low = (stage(engine, "p", 60, threshold=threshold) for threshold in (0.1, 0.003))
    for one, threshold in ((high, 0.1), (low, 0.003)):
        # the node above a particle at the threshold may have some of it
        highest = nodes_gev()[:NODES][one.source[:PHOTON].any(axis=(0, 2, 3))].max()
        assert highest < 1.3 * threshold * ENERGY_GEV
    a, b = accounted(high) / ENERGY_GEV, accounted(low) / ENERGY_GEV
    assert abs(a.mean() - b.mean()) < 5 * np.hypot(a.std(), b.std()) / np.sqrt(60) + 5e-3
    # what is followed further lies deeper when it is handed on
    depth = [float(np.einsum("pndb,d->", one.source, depth_grid()) / one.source.sum()) for one in (high, low)]
    assert depth[1] > depth[0] + 20


def test_heavy_primaries_interact_first(engine: Engine) -> None:
    first = {primary: stage(engine, primary, 150, threshold=0.3).first_interaction for primary in ("p", "He", "Fe", "photon")}
    mean = {primary: float(depths.mean()) for primary, depths in first.items()}
    assert mean["Fe"] < mean["He"] < mean["p"]
    # nine sevenths of 37 g/cm2, a photon's first pair
    assert mean["photon"] == pytest.approx(47.4, abs=5 * 47.4 / np.sqrt(150))
    assert mean["p"] / mean["Fe"] > 3


def test_showers_of_a_batch_are_followed_one_after_the_other(engine: Engine) -> None:
    both = stage(engine, "p", 2)
    density = density_along_track_g_cm3(np.array([60.0]), depth_grid())
    random = rng(1)
    for shower in range(2):
        alone = engine.monte_carlo(np.array([1]) * PRIMARIES.index("p"), np.array([ENERGY_GEV]), 0.01, NODES, density, random)
        np.testing.assert_array_equal(alone.source[..., 0], both.source[..., shower])
        assert alone.first_interaction[0] == both.first_interaction[shower] and alone.invisible[0] == both.invisible[shower]


def test_decays_keep_their_parents_energy(engine: Engine) -> None:
    for species, fraction, starts in engine._decays:
        assert len(species) == len(fraction) == starts[-1]
        np.testing.assert_allclose(np.add.reduceat(fraction, starts[:-1]), 1.0, atol=1e-6)


def test_equations_are_made_once(engine: Engine) -> None:
    assert engine.equations(40) is engine.equations(40) and engine.all_equations is engine.all_equations
    assert len(engine.equations(40).energy) == 40 and len(engine.equations(80).energy) == 80
