from __future__ import annotations

import numpy as np
import pytest

from cloudchamber.rng import rng
from cloudchamber.studies.airshower.columns import PRIMARIES
from cloudchamber.studies.airshower.groups import groups, of_several_energies, of_several_nuclei, primary_energy_bins
from cloudchamber.studies.airshower.hybrid.simulator import Prior
from cloudchamber.validate.check import Check, run_checks
from cloudchamber.validate.verdict import threshold


def theta(n: int, seed: int = 1, **prior: object) -> dict[str, np.ndarray]:
    return Prior(**prior).draw(n, rng(seed))


def sizes(n: int, showers: int, finest: int = 3, **prior: object) -> dict[str, int]:
    return {name: int(mask.sum()) for name, mask in groups(showers, finest)(theta(n, **prior)).items() if mask.any()}


def test_bins_hold_every_shower_once() -> None:
    assert np.array_equal(sum(mask.astype(int) for mask in primary_energy_bins(theta(600)).values()), np.ones(600))


@pytest.mark.parametrize(
    ("n", "number", "one"), [(599, 1, "all"), (600, 6, "p"), (1200, 12, "p, 17 to 18"), (4799, 12, "Fe, 18 to 19"), (4800, 48, "Fe, 18.75")]
)
def test_more_showers_have_finer_groups(n: int, number: int, one: str) -> None:
    found = sizes(n, 100)
    assert len(found) == number and one in found and sum(found.values()) == n


def test_one_primary_at_one_energy_is_one_group() -> None:
    assert sizes(100, 100, primaries=("He",), lg_energy_min=18.0, lg_energy_max=18.0) == {"He, 18.00": 100}
    assert list(sizes(100_000, 100, finest=1)) == list(PRIMARIES)


def test_a_stray_primary_does_not_change_the_groups() -> None:
    first, second = theta(250, primaries=("p", "Fe")), theta(250, 2, primaries=("p", "Fe"))
    first["primary"][0] = PRIMARIES.index("Si")
    filled = [{name for name, mask in groups(100)(table).items() if mask.any()} for table in (first, second)]
    assert filled[0] == filled[1] | {"Si"}


def test_a_verdict_counts_the_groups_that_were_chosen() -> None:
    def count(n: int) -> set[int]:
        tables = [theta(n) for _ in range(3)]
        found = run_checks([Check("none", "", lambda truth, answer: 0.0, 1.0, groups=groups(100), bootstrap=0)], *tables, seed=1)
        return {result.groups for result in found}

    assert count(200) == {1} and count(700) == {6} and count(1300) == {12} and threshold(12) > threshold(1)


@pytest.mark.parametrize(
    ("asked", "judged"),
    [({}, True), ({"lg_energy_min": 18.0, "lg_energy_max": 18.2, "primaries": ("He",)}, False), ({"primaries": ("photon", "p"), "lg_energy_max": 17.1}, False)],
)
def test_one_energy_and_one_nucleus_have_no_trend_to_pass_by(asked: dict[str, object], judged: bool) -> None:
    tables = [theta(300, seed, **asked) for seed in (1, 2, 3)]
    for chosen in (of_several_energies(groups(100, finest=1), 0.5), of_several_nuclei):
        found = run_checks([Check("trend", "", lambda truth, answer: 0.0, 1.0, groups=chosen, bootstrap=0)], *tables, seed=1)
        assert {result.passed for result in found} == ({True} if judged else {None})
