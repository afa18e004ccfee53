from __future__ import annotations

import numpy as np
import pytest

from cloudchamber.schema import Table
from cloudchamber.studies.calorimeter.challenge.classifier import ChallengeClassifier
from cloudchamber.studies.calorimeter.challenge.protocol import calochallenge, geometry_of
from cloudchamber.studies.calorimeter.geometry import Crystals
from cloudchamber.studies.calorimeter.voxels import DATASET_2
from cloudchamber.validate.check import CheckResult

SMALL = ChallengeClassifier(width=48, hidden_layers=1, learning_rate=3e-3, batch_size=200, epochs=8)
AUC_ERROR = (1001 / (12 * 500 * 500)) ** 0.5
"""Of a classifier that tells nothing, on a fifth of 2500 events of each kind."""


def showers(seed: int, events: int = 2500, width: float = 0.05, cells: int = 25) -> Table:
    """Energy shared out by a Dirichlet distribution, at energies and impact points that all seeds share."""
    beam, random = np.random.default_rng(0), np.random.default_rng(seed)
    energy = np.exp(beam.uniform(np.log(200), np.log(5000), events))
    seen = 0.95 * np.exp(width * random.standard_normal(events))
    shares = random.dirichlet(np.full(cells, 0.5), events)
    return {"energy_mev": energy, "impact_x_mm": beam.uniform(-30, 30, events), "deposit_mev": (shares * (seen * energy)[:, None]).astype(np.float32)}


@pytest.fixture(scope="module")
def found() -> dict[str, list[CheckResult]]:
    return calochallenge(showers(1), {"exact": showers(2), "wide": showers(3, width=0.1)}, showers(4), 5, settings=SMALL)


def named(results: list[CheckResult], name: str) -> CheckResult:
    [result] = [result for result in results if result.name == f"CaloChallenge: {name}"]
    return result


def test_an_exact_answer_is_as_good_as_the_floor(found: dict[str, list[CheckResult]]) -> None:
    for level in ("low", "high"):
        result = named(found["exact"], f"{level}-level AUC")
        assert abs(result.value - 0.5) < 4 * result.error and abs(result.floor - 0.5) < 4 * AUC_ERROR
    ratio = named(found["exact"], "separation of total over incident energy")
    assert abs(ratio.value - ratio.floor) < 6 * ratio.error


def test_a_wide_answer_is_told_apart(found: dict[str, list[CheckResult]]) -> None:
    result = named(found["wide"], "high-level AUC")
    assert result.value > 0.5 + 5 * result.error and result.floor < 0.5 + 4 * AUC_ERROR
    divergence = named(found["wide"], "high-level JSD")
    assert divergence.value > divergence.floor + 2 * divergence.error
    ratio = named(found["wide"], "separation of total over incident energy")
    assert ratio.value > ratio.floor + 5 * ratio.error
    same = named(found["wide"], "separation of E1/E9")
    assert abs(same.value - same.floor) < 6 * same.error


def test_results_have_no_limit_and_answers_share_the_floor(found: dict[str, list[CheckResult]]) -> None:
    assert list(found) == ["exact", "wide"]
    assert all(result.limit is None and result.passed is None and result.why for results in found.values() for result in results)
    assert [result.floor for result in found["exact"]] == [result.floor for result in found["wide"]]
    assert len({(result.name, result.group) for result in found["wide"]}) == len(found["wide"]) == 4 + 12


def test_voxels_and_progress() -> None:
    told: list[str] = []
    few = ChallengeClassifier(width=8, hidden_layers=1, batch_size=40, epochs=2)
    first, second, third = (showers(seed, 40, cells=6480) for seed in (1, 2, 3))
    [results] = calochallenge(first, {"mine": second}, third, 5, told.append, few).values()
    assert named(results, "low-level AUC").error > 0 and sum(result.group == "layer 44" for result in results) == 6
    assert told[0].startswith("CaloChallenge, low level, mine: epoch 1 of 2") and len(told) == 2 * 2 * 2 + 1


def test_the_cells_tell_the_geometry() -> None:
    assert geometry_of(6480) is DATASET_2 and geometry_of(9) == Crystals(n=3)
    with pytest.raises(ValueError, match="50 cells are neither a data set of the CaloChallenge"):
        geometry_of(50)
    with pytest.raises(ValueError, match="needs the columns energy_mev, deposit_mev; mine lacks 'energy_mev', it has: deposit_mev"):
        calochallenge(showers(1, 20), {"mine": {"deposit_mev": np.zeros((20, 25))}}, showers(2, 20), 1)
