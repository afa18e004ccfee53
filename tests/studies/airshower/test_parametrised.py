from __future__ import annotations

import numpy as np
import pytest

from cloudchamber.physics.atmosphere import ground_depth_g_cm2
from cloudchamber.physics.gumbel import gumbel_mean, gumbel_variance
from cloudchamber.physics.photon_shower import CONVERSION_LENGTH_G_CM2, LPM_EV_G_CM2
from cloudchamber.physics.shower import fit_gaisser_hillas, xmax_parabola
from cloudchamber.rng import rng
from cloudchamber.schema import Table, check_table
from cloudchamber.studies.airshower.columns import MASS_NUMBER, PRIMARIES, THETA, X, depth_grid
from cloudchamber.studies.airshower.parametrised import Parametrised, draw_showers, ionisation_loss_gev_cm2_g

NUCLEI = [name for name in PRIMARIES if name != "photon"]


def theta(primary: str, lg_energy_ev: float = 18.0, zenith_deg: float = 45.0, n: int = 1000) -> Table:
    table = {
        "primary": np.array([primary] * n),
        "lg_energy_ev": np.full(n, lg_energy_ev),
        "zenith_deg": np.full(n, zenith_deg),
        "azimuth_deg": np.zeros(n),
    }
    return check_table(table, THETA)


def shower(primary: str, lg_energy_ev: float = 18.0, zenith_deg: float = 45.0, n: int = 1000, **settings: float) -> Table:
    return Parametrised(**settings).simulate(theta(primary, lg_energy_ev, zenith_deg, n), rng(7))  # type: ignore[arg-type]


@pytest.mark.parametrize("primary", NUCLEI)
@pytest.mark.parametrize("lg_energy_ev", [17.0, 19.0])
@pytest.mark.parametrize("model", ["Sibyll2.3d", "EPOS-LHC"])
def test_xmax_of_nuclei_follows_the_generalised_gumbel(primary: str, lg_energy_ev: float, model: str) -> None:
    n = 20_000
    drawn = draw_showers(theta(primary, lg_energy_ev, n=n), model, rng(1)).xmax_g_cm2
    ln_a = np.log(MASS_NUMBER[primary])
    sigma = np.sqrt(gumbel_variance(ln_a, lg_energy_ev, model))
    assert abs(drawn.mean() - gumbel_mean(ln_a, lg_energy_ev, model)) < 5 * sigma / np.sqrt(n)
    # the Gumbel's kurtosis is below 6: the standard error of sigma is below sigma sqrt(5 / 4n)
    assert abs(drawn.std() - sigma) < 5 * sigma * np.sqrt(5 / (4 * n))


@pytest.mark.parametrize("primary", NUCLEI)
def test_first_interaction_is_exponential_and_explains_part_of_xmax(primary: str) -> None:
    drawn = draw_showers(theta(primary, n=20_000), "Sibyll2.3d", rng(2))
    first = drawn.first_interaction_g_cm2
    assert first.min() > 0
    assert first.std() == pytest.approx(first.mean(), rel=0.05)
    expected = first.mean() / drawn.xmax_g_cm2.std()
    assert np.corrcoef(first, drawn.xmax_g_cm2)[0, 1] == pytest.approx(expected, abs=0.06)


def test_proton_air_cross_section_is_the_measured_one() -> None:
    # 10^18.22 eV: 486 +- 16 (stat) + 19 - 25 (syst) mb
    first = draw_showers(theta("p", 18.22, n=20_000), "Sibyll2.3d", rng(3)).first_interaction_g_cm2
    assert 24_100 / first.mean() == pytest.approx(486, abs=16)


def test_photons_follow_cascade_theory_at_low_energy() -> None:
    drawn = draw_showers(theta("photon", 16.0, n=20_000), "Sibyll2.3d", rng(4))
    assert drawn.xmax_g_cm2.mean() == pytest.approx(36.62 * (np.log(1e16 / 87.92e6) + 0.5), abs=3)
    assert drawn.xmax_g_cm2.std() == pytest.approx(CONVERSION_LENGTH_G_CM2 * np.sqrt(2 - 2**-5), rel=0.04)
    assert drawn.first_interaction_g_cm2.mean() == pytest.approx(CONVERSION_LENGTH_G_CM2, rel=0.04)


def test_lpm_delays_the_conversion_of_photons() -> None:
    first = draw_showers(theta("photon", 20.0, zenith_deg=0.0, n=20_000), "Sibyll2.3d", rng(5)).first_interaction_g_cm2
    # the conversion depth is length tau + c (length tau)^2 / 4, tau exponential
    c = 1e20 / LPM_EV_G_CM2
    assert first.mean() == pytest.approx(CONVERSION_LENGTH_G_CM2 + c * CONVERSION_LENGTH_G_CM2**2 / 2, rel=0.05)
    assert np.mean(draw_showers(theta("photon", 20.0), "Sibyll2.3d", rng(6)).xmax_g_cm2) > 36.62 * (np.log(1e20 / 87.92e6) + 0.5) + 30


@pytest.mark.parametrize("primary", PRIMARIES)
@pytest.mark.parametrize("zenith_deg", [0.0, 65.0])
def test_energy_closes(primary: str, zenith_deg: float) -> None:
    x = shower(primary, zenith_deg=zenith_deg, n=300)
    total = x["calorimetric_energy_gev"] + x["ground_energy_gev"] + x["invisible_energy_gev"]
    np.testing.assert_allclose(total, 1e9, rtol=1e-5)
    from_profile = np.trapezoid(x["energy_deposit_gev_per_g_cm2"].astype(float), depth_grid(), axis=1)
    # the profile ends up to one step above the ground
    step = 10 * x["energy_deposit_gev_per_g_cm2"].max(axis=1)
    assert np.all(from_profile <= x["calorimetric_energy_gev"] * (1 + 1e-5))
    assert np.all(x["calorimetric_energy_gev"] - from_profile < step)


def test_missing_energy_lies_between_the_published_values() -> None:
    # whole showers: what is not in the air is muons and neutrinos; 11 % (QGSJET01) to 15 % (Auger data) for the mean of proton and iron
    missing = [1 - shower(primary, zenith_deg=65.0)["calorimetric_energy_gev"].mean() / 1e9 for primary in ("p", "Fe")]
    assert missing[0] < missing[1]
    assert 0.11 < np.mean(missing) < 0.15
    assert 1 - shower("photon", zenith_deg=65.0)["calorimetric_energy_gev"].mean() / 1e9 < 0.02


def test_deposit_at_maximum_matches_conex() -> None:
    # CONEX, A = 20: dE/dX_max / E = 1.51e-3 cm2/g
    peak = shower("N", zenith_deg=60.0)["energy_deposit_gev_per_g_cm2"].max(axis=1) / 1e9
    assert peak.mean() == pytest.approx(1.51e-3, rel=0.03)


def test_nothing_below_the_ground() -> None:
    zenith = np.linspace(0, 65, 200)
    given = theta("p", n=200) | {"zenith_deg": zenith.astype(np.float32)}
    for altitude in (0.0, 1400.0):
        x = Parametrised(ground_altitude_m=altitude).simulate(given, rng(8))
        ground = ground_depth_g_cm2(zenith, altitude)
        clear = np.abs(depth_grid() - ground[:, None]) > 0.02
        for name, column in X.items():
            if column.shape:
                below = (depth_grid() > ground[:, None]) & clear
                assert not x[name][below].any(), name
                above = (depth_grid() < ground[:, None]) & clear & (depth_grid() > 500)
                assert (x[name][above] > 0).all(), name


def test_shape_is_recovered_by_a_fit() -> None:
    n = 400
    given = theta("p", zenith_deg=60.0, n=n)
    x = Parametrised().simulate(given, rng(9))
    drawn = draw_showers(given, "Sibyll2.3d", rng(9))
    fit = fit_gaisser_hillas(depth_grid(), x["n_electron"])
    np.testing.assert_allclose(fit.r, drawn.r, atol=1e-3)
    np.testing.assert_allclose(fit.l_g_cm2, drawn.l_g_cm2, rtol=1e-3)
    np.testing.assert_allclose(fit.xmax_g_cm2, x["xmax_g_cm2"], atol=0.1)
    np.testing.assert_allclose(fit.nmax, x["nmax"], rtol=1e-4)
    assert x["xmax_deposit_g_cm2"] == pytest.approx(xmax_parabola(depth_grid(), x["energy_deposit_gev_per_g_cm2"])[0], abs=0.5)


def test_shapes_agree_with_the_auger_average_profile() -> None:
    # measured between 10^17.8 and 10^19.4 eV: L = 226 to 238 g/cm2, R = 0.244 to 0.267, for a mixed composition
    for lg_energy_ev in (17.9, 19.3):
        mixed = [draw_showers(theta(primary, lg_energy_ev), "Sibyll2.3d", rng(10)) for primary in ("p", "He", "N")]
        assert 222 < np.mean([part.l_g_cm2.mean() for part in mixed]) < 240
        assert 0.22 < np.mean([part.r.mean() for part in mixed]) < 0.29


def test_ionisation_loss_falls_then_rises_with_age() -> None:
    loss = ionisation_loss_gev_cm2_g(np.array([0.1, 0.6, 1.0, 1.3]))
    assert loss[0] > loss[1] < loss[2] < loss[3]
    assert loss[2] == pytest.approx(2.552e-3, abs=1e-6)


def test_iron_has_more_muons_and_develops_higher() -> None:
    proton, iron, photon = (shower(primary, zenith_deg=60.0, n=3000) for primary in ("p", "Fe", "photon"))
    assert iron["xmax_g_cm2"].mean() < proton["xmax_g_cm2"].mean() - 80
    assert iron["first_interaction_g_cm2"].mean() < 0.4 * proton["first_interaction_g_cm2"].mean()
    ratio = np.exp(np.log(iron["n_muon"].max(axis=1)).mean() - np.log(proton["n_muon"].max(axis=1)).mean())
    assert ratio == pytest.approx(56**0.073, rel=0.03)
    assert photon["n_muon"].max(axis=1).mean() < 0.2 * proton["n_muon"].max(axis=1).mean()
    assert np.log10(proton["n_muon"][:, 100]).mean() == pytest.approx(6.66, abs=0.03)
    assert np.log(iron["n_muon"].max(axis=1)).std() < 0.5 * np.log(proton["n_muon"].max(axis=1)).std()


@pytest.mark.parametrize("primary", PRIMARIES)
def test_hadrons_peak_above_xmax_and_muons_below(primary: str) -> None:
    x = shower(primary, zenith_deg=65.0)
    hadrons, muons = (depth_grid()[x[name].argmax(axis=1)] - x["xmax_g_cm2"] for name in ("n_hadron", "n_muon"))
    assert -160 < hadrons.mean() < -115
    assert 100 < muons.mean() < 250
    # muons reach the ground, electrons do not
    assert (x["n_muon"][:, 220] > 0.2 * x["n_muon"].max(axis=1)).all()
    assert (x["n_electron"][:, 220] < 0.05 * x["nmax"]).all()


def test_same_seed_same_showers() -> None:
    simulator = Parametrised()
    given = simulator.prior(600, rng(11))
    first, again, other = (simulator.simulate(given, rng(seed)) for seed in (12, 12, 13))
    for name in X:
        np.testing.assert_array_equal(first[name], again[name])
        assert (first[name] != other[name]).any()


@pytest.mark.parametrize("lg_energy_ev", [15.0, 20.0])
def test_the_whole_energy_range_gives_valid_showers(lg_energy_ev: float) -> None:
    for primary in PRIMARIES:
        check_table(shower(primary, lg_energy_ev, n=300), X)


def test_no_events() -> None:
    assert Parametrised().simulate(theta("p", n=0), rng(1))["n_electron"].shape == (0, 248)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("lg_energy_ev", np.nan, r"lg_energy_ev.*NaN"),
        ("zenith_deg", 70.0, r"zenith_deg.*70.*\[0, 65\]"),
        ("lg_energy_ev", 21.0, r"lg_energy_ev.*21.*\[15, 20\]"),
        ("primary", "Ferrum", r"primary.*unknown 'Ferrum'"),
    ],
)
def test_bad_theta_is_refused(column: str, value: object, message: str) -> None:
    bad = {**theta("p", n=3), column: np.array([value] * 3)}
    with pytest.raises(ValueError, match=message):
        Parametrised().simulate(bad, rng(1))


def test_a_missing_column_is_refused() -> None:
    bad = theta("p", n=3)
    del bad["zenith_deg"]
    with pytest.raises(ValueError, match="missing column 'zenith_deg'"):
        Parametrised().simulate(bad, rng(1))


def test_bad_settings_are_refused() -> None:
    with pytest.raises(ValueError, match=r"hadronic model 'Sibyll9'; there are: EPOS-LHC, .*Sibyll2\.3d"):
        Parametrised(model="Sibyll9")
    with pytest.raises(ValueError, match=r"ground_altitude_m: nan is outside the allowed \[0, 6000\] m"):
        Parametrised(ground_altitude_m=float("nan"))
