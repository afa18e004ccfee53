"""The protocol of the CaloChallenge: two classifiers and the separation power of histograms, each beside the floor that truth reaches against truth.

Reference: Krause et al., arXiv:2410.21611, section 4.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from cloudchamber.schema import Table
from cloudchamber.statistics.measured import Measured
from cloudchamber.studies.calorimeter.challenge.classifier import ChallengeClassifier, Telling, tell_apart
from cloudchamber.studies.calorimeter.challenge.histograms import Observable, binning_of, histograms, separation
from cloudchamber.studies.calorimeter.challenge.inputs import high_level, low_level
from cloudchamber.studies.calorimeter.geometry import Crystals
from cloudchamber.studies.calorimeter.voxels import Voxels, find_dataset
from cloudchamber.validate.check import CheckResult

LEVELS = {"low": low_level, "high": high_level}
FLOOR = "truth itself"
NEEDED = ("energy_mev", "deposit_mev")
WHY_CLASSIFIER = "a network trained to tell answer from truth finds what no single observable shows"
WHY_SEPARATION = "the challenge's distance of two histograms: 0 where they are equal, 1 where they never overlap"


def calochallenge(
    truth: Table,
    answers: Mapping[str, Table],
    second_truth: Table,
    seed: int,
    told: Callable[[str], None] = lambda text: None,
    settings: ChallengeClassifier = ChallengeClassifier(),
) -> dict[str, list[CheckResult]]:
    """Results for each answer: AUC and JSD of the low- and the high-level classifier, separation powers of all observables; none has a limit.

    All tables hold equally many events, and row i of each may share theta. The geometry follows from the number of cells: a data set of the challenge, or a
    square array of crystals. The default network is the challenge's own: two of them for each answer and for the floor, hours without a GPU.
    """
    compared = {**answers, FLOOR: second_truth}
    for name, table in {"the truth": truth, **compared}.items():
        if missing := [column for column in NEEDED if column not in table]:
            raise ValueError(f"the CaloChallenge's protocol needs the columns {', '.join(NEEDED)}; {name} lacks '{missing[0]}', it has: {', '.join(table)}")
    geometry = geometry_of(np.shape(truth["deposit_mev"])[1])
    tellings: dict[tuple[str, str], Telling] = {}
    for level, inputs in LEVELS.items():
        true_rows = inputs(truth, truth, geometry)
        for name, table in compared.items():
            say = _prefixed(told, f"CaloChallenge, {level} level, {name}")
            tellings[level, name] = tell_apart(true_rows, inputs(table, truth, geometry), seed, settings, say)
    told("CaloChallenge, separation powers")
    edges = binning_of(truth, geometry)
    counts = histograms(truth, geometry, edges)
    separations = {name: _separations(counts, histograms(table, geometry, edges), seed) for name, table in compared.items()}
    return {
        name: [result for level in LEVELS for result in _classified(level, tellings[level, name], tellings[level, FLOOR])]
        + [_separated(which, value, separations[FLOOR][which]) for which, value in separations[name].items()]
        for name in answers
    }


def geometry_of(cells: int) -> Voxels | Crystals:
    """The data set of the challenge with so many voxels, else the square array of so many crystals; ValueError where there is neither."""
    voxels, side = find_dataset(cells), round(cells**0.5)
    if voxels is None and side**2 != cells:
        raise ValueError(f"{cells} cells are neither a data set of the CaloChallenge (368, 533, 6480 or 40500 voxels) nor a square array of crystals")
    return voxels or Crystals(n=side)


def _separations(truth: Mapping[Observable, np.ndarray], other: Mapping[Observable, np.ndarray], seed: int) -> dict[Observable, Measured]:
    return {which: separation(counts, other[which], seed) for which, counts in truth.items()}


def _classified(level: str, found: Telling, floor: Telling) -> list[CheckResult]:
    measures = (("AUC", "", found.auc, floor.auc), ("JSD", "bit", found.jsd, floor.jsd))
    return [_result(f"{level}-level {name}", "", value, least, unit, WHY_CLASSIFIER) for name, unit, value, least in measures]


def _separated(which: Observable, value: Measured, floor: Measured) -> CheckResult:
    return _result(f"separation of {which.name}", which.layer, value, floor, "", WHY_SEPARATION)


def _result(name: str, group: str, value: Measured, floor: Measured, unit: str, why: str) -> CheckResult:
    return CheckResult(f"CaloChallenge: {name}", group, value.value, value.error, floor.value, None, None, unit, why)


def _prefixed(told: Callable[[str], None], prefix: str) -> Callable[[str], None]:
    return lambda text: told(f"{prefix}: {text}")
