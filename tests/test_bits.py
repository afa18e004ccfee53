"""The packaged models and the simulators say what they said before: same seed, same numbers, whatever moved in between."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import cloudchamber as cc
from cloudchamber.schema import Table

RELATIVE = 1e-4
"""Vector units of other processors round otherwise."""


def airshower() -> Table:
    theta = {"primary": np.array([0, 4]), "lg_energy_ev": np.array([18.0, 19.0]), "zenith_deg": np.array([20.0, 40.0])}
    drawn = cc.load("airshower").sample(theta, seed=3)
    simulator = cc.find_study("airshower").make_simulator("parametrised")
    simulated = simulator.simulate(simulator.prior(2, cc.rng(1)), cc.rng(2))
    return {"xmax": drawn["xmax_g_cm2"], "electrons": drawn["n_electron"][:, 60], "parametrised xmax": simulated["xmax_g_cm2"]}


def calorimeter() -> Table:
    theta, model = cc.find_study("calorimeter").simulator.prior(4, cc.rng(1)), cc.load("calorimeter")
    drawn = model.sample({name: theta[name] for name in model.given}, seed=3)
    return {"hottest": drawn["deposit_mev"].max(axis=1)}


def seen(study: str, events: int) -> Table:
    simulator = cc.find_study(study).simulator
    theta = simulator.prior(events, cc.rng(1))
    return {**theta, **simulator.simulate(theta, cc.rng(2))}


def surface_array() -> Table:
    events = seen("surface_array", 4)
    said = cc.load("surface_array").predict(events, draws=20, seed=1, outside="flag")
    return {"energy": said["energy_ev_mean"], "zenith error": said["zenith_deg_std"], "start": events["start_ns"].values[:4]}


def cosmic_ray_sky() -> Table:
    events = seen("cosmic_ray_sky", 2)
    said = cc.load("cosmic_ray_sky").predict(events, outside="flag")
    return {"kind": said["kind_probability"].ravel(), "lon": events["lon_deg"].values[:4]}


BEFORE = {
    airshower: {"xmax": [751.861694, 713.943359], "electrons": [474069248.0, 5109239810.0], "parametrised xmax": [839.144897, 673.819824]},
    calorimeter: {"hottest": [250.230255, 2476.59741, 384.437744, 536.197815]},
    surface_array: {
        "energy": [9.5283561e18, 1.45953308e19, 1.55027119e20, 7.32998794e18],
        "zenith error": [0.556108715, 0.637860427, 0.367199354, 0.546388048],
        "start": [5329.4518, 7783.99272, 935.22132, 4178.3773],
    },
    cosmic_ray_sky: {"kind": [0.00842059031, 0.991579413, 1.23488906e-06, 0.999998808], "lon": [41.6579857, 25.5442276, -66.7793427, 118.343033]},
}


@pytest.mark.parametrize("study", BEFORE)
def test_they_say_the_same(study: Callable[[], Table]) -> None:
    now = study()
    for name, wanted in BEFORE[study].items():
        np.testing.assert_allclose(np.asarray(now[name], float), wanted, rtol=RELATIVE if name != "kind" else 1e-3, err_msg=name)
