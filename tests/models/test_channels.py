from __future__ import annotations

import pytest
import torch
import toy

from cloudchamber.models.channels import Channels
from cloudchamber.models.flow import Flow
from cloudchamber.models.gan import Gan
from cloudchamber.models.gan_networks import DenseNetworks
from cloudchamber.models.matching import Matching


def test_channels_are_draws_of_their_own_from_one_model() -> None:
    torch.manual_seed(0)
    model = Channels(Matching(hidden=16, layers=1), 3).build(6, 1)
    assert (model.target_size, model.given_size, model.noise_size, model.options) == (6, 1, 6, ("steps", "method", "tolerance"))
    noise, given = torch.randn(5, 6), torch.randn(5, 1)
    drawn = model.generate(noise, given, steps=2)
    for channel in range(3):
        part = slice(2 * channel, 2 * channel + 2)
        torch.testing.assert_close(drawn[:, part], model.model.generate(noise[:, part], given, steps=2))


def test_their_densities_and_losses_are_those_of_events() -> None:
    torch.manual_seed(0)
    model = Channels(Flow(transforms=2, bins=4, hidden=16, layers=1), 2).build(4, 1)
    (one, given), (two, _) = toy.draw(30, seed=1), toy.draw(30, seed=2)
    both = torch.cat((one, two), 1)
    with torch.no_grad():
        torch.testing.assert_close(model(given).log_prob(both), model.model(given).log_prob(one) + model.model(given).log_prob(two))
        apart = 0.5 * (model.model.validation_loss(one, given) + model.model.validation_loss(two, given))
        torch.testing.assert_close(model.validation_loss(both, given), apart)
        [(part, loss)] = model.losses(both, given)
    assert part is model.model
    torch.testing.assert_close(loss, apart)


def test_a_gan_takes_its_turns_and_lengths_must_fit() -> None:
    model = Channels(Gan(networks=DenseNetworks(hidden=8, layers=1), latent=3, critic_steps=2), 2).build(10, 1)
    parts = [part for part, _ in model.losses(torch.randn(8, 10), torch.randn(8, 1))]
    assert parts == [model.model.critic, model.model.critic, model.model.generator] and model.noise_size == 6
    for channels in (0, 3):
        with pytest.raises(ValueError, match=f"10 numbers are no {channels} channels"):
            Channels(Matching(), channels).build(10, 1)
