"""Theta and x drawn at once follow the law of the two drawn one after the other."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ks_2samp

from cloudchamber.rng import rng
from cloudchamber.schema import events_in
from cloudchamber.studies.surface_array.array.simulator import SurfaceArray
from cloudchamber.study import JointSimulator

LOWEST_P = 1e-6


def test_it_has_the_prior_of_its_own_seed() -> None:
    """The same showers trigger, whether their records are kept or not."""
    simulator = SurfaceArray()
    assert isinstance(simulator, JointSimulator)
    theta, x = simulator.joint(300, rng(1))
    assert events_in(x) == 300
    for name, values in simulator.prior(300, rng(1)).items():
        np.testing.assert_array_equal(theta[name], values, err_msg=name)


def test_it_sees_what_prior_and_simulate_see() -> None:
    simulator = SurfaceArray()
    theta, x = simulator.joint(3000, rng(1))
    apart = simulator.prior(3000, rng(2))
    seen = simulator.simulate(apart, rng(3))
    assert ks_2samp(theta["energy_ev"], apart["energy_ev"]).pvalue > LOWEST_P
    for name in ("station_x_m", "silent_x_m"):
        assert ks_2samp(np.diff(x[name].offsets), np.diff(seen[name].offsets)).pvalue > LOWEST_P
    for name in ("start_ns", "fit_s800_vem"):
        values = [getattr(table[name], "values", table[name]) for table in (x, seen)]
        assert ks_2samp(*values).pvalue > LOWEST_P, name


@pytest.mark.parametrize("n", [0, 1, 7])
def test_few_events_and_all_showers(n: int) -> None:
    for simulator in (SurfaceArray(), SurfaceArray(triggered=False)):
        theta, x = simulator.joint(n, rng(1))
        assert events_in(theta) == n and events_in(x) == n
