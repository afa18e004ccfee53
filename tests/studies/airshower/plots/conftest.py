"""Showers of the right shape (Gumbel distributed Xmax, Gaisser-Hillas profiles), and answers to them."""

from __future__ import annotations

import numpy as np
import pytest

from cloudchamber.physics.atmosphere import ground_depth_g_cm2
from cloudchamber.physics.gumbel import gumbel_sample
from cloudchamber.physics.shower import gaisser_hillas
from cloudchamber.schema import Table
from cloudchamber.studies.airshower.columns import MASS_NUMBER, PRIMARIES, THETA, depth_grid
from cloudchamber.studies.airshower.hybrid.simulator import Prior


def showers(theta: Table, seed: int) -> Table:
    rng = np.random.default_rng(seed)
    mass = np.array([max(MASS_NUMBER[primary], 1) for primary in PRIMARIES])[theta["primary"]]
    lg, n = theta["lg_energy_ev"], len(theta["lg_energy_ev"])
    xmax = gumbel_sample(np.log(mass), lg, rng)
    nmax = 0.6 * 10 ** (lg - 9) * rng.normal(1, 0.03, n)
    muons = 5e6 * mass**0.1 * 10 ** (0.93 * (lg - 18)) * rng.normal(1, 0.1, n).clip(0.1)
    depth = depth_grid()[None]
    above = depth <= ground_depth_g_cm2(theta["zenith_deg"])[:, None]
    profile = above * gaisser_hillas(depth, nmax[:, None], xmax[:, None], -20.0, 60.0)
    return {**theta, "n_electron": profile, "n_muon": above * gaisser_hillas(depth, muons[:, None], xmax[:, None] + 150, -20.0, 110.0), "xmax_g_cm2": xmax}


@pytest.fixture(scope="session")
def truth() -> Table:
    return showers(Prior().draw(1200, np.random.default_rng(1)), 2)


@pytest.fixture(scope="session")
def answers(truth: Table) -> dict[str, Table]:
    theta = {name: truth[name] for name in THETA}
    return {name: showers(theta, 3 + number) for number, name in enumerate(("flow", "matching", "wgan", "parametrised", "fifth"))}
