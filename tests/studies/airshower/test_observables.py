from __future__ import annotations

import numpy as np
import pytest

from cloudchamber.rng import rng
from cloudchamber.schema import Table
from cloudchamber.studies.airshower.observables import checks, closure, primary_energy_bins, shape_of_profile
from cloudchamber.studies.airshower.parametrised import Parametrised
from cloudchamber.validate.check import Check, run_checks

SIMULATOR = Parametrised()


def showers(seed: int, n: int = 600, **fixed: float) -> Table:
    theta = SIMULATOR.prior(n, rng(3))
    theta |= {name: np.full_like(theta[name], value) for name, value in fixed.items()}
    return {**theta, **SIMULATOR.simulate(theta, rng(seed))}


def cheap() -> list[Check]:
    return [check for check in checks() if not check.name.startswith("classifier")]


def test_bins_hold_every_shower_once() -> None:
    table = showers(1)
    assert np.array_equal(sum(mask.astype(int) for mask in primary_energy_bins(table).values()), np.ones(600))


def test_energies_close_and_shapes_are_found() -> None:
    table = showers(1, zenith_deg=60.0)
    assert np.allclose(closure(table), 1.0, atol=0.02)
    r, width = shape_of_profile(table)
    assert np.nanmedian(r) == pytest.approx(0.25, abs=0.05) and np.nanmedian(width) == pytest.approx(235.0, abs=20.0)


def test_another_sample_stays_near_the_floor_and_a_shifted_one_does_not() -> None:
    truth, second, shifted = showers(1), showers(2), showers(4)
    shifted["xmax_g_cm2"] = shifted["xmax_g_cm2"] + 60.0
    shifted["n_muon"] = shifted["n_muon"] * 1.3
    everything = [Check(c.name, c.why, c.value, c.limit, c.unit, c.limit_in_floors, None, 4) for c in cheap()]
    same = {result.name: result for result in run_checks(everything, truth, second, showers(5), seed=1)}
    other = {result.name: result for result in run_checks(everything, truth, shifted, showers(5), seed=1)}
    assert all(result.value < 12.0 * result.floor + 1e-3 for result in same.values())
    for name in ("<Xmax>", "W1(Xmax)", "mean ln N_mu"):
        assert other[name].passed is False and other[name].value > 3.0 * same[name].value


@pytest.mark.parametrize("number", [0, 1])
def test_the_classifier_takes_showers_of_one_condition(number: int) -> None:
    fixed = {"primary": 0, "lg_energy_ev": 18.0, "zenith_deg": 45.0}
    check = [check for check in checks() if check.name.startswith("classifier")][number]
    [result] = run_checks([check], showers(1, 100, **fixed), showers(2, 100, **fixed), None, seed=1)
    assert 0.2 < result.value < 0.8
