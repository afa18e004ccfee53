from __future__ import annotations

import numpy as np
import pytest

from cloudchamber.rng import rng
from cloudchamber.schema import Table
from cloudchamber.studies.airshower.observables import checks, closure, profile_about_xmax, shape_of_profile
from cloudchamber.studies.airshower.parametrised import Parametrised
from cloudchamber.validate.check import Check, run_checks

SIMULATOR = Parametrised()


def showers(seed: int, n: int = 600, **fixed: float) -> Table:
    theta = SIMULATOR.prior(n, rng(3))
    theta |= {name: np.full_like(theta[name], value) for name, value in fixed.items()}
    return {**theta, **SIMULATOR.simulate(theta, rng(seed))}


def cheap() -> list[Check]:
    return [check for check in checks() if "AUC" not in check.name]


def test_energies_close_and_shapes_are_found() -> None:
    table = showers(1, zenith_deg=60.0)
    assert np.allclose(closure(table), 1.0, atol=0.02)
    r, width = shape_of_profile(table)
    assert np.nanmedian(r) == pytest.approx(0.25, abs=0.05) and np.nanmedian(width) == pytest.approx(235.0, abs=20.0)


def test_a_profile_is_fitted_once_and_the_same_again() -> None:
    table = showers(1, 50)
    first, again = shape_of_profile(table), shape_of_profile({"n_electron": np.concatenate([table["n_electron"][::-1]] * 2)})
    assert all(np.array_equal(here, there[49::-1], equal_nan=True) for here, there in zip(first, again, strict=True))


def test_a_band_about_xmax_is_that_of_the_shape() -> None:
    table = showers(1, 400, primary=0, zenith_deg=60.0)
    everyone = np.ones(400, bool)
    low, middle, high = (profile_about_xmax(table, everyone, percent) for percent in (5.0, 50.0, 95.0))
    known = np.isfinite(middle)
    assert known.sum() > 40 and np.all(low[known] <= middle[known]) and np.all(middle[known] <= high[known])
    # it peaks at Xmax, wherever that is
    assert np.nanargmax(middle) == 30 and middle[30] == pytest.approx(np.median(table["nmax"] / 10 ** (table["lg_energy_ev"] - 9)), rel=0.01)


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
