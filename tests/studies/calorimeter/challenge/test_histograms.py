from __future__ import annotations

import numpy as np
import pytest

from cloudchamber.schema import Table
from cloudchamber.studies.calorimeter.challenge.histograms import CELLS, RATIO, Observable, binning_of, histograms, observables, separation
from cloudchamber.studies.calorimeter.geometry import Crystals
from cloudchamber.studies.calorimeter.voxels import DATASET_1_PIONS, DATASET_2


def showers(seed: int, cells: int, events: int = 40) -> Table:
    random = np.random.default_rng(seed)
    return {"energy_mev": random.uniform(1e3, 1e4, events), "deposit_mev": random.exponential(3.0, (events, cells)) * (random.random((events, cells)) < 0.3)}


def test_what_the_challenge_histograms() -> None:
    table = showers(1, 6480)
    found, edges = observables(table, DATASET_2), binning_of(table, DATASET_2)
    assert len(found) == 2 + 6 * 45
    np.testing.assert_allclose(found[RATIO], table["deposit_mev"].sum(axis=1) / table["energy_mev"])
    np.testing.assert_allclose(found[Observable("layer energy", "layer 3")], table["deposit_mev"][:, 432:576].sum(axis=1))
    assert len(edges[RATIO]) == 101 and (edges[RATIO][0], edges[RATIO][-1]) == (0.5, 1.5)
    centre = edges[Observable("centre in eta", "layer 44")]
    assert len(centre) == 101 and (centre[0], centre[-1]) == (-30, 30)
    assert edges[CELLS][0] == pytest.approx(0.015, rel=0.02) and found[CELLS].min() > edges[CELLS][0]


def test_only_layers_with_angles_have_eta_and_phi() -> None:
    table = showers(1, 533)
    found, edges = observables(table, DATASET_1_PIONS), binning_of(table, DATASET_1_PIONS)
    assert {which.layer for which in found if which.name == "width in phi"} == {f"layer {number}" for number in (1, 2, 12, 13)}
    assert {which.layer for which in found if which.name == "layer energy"} == {f"layer {number}" for number in (0, 1, 2, 3, 12, 13, 14)}
    assert edges[Observable("centre in phi", "layer 12")][-1] == 500 and edges[Observable("centre in phi", "layer 2")][-1] == 100


@pytest.mark.parametrize(("geometry", "cells"), [(Crystals(), 25), (DATASET_2, 6480)])
def test_every_event_falls_in_a_bin(geometry: Crystals, cells: int) -> None:
    truth, other = showers(1, cells), showers(2, cells, 60)
    counts = histograms(other, geometry, binning_of(truth, geometry))
    assert all(values.sum() == 60 for which, values in counts.items() if which != CELLS)


def test_empty_showers_have_histograms_too() -> None:
    truth = {"energy_mev": np.ones(20), "deposit_mev": np.zeros((20, 25))}
    counts = histograms(truth, Crystals(), binning_of(truth, Crystals()))
    assert counts[CELLS].sum() == 0 and all(separation(values, values, 1).value == 0 for values in counts.values())


def test_separation_and_its_error() -> None:
    assert separation(np.array([5, 0]), np.array([0, 9]), 1) == (1, 0)
    random = np.random.default_rng(1)
    p, q = np.array([0.1, 0.2, 0.3, 0.4]), np.array([0.2, 0.3, 0.3, 0.2])
    exact = 0.5 * np.sum((p - q) ** 2 / (p + q))
    found = [separation(random.multinomial(2000, p), random.multinomial(2000, q), seed) for seed in range(200)]
    values = np.array([each.value for each in found])
    assert abs(values.mean() - exact) < 0.002
    assert np.mean([each.error for each in found]) == pytest.approx(values.std(), rel=0.2)
