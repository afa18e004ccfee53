import math
from itertools import pairwise

import pytest
import torch

from cloudchamber.train.schedule import learning_rate_factor


def curve(schedule, steps, warmup=0.0):
    return [learning_rate_factor(schedule, step, steps, warmup) for step in range(steps)]


def test_constant_and_its_warm_up():
    assert curve("constant", 5) == [1.0] * 5
    assert curve("constant", 6, 4) == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]


def test_cosine_is_that_of_torch():
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimiser = torch.optim.SGD([parameter], lr=1.0)
    torchs = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, T_max=20)
    for factor in curve("cosine", 20):
        assert factor == pytest.approx(torchs.get_last_lr()[0], abs=1e-6)
        optimiser.step()
        torchs.step()
    warm = curve("cosine", 20, 5)
    assert warm[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert warm[5:] == pytest.approx(curve("cosine", 15))


def test_onecycle_rises_and_falls():
    factors = curve("onecycle", 100)
    peak = factors.index(max(factors))
    assert peak in (29, 30)
    assert max(factors) == pytest.approx(1, abs=1e-3)
    assert factors[0] < 0.05
    assert factors[-1] < 1e-3
    assert all(before < after for before, after in pairwise(factors[:30]))
    assert all(before > after for before, after in pairwise(factors[30:]))
    assert curve("onecycle", 100, 60).index(1.0) in (59, 60)


def test_bad_steps_are_named():
    with pytest.raises(ValueError, match="step 10 is outside the 10 steps"):
        learning_rate_factor("cosine", 10, 10)
    with pytest.raises(ValueError, match="warm-up must last between 0 and all 10 steps, got 11"):
        learning_rate_factor("cosine", 0, 10, 11)
    with pytest.raises(ValueError, match="unknown schedule 'linear'"):
        learning_rate_factor("linear", 0, 10)
    assert all(math.isfinite(factor) for factor in curve("cosine", 10, 10))
