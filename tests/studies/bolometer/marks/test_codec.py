"""Columns of hits as flat numbers, and back."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cloudchamber.nn.tensors import to_tensors
from cloudchamber.rng import rng
from cloudchamber.studies.bolometer.detector import PLANCK, Detector
from cloudchamber.studies.bolometer.marks.codec import KNOWN, MARKS, Marks
from cloudchamber.studies.bolometer.marks.layout import Layout
from cloudchamber.studies.bolometer.views.hits import HitsView

LAYOUT = Layout.of(Detector())


def test_marks_survive_and_deposits_are_normal_numbers() -> None:
    view = HitsView(shares=(1.0, 1.0))
    theta = view.prior(6000, rng(1))
    x = view.simulate(theta, rng(2))
    given, columns = to_tensors(theta, view.schema.theta), to_tensors(x, view.schema.select(MARKS))
    codec = Marks(LAYOUT).build(view.schema.select(MARKS))
    codec.fit(columns, given)
    flat = codec.encode(columns, given)
    assert flat.shape == (6000, codec.size) and codec.size == KNOWN + 12 * 4
    for code in (0, 1):
        deposit = flat[given["family"] == code, KNOWN - 1]
        assert deposit.mean().abs() < 0.05 and deposit.std() == pytest.approx(1.0, abs=0.05)
    back = codec.decode(flat, given)
    for name in MARKS:
        scale = 1.0 if name not in ("x_mm", "y_mm") else 100.0
        np.testing.assert_allclose(back[name].numpy() / scale, columns[name].numpy() / scale, rtol=2e-4, atol=0 if name == "amplitude_w" else 2e-5)
    with pytest.raises(ValueError, match="no joint density"):
        codec.log_det(columns, given)


def test_bolometers_without_a_pulse_have_none() -> None:
    view = HitsView(detector=PLANCK)
    theta = view.prior(500, rng(1))
    x = view.simulate(theta, rng(2))
    given, columns = to_tensors(theta, view.schema.theta), to_tensors(x, view.schema.select(MARKS))
    codec = Marks(Layout.of(PLANCK)).build(view.schema.select(MARKS))
    codec.fit(columns, given)
    back = codec.decode(codec.encode(columns, given), given)
    none = columns["amplitude_w"] == 0
    assert none.any() and torch.equal(back["amplitude_w"] == 0, none) and not back["weight"][none].any()


def test_other_columns_and_detectors_are_refused() -> None:
    schema = HitsView(detector=PLANCK).schema
    with pytest.raises(ValueError, match="these hits are of 2 bolometers, the layout 3 x 4"):
        Marks(LAYOUT).build(schema.select(MARKS))
    with pytest.raises(ValueError, match="a hit's marks are waiting_time_s, x_mm"):
        Marks(LAYOUT).build(schema.select(MARKS[1:]))
