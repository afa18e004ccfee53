from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from cloudchamber.rng import rng
from cloudchamber.schema import Table
from cloudchamber.studies.airshower.columns import MASS_NUMBER, PRIMARIES
from cloudchamber.studies.airshower.compared import bands, distance, mass_trend, pairs, relative_shift, relative_spread, shift, spread, trend
from cloudchamber.studies.airshower.observables import checks
from cloudchamber.studies.airshower.parametrised import Parametrised
from cloudchamber.validate.check import CheckResult, run_checks

SIZES = (1_200, 10_000)
FEW_AND_MANY = pytest.mark.parametrize("n", SIZES)
COLUMNS = ("xmax_g_cm2", "first_interaction_g_cm2", "n_muon", "n_electron")


@cache
def showers(seed: int, n: int) -> Table:
    """Of the same theta for all seeds."""
    simulator = Parametrised()
    theta = simulator.prior(n, rng(3))
    return {**theta, **simulator.simulate(theta, rng(seed))}


def results(answer: Table, n: int, names: tuple[str, ...] = ()) -> dict[str, list[CheckResult]]:
    """By check; of all but the classifiers', fits to profiles and repeats where no name is given."""
    slow = ("AUC", "repeated", "mean R", "mean L", "sigma R", "sigma L", "band", "closure")
    chosen = [check for check in checks() if (check.name in names if names else not any(word in check.name for word in slow))]
    found = run_checks([replace(check, bootstrap=20) for check in chosen], showers(1, n), answer, showers(2, n), seed=1)
    return {check.name: [result for result in found if result.name == check.name] for check in chosen}


def xmax(table: Table) -> np.ndarray:
    return np.asarray(table["xmax_g_cm2"], dtype=float)


def plain(table: Table) -> np.ndarray:
    return np.asarray(table["value"], dtype=float)


def made(n: int = 4000, slope: float = 0.0, mass: float = 0.0, wide: float = 1.0, by: float = 0.0, seed: int = 0) -> Table:
    """Numbers of known trend and spread: 100 + 60 a decade - 20 for each unit of ln A + 10 sec(zenith), with 10 of fluctuations."""
    random = np.random.default_rng(5)
    primary, lg_energy, zenith = random.integers(0, 6, n), random.uniform(17, 19, n), random.uniform(0, 60, n)
    ln_a = np.log([max(MASS_NUMBER[name], 1) for name in PRIMARIES])[primary]
    rest = wide * 10 * np.random.default_rng(seed).normal(size=n)
    value = 700 + by + (60 + slope) * (lg_energy - 18) - (20 - mass) * ln_a + 10 / np.cos(np.radians(zenith)) + rest
    return {"primary": primary, "lg_energy_ev": lg_energy, "zenith_deg": zenith, "value": value}


def test_spreads_are_those_about_the_trend() -> None:
    found = pairs(made(), made(seed=1), plain)
    assert [pair.primary for pair in found] == list(range(6)) and sum(pair.share for pair in found) == pytest.approx(1)
    assert all(abs(np.std(each) - 10) < 5 * 10 / np.sqrt(2 * len(each)) for pair in found for each in (pair.truth, pair.answer))
    assert spread(plain)(made(), made(wide=2.0, seed=1)) == pytest.approx(10, abs=1)
    assert relative_spread(plain)(made(), made(wide=2.0, seed=1)) == pytest.approx(1, abs=0.1)
    # what does not fluctuate keeps the error of the truth's trend
    assert relative_spread(plain)(made(), made(wide=0.0, seed=1)) > 0.9


def test_shifts_and_trends_are_told_apart() -> None:
    moved = {"by": made(by=7, seed=1), "slope": made(slope=12, seed=1), "mass": made(mass=5, seed=1)}
    for name, value in (("by", shift(plain)), ("slope", trend(plain)), ("mass", mass_trend(plain))):
        wrong = {key: value(made(), answer) for key, answer in moved.items()}
        assert wrong[name] == pytest.approx({"by": 7, "slope": 12, "mass": 5}[name], abs=1.5)
        assert name == "by" or all(other < 2 for key, other in wrong.items() if key != name)
    assert relative_shift(plain, lambda values: float(np.median(values)))(made(), moved["by"]) == pytest.approx(0.01, abs=0.002)
    assert distance(plain)(made(), moved["by"]) == pytest.approx(7, abs=1)


def test_few_showers_and_one_energy_have_no_trend() -> None:
    few = [{name: values[:20] for name, values in made(seed=seed).items()} for seed in (0, 1)]
    assert [pair.primary for pair in pairs(*few, plain)] == [-1] and np.isnan(mass_trend(plain)(*few))
    one = [made(seed=seed) | {"lg_energy_ev": np.full(4000, 18.0)} for seed in (0, 1)]
    assert np.isnan(trend(plain)(*one)) and np.isfinite(spread(plain)(*one))


def test_the_size_of_a_sample_does_not_bias_its_spread() -> None:
    """Eight showers a term: without their number taken into account the spreads differ by 12 %."""
    ratio = [np.std(pair.answer) / np.std(pair.truth) for seed in range(100) for pair in pairs(made(300, seed=seed), made(300, seed=seed + 1000), plain)]
    assert len(ratio) == 600 and abs(np.median(ratio) - 1) < 5 * 1.25 * np.sqrt(1 / 50) / np.sqrt(600)


def test_bands_compare_lines_of_each_primary() -> None:
    heights = {0: 1.0, 1: 1.1}
    tables = [{"primary": np.repeat([0, 1], 50), "which": np.full(100, which)} for which in (0, 1)]

    def lines(table: Table, mask: np.ndarray) -> np.ndarray:
        line = np.array([np.nan, 0.01, 1.0, 0.5])
        return line * heights[int(table["which"][0])] + np.array([0, 5, 0, 0]) * table["which"][0]

    # a place that is not known, or of less than a tenth, does not count
    assert bands(*tables, lines) == pytest.approx(0.1)
    assert np.isinf(bands(*tables, lambda table, mask: np.full(4, np.nan)))


@FEW_AND_MANY
def test_another_sample_of_the_truth_is_never_failed(n: int) -> None:
    found = results(showers(4, n), n)
    assert len(found) == 12 and all(result.verdict in ("passed", "open") for group in found.values() for result in group)
    if n == SIZES[1]:
        assert sum(all(result.verdict == "passed" for result in group) for group in found.values()) >= 10


@FEW_AND_MANY
@pytest.mark.parametrize("check", ["<Xmax>", "elongation rate", "mass scale of Xmax", "sigma(Xmax)", "sigma(Xmax), narrow", "sigma X1", "mean ln N_mu"])
def test_what_is_wrong_fails(n: int, check: str) -> None:
    answer, other = dict(showers(4, n)), showers(5, n)
    few = n == SIZES[0]
    lg_energy, depth = answer["lg_energy_ev"] - 18, xmax(answer)
    masses = np.log([max(MASS_NUMBER[name], 1) for name in PRIMARIES])[answer["primary"]]
    wrong = {
        "<Xmax>": {"xmax_g_cm2": depth + (15 if few else 6)},
        "elongation rate": {"xmax_g_cm2": depth + (25 if few else 10) * lg_energy},
        "mass scale of Xmax": {"xmax_g_cm2": depth + (10 if few else 4) * (masses - masses.mean())},
        # of two samples the sum of differences is wider, the mean narrower
        "sigma(Xmax)": {"xmax_g_cm2": depth + 0.5 * (depth - xmax(other))},
        "sigma(Xmax), narrow": {"xmax_g_cm2": 0.5 * (depth + xmax(other))},
        "sigma X1": {"first_interaction_g_cm2": 0.5 * (answer["first_interaction_g_cm2"] + other["first_interaction_g_cm2"])},
        "mean ln N_mu": {"n_muon": answer["n_muon"] * 1.1},
    }[check]
    name = check.removesuffix(", narrow")
    found = results(answer | wrong, n, (name, "<Xmax>"))
    assert [result.verdict for result in found[name]] == ["failed"] * len(found[name])
    # a trend that is wrong leaves the mean over all energies as it was
    assert name != "elongation rate" or all(result.verdict != "failed" for result in found["<Xmax>"])
