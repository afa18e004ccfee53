from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cloudchamber.physics.atmosphere import ground_depth_g_cm2
from cloudchamber.physics.shower import xmax_parabola
from cloudchamber.rng import rng
from cloudchamber.schema import Table, check_table
from cloudchamber.studies.airshower.columns import N_DEPTH, PRIMARIES, X, depth_grid
from cloudchamber.studies.airshower.hybrid.simulator import Hybrid, Prior

HYBRID = Hybrid(tables="packaged")
PROFILES = ("n_electron", "n_muon", "n_hadron", "energy_deposit_gev_per_g_cm2")


def theta(primary: Any = "p", lg_energy_ev: Any = 17.0, zenith_deg: Any = 45.0, n: int = 1) -> Table:
    values = {"primary": primary, "lg_energy_ev": lg_energy_ev, "zenith_deg": zenith_deg, "azimuth_deg": 0.0}
    return {name: np.broadcast_to(np.asarray(value), (n,)).copy() for name, value in values.items()}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"primary": np.array(["proton"])}, "column 'primary': unknown 'proton'.*allowed: p, He, N, Si, Fe, photon"),
        ({"primary": np.array([6])}, "column 'primary': 6 in event 0 is outside the allowed 0=p"),
        ({"lg_energy_ev": np.array([np.nan])}, "column 'lg_energy_ev' holds 1 NaN"),
        ({"lg_energy_ev": np.array([14.9])}, r"column 'lg_energy_ev': 14.9 in event 0 is outside the allowed \[15, 20\]"),
        ({"lg_energy_ev": np.array([20.1])}, r"column 'lg_energy_ev': 20.1 in event 0 is outside the allowed \[15, 20\]"),
        ({"zenith_deg": np.array([70.0])}, r"column 'zenith_deg': 70 in event 0 is outside the allowed \[0, 65\] deg"),
        ({"zenith_deg": np.array([np.inf])}, "column 'zenith_deg' holds 1 NaN or infinite"),
        ({"zenith_deg": np.array([[45.0]])}, r"column 'zenith_deg' must have shape \(events,?\), got \(1, 1\)"),
        ({"zenith_deg": np.array([45.0, 50.0])}, "column 'zenith_deg' has 2 events"),
        ({"azimuth_deg": np.array([181.0])}, "column 'azimuth_deg': 181"),
        ({"zenith": np.array([45.0])}, "zenith"),
    ],
)
def test_bad_theta_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        HYBRID.simulate({**theta(), **change}, rng(1))


def test_missing_column_is_named():
    table = theta()
    del table["zenith_deg"]
    with pytest.raises(ValueError, match="zenith_deg"):
        HYBRID.simulate(table, rng(1))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"threshold": 1e-5}, r"threshold: 1e-05 is outside the allowed \[0.0003, 0.3\]"),
        ({"threshold": float("nan")}, "threshold: nan"),
        ({"ground_altitude_m": 2e4}, r"ground_altitude_m: 20000.0 is outside the allowed \[-500, 9000\] m"),
    ],
)
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        Hybrid(**settings)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"lg_energy_min": 14.0}, r"lg_energy_min, lg_energy_max: 14.0, 19.0 must rise within \[15, 20\]"),
        ({"lg_energy_min": 19.0, "lg_energy_max": 18.0}, "must rise"),
        ({"zenith_max_deg": 80.0}, r"zenith_max_deg: 80.0 is outside the allowed \[0, 65\]"),
        ({"primaries": ("p", "C")}, "primaries: 'C' is not a primary; allowed: p, He"),
        ({"primaries": ()}, "primaries: none"),
    ],
)
def test_bad_prior_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        Prior(**settings)


def test_missing_table_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"cannot read the interaction table .*nowhere.npz"):
        Hybrid(tables=str(tmp_path / "nowhere.npz")).simulate(theta(), rng(1))


def test_prior_is_isotropic_and_log_uniform():
    from scipy.stats import chisquare, kstest

    drawn = HYBRID.prior(20_000, rng(2))
    low = np.cos(np.radians(65.0))
    assert kstest(np.cos(np.radians(drawn["zenith_deg"].astype(float))), "uniform", (low, 1.0 - low)).pvalue > 1e-6
    assert kstest(drawn["lg_energy_ev"], "uniform", (17.0, 2.0)).pvalue > 1e-6
    assert kstest(drawn["azimuth_deg"], "uniform", (-180.0, 360.0)).pvalue > 1e-6
    assert chisquare(np.bincount(drawn["primary"], minlength=len(PRIMARIES))).pvalue > 1e-6
    few = Hybrid(prior_range=Prior(primaries=("Fe",), lg_energy_min=18.0, lg_energy_max=18.0)).prior(50, rng(3))
    assert set(few["primary"]) == {PRIMARIES.index("Fe")} and set(few["lg_energy_ev"]) == {18.0}


@pytest.fixture(scope="module")
def showers() -> tuple[Table, Table]:
    given = check_table(Hybrid(prior_range=Prior(lg_energy_max=18.0)).prior(40, rng(4)), HYBRID.schema.theta)
    given["zenith_deg"][:2] = 0.0, 65.0
    return given, HYBRID.simulate(given, rng(5))


def test_answer_fits_the_schema(showers):
    _, x = showers
    check_table(x, X)
    assert all(len(values) == 40 for values in x.values())
    assert np.all(x["nmax"] > 0) and np.all(x["first_interaction_g_cm2"] > 0)
    assert len(np.unique(x["xmax_g_cm2"])) == 40


def test_same_random_numbers_same_bits(showers):
    given, x = showers
    again, other = HYBRID.simulate(given, rng(5)), HYBRID.simulate(given, rng(6))
    for name in X:
        np.testing.assert_array_equal(x[name], again[name])
        assert not np.array_equal(x[name], other[name])


def test_given_tables_are_left_alone(showers):
    given = {name: values.copy() for name, values in showers[0].items()}
    HYBRID.simulate({name: values[:3] for name, values in given.items()}, rng(1))
    for name, values in showers[0].items():
        np.testing.assert_array_equal(values, given[name])


def test_names_and_codes_are_the_same_primary():
    named, coded = HYBRID.simulate(theta("Fe"), rng(7)), HYBRID.simulate(theta(4), rng(7))
    for name in X:
        np.testing.assert_array_equal(named[name], coded[name])


def test_profiles_end_at_the_ground(showers):
    given, x = showers
    ground = ground_depth_g_cm2(given["zenith_deg"])
    below = depth_grid()[None, :] > ground[:, None]
    for name in PROFILES:
        assert not x[name][below].any()
    assert np.all(x["n_muon"][:, 80][~below[:, 80]] > 0)
    # the ground's own altitude cuts earlier, and what reaches it is more
    given = {name: values[:2] for name, values in given.items()}
    high = Hybrid(tables="packaged", ground_altitude_m=3000.0).simulate(given, rng(5))
    assert not high["n_electron"][0, 72:].any() and high["n_electron"][0, 71] > 0
    assert high["ground_energy_gev"][0] > x["ground_energy_gev"][0]


def test_scalars_are_those_of_the_profiles(showers):
    given, x = showers
    ground = ground_depth_g_cm2(given["zenith_deg"])
    deep = x["xmax_g_cm2"] < ground - 50.0
    assert deep.sum() > 20
    xmax, nmax = xmax_parabola(depth_grid(), x["n_electron"][deep])
    np.testing.assert_allclose(x["xmax_g_cm2"][deep], xmax, rtol=1e-4)
    np.testing.assert_allclose(x["nmax"][deep], nmax, rtol=1e-4)
    deposit_xmax, _ = xmax_parabola(depth_grid(), x["energy_deposit_gev_per_g_cm2"][deep])
    np.testing.assert_allclose(x["xmax_deposit_g_cm2"][deep], deposit_xmax, rtol=1e-4)
    # a step of 10 g/cm2 at most is missing above the ground
    deposit = x["energy_deposit_gev_per_g_cm2"].astype(float)
    total = 10.0 * deposit.sum(axis=1)
    assert np.all(np.abs(x["calorimetric_energy_gev"] - total) <= 11.0 * deposit.max(axis=1))


def test_a_maximum_below_the_ground_is_found():
    # a vertical photon at the greatest energy has its maximum near the ground or past it
    x = HYBRID.simulate(theta("photon", 20.0, 0.0, n=6), rng(8))
    assert np.any(x["xmax_g_cm2"] > 1036.1)
    assert not x["n_electron"][:, 104:].any()


@pytest.mark.parametrize("lg_energy_ev", [15.0, 20.0])
def test_works_at_the_ends_of_its_range(lg_energy_ev):
    given = theta(np.arange(6), lg_energy_ev, 60.0, n=6)
    x = check_table(HYBRID.simulate(given, rng(9)), X)
    energy = 10.0 ** (lg_energy_ev - 9.0)
    total = x["calorimetric_energy_gev"] + x["ground_energy_gev"] + x["invisible_energy_gev"]
    np.testing.assert_allclose(total / energy, 1.0, atol=0.1)
    assert np.all((x["nmax"] / energy > 0.4) & (x["nmax"] / energy < 0.9))


def test_energies_mix_in_a_batch():
    given = theta("p", np.array([15.0, 20.0, 17.0, 15.0]), np.array([60.0, 0.0, 30.0, 65.0]), n=4)
    x = HYBRID.simulate(given, rng(10))
    np.testing.assert_allclose(np.log10(x["nmax"]) - given["lg_energy_ev"], -9.2, atol=0.25)


def test_parts_of_a_table_are_other_showers_of_the_same_kind():
    given = theta("Fe", 17.0, 60.0, n=100)
    whole = HYBRID.simulate(given, rng(11))["xmax_g_cm2"]
    half = {name: values[:50] for name, values in given.items()}
    random = rng(11)
    parts = np.concatenate([HYBRID.simulate(half, random)["xmax_g_cm2"] for _ in range(2)])
    assert abs(whole.mean() - parts.mean()) < 5.0 * 25.0 * np.sqrt(2.0 / 100)


def test_no_events_give_an_empty_answer():
    x = HYBRID.simulate(theta(n=0), rng(1))
    assert x["n_muon"].shape == (0, N_DEPTH)
