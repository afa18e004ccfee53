"""Candidates and verdicts as flat numbers, and back."""

from __future__ import annotations

import pytest
import torch

from cloudchamber.nn.tensors import to_tensors
from cloudchamber.rng import rng
from cloudchamber.studies.bolometer.glitches.codec import GIVEN, TARGET, Candidates, Verdicts
from cloudchamber.studies.bolometer.glitches.columns import SCHEMA
from cloudchamber.studies.bolometer.glitches.view import GlitchView

THETA, X = GlitchView().joint(200, rng(1))
GIVEN_COLUMNS, TARGET_COLUMNS = SCHEMA.select(GIVEN), SCHEMA.select(TARGET)
SEEN = to_tensors({name: X[name] for name in GIVEN}, GIVEN_COLUMNS)
TRUE = to_tensors({name: THETA[name] for name in TARGET}, TARGET_COLUMNS)


def test_a_verdict_survives_the_way_there_and_back() -> None:
    codec = Verdicts().build(TARGET_COLUMNS)
    codec.fit(TRUE, SEEN)
    flat = codec.encode(TRUE, SEEN)
    assert flat.shape == (200, 6) and torch.allclose(flat[:, 4:].std(0, correction=0), torch.ones(2), atol=1e-3)
    back = codec.decode(flat, SEEN)
    assert torch.equal(back["glitch"], TRUE["glitch"])
    assert torch.allclose(back["lag_s"], TRUE["lag_s"], atol=1e-6) and torch.allclose(back["height_w"].float(), TRUE["height_w"], rtol=1e-4, atol=0)


def test_the_density_is_that_of_the_columns() -> None:
    codec = Verdicts().build(TARGET_COLUMNS)
    codec.fit(TRUE, SEEN)
    step = 1e-3
    shifted = {**TRUE, "lag_s": TRUE["lag_s"] + step / 180, "height_w": TRUE["height_w"] * (1 + step)}
    slope = (codec.encode(shifted, SEEN) - codec.encode(TRUE, SEEN))[:, 4:].double()
    numeric = slope.prod(1).log() - torch.log(step / 180 * step * TRUE["height_w"].double())
    assert torch.allclose(numeric.float(), codec.log_det(TRUE, SEEN), atol=0.02)


def test_candidates_are_of_order_one() -> None:
    codec = Candidates().build(GIVEN_COLUMNS)
    codec.fit(SEEN, {})
    flat = codec.encode(SEEN, {})
    assert flat.shape == (200, codec.size) and bool(torch.isfinite(flat).all()) and float(flat.abs().max()) <= 20
    for call in (lambda: codec.decode(flat, {}), lambda: codec.log_det(SEEN, {})):
        with pytest.raises(ValueError, match="what is given"):
            call()


def test_other_columns_are_refused() -> None:
    for settings in (Candidates(), Verdicts()):
        with pytest.raises(ValueError, match="this codec maps the columns"):
            settings.build(SCHEMA.select(("glitch",)))
