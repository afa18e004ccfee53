from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from scipy.stats import kstest

from cloudchamber.physics.sphere import unit_vectors
from cloudchamber.schema import Table
from cloudchamber.studies.surface_array import estimates as say
from cloudchamber.studies.surface_array.columns import PARTICLES
from cloudchamber.studies.surface_array.observables import as_if_true, by_energy, by_primary, checks, energy_masks, proton_and_iron
from cloudchamber.validate.check import CheckResult, run_checks

FIT_DEG, FIT_LN_ENERGY, FIT_CORE_M = 1.2, 0.2, 100.0


@cache
def truth(n: int = 3000, lg_energy: float | None = None) -> Table:
    """Events of a fit with known Gaussian errors; nothing is simulated."""
    random = np.random.default_rng(7)
    lg = random.uniform(18.5, 20.5, n) if lg_energy is None else np.full(n, lg_energy)
    zenith, azimuth = random.uniform(10, 40, n), random.uniform(-180, 180, n)
    covariance = np.zeros((n, 7, 7))
    covariance[:, 2, 2], covariance[:, 3, 3] = np.deg2rad(FIT_DEG) ** 2, (np.deg2rad(FIT_DEG) / np.sin(np.deg2rad(zenith))) ** 2
    covariance[:, 4, 4] = 0.01
    core = random.uniform(-600, 600, (n, 2))
    table = {
        "particle": random.integers(0, 5, n),
        "energy_ev": 10.0**lg,
        "zenith_deg": zenith,
        "azimuth_deg": azimuth,
        "core_x_m": core[:, 0],
        "core_y_m": core[:, 1],
        "xmax_g_cm2": random.normal(800, 70, n),
        "fit_zenith_deg": zenith + random.normal(0, FIT_DEG, n),
        "fit_azimuth_deg": azimuth + random.normal(0, FIT_DEG, n) / np.sin(np.deg2rad(zenith)),
        "fit_core_x_m": core[:, 0] + random.normal(0, FIT_CORE_M, n),
        "fit_core_y_m": core[:, 1] + random.normal(0, FIT_CORE_M, n),
        "fit_energy_ev": 10.0**lg * np.exp(random.normal(0.05, FIT_LN_ENERGY, n)),
        "fit_covariance": covariance,
        "fit_direction_error_deg": np.full(n, FIT_DEG),
    }
    ones = {"fit_stations": 8, "fit_flags": 0, "fit_chi2_time": 5, "fit_chi2_signal": 5, "fit_ndf_time": 5, "fit_ndf_signal": 5}
    return table | {name: np.full(n, value) for name, value in ones.items()}


def made(names: str, about: Table, answer: Table) -> dict[tuple[str, str], CheckResult]:
    """Results of the checks whose name begins with ``names``."""
    chosen = [check for check in checks() if check.name.startswith(names)]
    return {(result.name, result.group): result for result in run_checks(chosen, about, answer, None, seed=1)}


@pytest.mark.parametrize(("width", "calibrated"), [(1.0, True), (1.3, False), (0.75, False)])
def test_exact_answers_are_calibrated_and_too_wide_or_too_narrow_ones_are_not(answer_to, width: float, calibrated: bool) -> None:
    answer = answer_to(truth(), width)
    pulls = made("pulls of the direction", truth(), answer)
    assert len(pulls) == 2
    for result in pulls.values():
        assert result.passed is calibrated and result.group == "all energies"
        assert abs(result.value - abs(1 / width - 1)) < 0.05
    for share in (0.68, 0.95):
        covered = made(f"{share:.0%} coverage", truth(), answer)
        assert len(covered) == 4
        for result in covered.values():
            assert result.value < 5 * np.sqrt(share * (1 - share) / 3000) if calibrated else result.passed is False
            assert result.floor < 5 * np.sqrt(share * (1 - share) / 3000)


def test_levels_and_pulls_do_not_depend_on_how_few_draws_there_are(answer_to) -> None:
    answer = answer_to(truth(), 1.0, draws=8)
    for level in (say.direction_level, say.core_level, say.energy_level, say.xmax_level):
        assert kstest(level(truth(), answer), "uniform").pvalue > 1e-6
    width = say.direction_pulls(truth(), answer).std()
    # tails of Student's t with 7 degrees of freedom
    assert abs(width - 1) < 5 * np.sqrt(0.5 / 6000 * 3)


def test_energies_of_nuclei_leave_out_draws_of_photons(answer_to) -> None:
    answer = answer_to(truth())
    random = np.random.default_rng(3)
    # photons need four times the energy; a few nuclei look like them
    share = np.where(random.random(3000) < 0.05, 0.7, 0.02)
    photon = random.random((3000, 60)) < share[:, None]
    photon[0], photon[1] = True, np.arange(60) > 1
    confused = answer | {"energy_ev_draws": answer["energy_ev_draws"] * np.where(photon, 4.0, 1.0), "particle_draws": np.where(photon, 0, 1)}
    plain, taken = say.drawn_ln_energies(answer), say.nuclear_ln_energy(confused)
    assert taken[0] == pytest.approx(say.drawn_ln_energies(confused)[0].mean()) and taken[1] == pytest.approx(plain[1, :2].mean())
    assert np.abs(taken[2:] - plain[2:].mean(axis=1)).max() < 0.2
    nuclei = {**truth(lg_energy=19.0), "particle": np.full(3000, PARTICLES.index("p"))}
    answer_10 = confused | {"energy_ev_draws": confused["energy_ev_draws"] * (1e19 / truth()["energy_ev"])[:, None]}
    found = {name: result for (name, _), result in made("sd(ln E) of nuclei at 10 EeV", nuclei, answer_10).items()}
    all_draws, of_nuclei = found["sd(ln E) of nuclei at 10 EeV"], found["sd(ln E) of nuclei at 10 EeV, taken for nuclei"]
    assert of_nuclei.passed and not all_draws.passed
    assert of_nuclei.value == pytest.approx(0.1, rel=0.1) and all_draws.value > 0.18


def test_resolutions_are_those_of_the_answer_and_what_it_promises(answer_to) -> None:
    answer = answer_to(truth())
    # the mean of the draws keeps 1 / 60 of their variance
    sharper = 0.5 * np.sqrt(1 + 1 / 60)
    for (_, group), result in made("angular resolution over", truth(), answer).items():
        assert abs(result.value - sharper) < 5 * result.error and result.passed and group.split(", ")[0] in ("p", "Fe")
        assert abs(result.floor - sharper / np.sqrt(1 + sharper**2)) < 0.06
    # 68 % of a two-dimensional Gaussian lie within 1.51 sigma
    [(_, result)] = [item for item in made("angular resolution", truth(), answer).items() if item[0] == ("angular resolution", "nuclei, all energies")]
    assert abs(result.value - 1.5096 * 0.6 * np.sqrt(1 + 1 / 60)) < 5 * result.error and abs(result.floor - result.value) < 5 * result.error
    everything = made("", truth(1000), answer_to(truth(1000)))
    value = {name: result.value for (name, group), result in everything.items() if group in ("nuclei, all energies", "all energies")}
    assert abs(value["unexplained variance of the fit's zenith angle"] - sharper**2) < 0.05
    assert abs(value["unexplained variance of the fit's azimuth"] - sharper**2) < 0.05
    assert abs(value["unexplained variance of the fit's ln E"] - sharper**2) < 0.05
    assert abs(value["sd(ln E)"] - 0.1) < 0.01 and value["bias of ln E"] < 0.02 and abs(value["bias of ln E of the fit"] - 0.05) < 0.03
    assert abs(value["Xmax resolution"] - 40) < 4 and abs(value["spread of Xmax"] - 70) < 7
    assert abs(value["core resolution over the fit's"] - sharper) < 0.08 and value["pulls of the fit's direction"] < 0.1
    assert abs(everything["sd(ln E) of nuclei at 10 EeV", "nuclei, 10 EeV"].value - 0.1) < 0.03


def test_an_answer_no_better_than_the_fit_fails(answer_to) -> None:
    answer = answer_to(truth()) | {f"{name}_draws": np.repeat(truth()[f"fit_{name}"][:, None], 8, 1) for name in ("zenith_deg", "azimuth_deg")}
    results = made("angular resolution over", truth(), answer)
    assert results and all(result.value == pytest.approx(1, abs=1e-6) and result.passed is False for result in results.values())


def test_a_bias_of_one_primary_is_found(answer_to) -> None:
    answer = answer_to(truth())
    answer["energy_ev_draws"] = answer["energy_ev_draws"] * np.where(truth()["particle"] == PARTICLES.index("Fe"), np.exp(0.06), 1.0)[:, None]
    results = {group: result for (name, group), result in made("bias of ln E", truth(), answer).items() if name == "bias of ln E"}
    assert results["Fe, all energies"].passed is False and results["p, all energies"].passed is True


def test_photons_and_particles(answer_to) -> None:
    events = truth()
    answer = {"particle_probability": np.eye(5)[events["particle"]] * 0.9 + 0.02}
    for name, perfect in (("photons and nuclei", 0.0), ("log score", -np.log(0.92))):
        [result] = made(name, events, answer).values()
        assert result.value == pytest.approx(perfect)
    guess = {"particle_probability": np.full((len(events["particle"]), 5), 0.2)}
    for name, worst in (("photons and nuclei", 0.5), ("log score", np.log(5))):
        [result] = made(name, events, guess).values()
        assert result.value == pytest.approx(worst) and result.floor == pytest.approx(worst)
    one_kind = events | {"particle": np.ones_like(events["particle"])}
    [result] = made("photons and nuclei", one_kind, guess).values()
    assert np.isnan(result.value) and result.passed is None


def test_an_answer_without_particles_lacks_those_checks_alone(answer_to) -> None:
    answer = answer_to(truth(300))
    del answer["particle_probability"]
    lacking = []
    for check in checks():
        try:
            run_checks([check], truth(300), answer, None, seed=1)
        except KeyError as error:
            lacking.append((check.name, error.args[0]))
    assert lacking == [("photons and nuclei, 1 - AUC", "particle_probability"), ("log score of the particle", "particle_probability")]


def test_groups_are_those_of_the_truth(answer_to) -> None:
    groups = by_primary(truth())
    assert len(groups) == 18 and all(groups[f"{name}, all energies"].sum() > 400 for name in PARTICLES)
    assert np.all(truth()["particle"][groups["Fe, all energies"]] == PARTICLES.index("Fe"))
    assert np.all(np.abs(np.log10(truth()["energy_ev"][groups["nuclei, 57 EeV"]]) - 19.756) <= 0.1)
    with pytest.raises(KeyError, match="energy_ev"):
        by_primary(truth() | answer_to(truth()))
    for grouped in (by_energy, by_primary, proton_and_iron):
        bad = truth() | {"fit_flags": np.full(3000, 8)}
        assert not any(mask.any() for mask in grouped(bad).values())
    # windows of few events are left to all energies together
    assert not by_primary(truth(300))["p, 10 EeV"].any() and not by_energy(truth())["10 EeV"].any()


def test_events_of_one_energy_are_a_range_of_their_own() -> None:
    assert list(energy_masks(truth(300, 19.0))) == ["10 EeV"] and list(energy_masks(truth(300, 19.756))) == ["57 EeV"]
    assert by_energy(truth(300, 19.0))["10 EeV"].all() and by_primary(truth(300, 19.0))["p, 10 EeV"].any()
    assert list(energy_masks(truth())) == ["10 EeV", "57 EeV", "all energies"]


def test_a_draw_stands_in_for_the_truth(answer_to) -> None:
    answer = answer_to(truth(300))
    facts, others = as_if_true(truth(300), answer, 3)
    assert np.array_equal(facts["xmax_g_cm2"], answer["xmax_g_cm2_draws"][:, 3]) and others["xmax_g_cm2_draws"].shape == (300, 56)
    assert np.array_equal(facts["fit_zenith_deg"], truth(300)["fit_zenith_deg"]) and set(np.unique(facts["particle"])) <= set(range(5))


def test_angles() -> None:
    table = {"zenith_deg": np.array([30.0, 30.0]), "azimuth_deg": np.array([179.0, 10.0])}
    found = unit_vectors(np.array([-179.0, 10.0]), 90 - np.array([30.0, 32.0]))
    zenith, azimuth = say.angle_errors_deg(table, found)
    assert np.allclose(zenith, [0, 2]) and np.allclose(azimuth, [1, 0])
    assert np.allclose(say.opening_deg(table, found), [1.0, 2.0], atol=0.01)
    # directions about the vertical have no mean azimuth, but a mean vector
    answer = {"zenith_deg_draws": np.full((1, 4), 5.0), "azimuth_deg_draws": np.array([[0.0, 90.0, 180.0, 270.0]])}
    assert np.allclose(say.network_direction(answer), [[0, 0, 1]], atol=1e-12)
    assert np.allclose(say.direction_error68_deg(say.drawn_directions(answer)), 5.0)
    with pytest.raises(ValueError, match="at least 4 draws"):
        say.direction_pulls(table, {name: np.zeros((2, 3)) for name in ("zenith_deg_draws", "azimuth_deg_draws")})
