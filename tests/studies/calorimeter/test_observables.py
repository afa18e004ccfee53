from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from events import showers

from cloudchamber.schema import Table, take
from cloudchamber.studies.calorimeter.observables import (
    CELL_CLASSES,
    beams,
    centroid_residual,
    checks,
    half_width,
    high_level,
    log_energies,
    members,
    particle_energy_bins,
    response,
)
from cloudchamber.validate.check import CheckResult, run_checks

EVENTS = 3000


@pytest.fixture(scope="module")
def truths() -> tuple[Table, Table]:
    """Two samples of their own theta."""
    whole = showers(2 * EVENTS, seed=3)
    return take(whole, slice(0, EVENTS)), take(whole, slice(EVENTS, 2 * EVENTS))


def run(truth: Table, answer: Table, *words: str) -> list[CheckResult]:
    """The checks whose names hold one of ``words``."""
    chosen = [replace(check, bootstrap=0) for check in checks() if any(word in check.name for word in words)]
    return run_checks(chosen, truth, answer, None, seed=1)


def changed(table: Table, factor: np.ndarray | float) -> Table:
    return table | {"deposit_mev": (table["deposit_mev"] * np.reshape(factor, (-1, 1))).astype(np.float32)}


def stretched(table: Table, by: float) -> Table:
    """Fluctuations of the response about its mean made wider."""
    found = response(table)
    return changed(table, 1 + (by - 1) * (found - found.mean()) / found)


def test_an_exact_answer_passes(truths: tuple[Table, Table]) -> None:
    results = run(truths[0], truths[0], "separation", "mean", "sigma68", "share", "centroid")
    assert len(results) > 30
    assert all(result.value == 0 and result.passed for result in results)


def test_another_sample_is_near(truths: tuple[Table, Table]) -> None:
    for result in run(*truths, "separation"):
        # chance leaves sqrt(2 * 100 bins) / (2 * 3000 events) at most
        assert result.error < 0.0025 and abs(result.value) < 6.5 * result.error, result


@pytest.mark.parametrize("by", [0.9, 1.1])
def test_too_wide_and_too_narrow_responses_fail(truths: tuple[Table, Table], by: float) -> None:
    found = run(truths[0], stretched(truths[0], by), "sigma68 of the energy", "separation, total", "share below")
    widths = [result for result in found if result.name.startswith("sigma68")]
    # bins of energy have means of their own
    assert np.median([result.value for result in widths]) == pytest.approx(0.1, abs=0.03)
    assert not any(result.passed for result in widths)
    assert not any(result.passed for result in found if result.name.startswith("share"))


def test_a_wrong_calibration_fails(truths: tuple[Table, Table]) -> None:
    results = run(truths[0], changed(truths[0], 1.002), "mean energy")
    assert all(result.value == pytest.approx(0.002, rel=1e-3) and not result.passed for result in results)


def test_a_shuffled_array_fails_where_the_crystals_are_looked_at(truths: tuple[Table, Table]) -> None:
    order = np.random.default_rng(0).permutation(25)
    answer = truths[0] | {"deposit_mev": truths[0]["deposit_mev"][:, order]}
    results = {result.name: result for result in run(truths[0], answer, "separation", "mean energy", "centroid")}
    assert results["separation, total energy"].passed
    assert not any(results[f"separation, E of {name}"].passed for name in CELL_CLASSES)
    assert not results["separation, E1/E9"].passed and not results["centroid resolution"].passed


def test_a_classifier_tells_gflash_with_softer_crystals_but_not_itself(truths: tuple[Table, Table]) -> None:
    truth, second = (take(table, slice(0, 500)) for table in truths)
    answer = second | {"deposit_mev": (second["deposit_mev"] * np.where(second["deposit_mev"] < 20, 0.25, 1.0)).astype(np.float32)}
    chosen = [check for check in checks() if "AUC" in check.name]
    assert [check.limit for check in chosen] == [0.55, 0.53, 0.55, 0.53]
    floor, found = (run_checks(chosen[:1], truth, table, None, seed=1)[0] for table in (second, answer))
    assert abs(floor.value - 0.5) < 0.08 < 0.15 < found.value - 0.5


def test_groups_follow_the_beam(truths: tuple[Table, Table]) -> None:
    table = take(truths[0], slice(0, 60))
    assert list(beams(table)) == ["all"]
    bins = particle_energy_bins(table)
    assert "e-, 0.5 to 1 GeV" in bins
    assert np.sum(list(bins.values()), axis=0).tolist() == [1] * 60
    fixed = table | {"energy_mev": np.repeat(np.float32([500.0, 2000.0]), 30), "particle": np.zeros(60, int)}
    assert list(beams(fixed)) == list(particle_energy_bins(fixed)) == ["e-, 0.5 GeV", "e-, 2 GeV"]


def test_features_have_their_meaning() -> None:
    table = take(showers(), slice(0, 50))
    assert high_level(table).shape == (50, 11) and np.isfinite(high_level(table)).all()
    assert log_energies(table).min() == pytest.approx(-1.0)
    assert sum(len(members(5, offset)) for offset in CELL_CLASSES.values()) == 25
    assert members(5, (0, 0)).tolist() == [12] and members(5, (2, 2)).tolist() == [0, 4, 20, 24]
    assert half_width(centroid_residual(table)) < 30.0
    with pytest.raises(ValueError, match="n odd, not for 24 cells: use the protocol calochallenge"):
        high_level(table | {"deposit_mev": table["deposit_mev"][:, :24]})
