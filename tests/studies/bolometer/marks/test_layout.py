"""Places as normal numbers, and back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from cloudchamber.rng import rng
from cloudchamber.studies.bolometer.columns import FAMILIES
from cloudchamber.studies.bolometer.detector import Detector
from cloudchamber.studies.bolometer.marks.layout import Layout, Place, rank
from cloudchamber.studies.bolometer.views.hits import HitsView
from cloudchamber.studies.bolometer.wafer.phonons import distances_mm

LAYOUT = Layout.of(Detector())


def test_places_survive_and_are_normal_numbers() -> None:
    view = HitsView(shares=(1.0, 1.0))
    theta = view.prior(4000, rng(1))
    x = view.simulate(theta, rng(2))
    family = torch.nn.functional.one_hot(torch.from_numpy(theta["family"]), len(FAMILIES)).float()
    place = Place(*(torch.from_numpy(np.asarray(x[name], np.float32)) for name in ("x_mm", "y_mm", "bolometer")))
    normal = LAYOUT.normal(place, family)
    assert bool((normal.mean(0).abs() < 0.09).all()) and bool(((normal.std(0) - 1).abs() < 0.07).all())
    back = LAYOUT.place(normal, family)
    np.testing.assert_array_equal(back.bolometer, place.bolometer)
    for one, two in zip(back[:2], place[:2], strict=True):
        np.testing.assert_allclose(one, two, atol=2e-3)
    np.testing.assert_allclose(LAYOUT.distances_mm(place), distances_mm(x["x_mm"], x["y_mm"], Detector().wafer.places_mm), atol=1e-4)
    np.testing.assert_allclose(LAYOUT.depth(place), 1 - np.maximum(np.abs(x["x_mm"]), np.abs(x["y_mm"])) / 50, atol=1e-6)


def test_ranks_are_the_normal_distribution_s() -> None:
    assert rank(torch.tensor([0.0, 1.959964])).tolist() == pytest.approx([0.5, 0.975], abs=1e-6)


def test_layouts_that_are_none_are_refused() -> None:
    with pytest.raises(ValueError, match="a layout needs rows, columns and a pitch above 0, got 0, 4 and 10 mm"):
        replace(LAYOUT, rows=0)
    with pytest.raises(ValueError, match="sides_mm: needs one above 0 for each of wafer, absorber"):
        replace(LAYOUT, sides_mm=(1.0,))
