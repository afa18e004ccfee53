"""Numbers that are noise already, beside a model of the others."""

from __future__ import annotations

import pytest
import torch

from cloudchamber.models.base import normal_log_prob
from cloudchamber.models.flow import Flow
from cloudchamber.models.heads import Mixture
from cloudchamber.models.matching import Matching
from cloudchamber.models.white import White

SMALL = Flow(transforms=2, bins=4, hidden=16, layers=1)


def test_the_first_numbers_are_the_model_s_and_the_others_their_noise() -> None:
    torch.manual_seed(0)
    model = White(Mixture(2, hidden=8, layers=1), split=2).build(5, 3)
    assert (model.target_size, model.given_size, model.noise_size) == (5, 3, 6)
    noise, given = torch.randn(10, 6), torch.randn(10, 3)
    drawn = model.generate(noise, given)
    torch.testing.assert_close(drawn[:, :2], model.model.generate(noise[:, :3], given))
    assert torch.equal(drawn[:, 2:], noise[:, 3:])


def test_losses_and_density_are_the_model_s_and_that_of_noise() -> None:
    torch.manual_seed(0)
    model = White(SMALL, split=2).build(5, 3)
    target, given = torch.randn(10, 5), torch.randn(10, 3)
    [(part, loss)] = list(model.losses(target, given))
    own = model.model(given).log_prob(target[:, :2])
    assert part is model.model
    torch.testing.assert_close(loss, -own.mean())
    torch.testing.assert_close(model.validation_loss(target, given), loss)
    torch.testing.assert_close(model(given).log_prob(target), own + normal_log_prob(target[:, 2:]))


def test_options_are_the_model_s_and_a_model_that_calibrates_gets_its_own_numbers() -> None:
    torch.manual_seed(0)
    assert White(Matching(hidden=8, layers=1), split=2).build(5, 3).options == ("steps", "method", "tolerance")
    model = White(Mixture(1, "constant", hidden=8, layers=1, tails=True), split=2).build(5, 3)
    noise, given = torch.randn(2000, model.noise_size), torch.randn(2000, 3)
    before = model.generate(noise, given)[:, :2].std()
    model.calibrate([(4 * torch.randn(2000, 5), given)])
    assert model.generate(noise, given)[:, :2].std() > 2 * before


@pytest.mark.parametrize("split", [0, 5])
def test_a_split_that_leaves_one_side_nothing_is_refused(split: int) -> None:
    with pytest.raises(ValueError, match="1 to 4 of the target's 5"):
        White(SMALL, split).build(5, 3)
