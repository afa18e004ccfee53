from __future__ import annotations

import pytest
import torch
import toy

from cloudchamber.models.flow import Flow
from cloudchamber.models.gan import Gan
from cloudchamber.models.gan_networks import DenseNetworks
from cloudchamber.models.matching import Matching
from cloudchamber.models.stages import Stages

SMALL = Flow(transforms=3, bins=6, hidden=32, layers=1, affine=True)


def test_two_flows_know_the_joint_density() -> None:
    torch.manual_seed(0)
    model = Stages(SMALL, SMALL).build(2, 1)
    toy.train(model, 300, 1e-2)
    toy.check_samples(model, 0.14)
    assert toy.integral(model) == pytest.approx(1, abs=5e-3)
    target, given = toy.draw(2000, seed=10**6)
    with torch.no_grad():
        lost = toy.log_prob(target, given) - model(given).log_prob(target)
        assert lost.mean() < 0.03
        assert float(model.validation_loss(target, given)) == pytest.approx(-float(model(given).log_prob(target).mean()), abs=1e-5)


def test_each_stage_takes_its_turns_and_the_second_is_given_the_first() -> None:
    torch.manual_seed(0)
    model = Stages(SMALL, Gan(networks=DenseNetworks(hidden=16, layers=1), latent=3, critic_steps=2), split=2).build(5, 4)
    assert (model.target_size, model.given_size, model.noise_size) == (5, 4, 5)
    assert model.second.given_size == 6 and model.second.target_size == 3
    target, given = torch.randn(20, 5), torch.randn(20, 4)
    parts = [part for part, _ in model.losses(target, given)]
    assert parts == [model.first, model.second.critic, model.second.critic, model.second.generator]
    noise = torch.randn(20, 5)
    drawn = model.generate(noise, given)
    torch.testing.assert_close(drawn[:, :2], model.first.generate(noise[:, :2], given))
    torch.testing.assert_close(drawn[:, 2:], model.second.generate(noise[:, 2:], torch.cat((given, drawn[:, :2]), 1)))
    with pytest.raises(ValueError, match="no density"):
        model(given).log_prob(target)


def test_options_go_to_the_stages_that_have_them() -> None:
    torch.manual_seed(0)
    model = Stages(SMALL, Matching(hidden=16, layers=1)).build(3, 2)
    assert model.options == ("steps", "method", "tolerance")
    for parameter in model.parameters():
        parameter.data += 0.3 * torch.randn_like(parameter)
    noise, given = torch.randn(8, 3), torch.randn(8, 2)
    one, many = (model.generate(noise, given, steps=steps) for steps in (1, 8))
    torch.testing.assert_close(one[:, 0], many[:, 0])
    assert not torch.allclose(one[:, 1:], many[:, 1:], rtol=1e-3)


def test_a_split_that_leaves_a_stage_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="1 to 2 of the target's 3"):
        Stages(SMALL, SMALL, split=3).build(3, 1)
