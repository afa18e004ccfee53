"""The networks of a GAN: what fits the target, and what they take."""

from __future__ import annotations

import pytest
import torch

from cloudchamber.models.gan import Gan
from cloudchamber.models.gan_networks import ConvNetworks, DenseNetworks, ImageNetworks


def test_a_wrong_layout_is_refused() -> None:
    with pytest.raises(ValueError, match=r"between 1 and the target's 20 numbers, got 3 \* 7"):
        Gan(networks=ConvNetworks(channels=3, length=7)).build(20, 1)
    with pytest.raises(ValueError, match=r"channels \* length = 20, the target's numbers, got 1 \* 16"):
        Gan(networks=ImageNetworks(length=16)).build(20, 1)


@pytest.mark.parametrize("networks", [DenseNetworks(8, 1), ConvNetworks(2, 9, width=4, stages=2, hidden=8), ImageNetworks(5, 4, width=4, hidden=8)])
def test_the_critic_sees_every_number_of_target_and_given(networks: DenseNetworks | ConvNetworks | ImageNetworks) -> None:
    torch.manual_seed(0)
    networks.check(20)
    critic = networks.critic(20, 3)
    target, given = torch.randn(6, 20, requires_grad=True), torch.randn(6, 3, requires_grad=True)
    score = networks.score(critic, target, given)
    assert score.shape == (6,)
    slopes = torch.autograd.grad(score.sum(), (target, given))
    assert all(bool((slope.abs().sum(0) > 0).all()) for slope in slopes)
    # each event is judged on its own
    alone = networks.score(critic, target[2:3], given[2:3])
    torch.testing.assert_close(alone, score[2:3])


def test_injected_noise_changes_what_is_drawn() -> None:
    torch.manual_seed(0)
    networks = ConvNetworks(2, 9, width=4, stages=2, hidden=8, noise_injection=True)
    generator, code = networks.generator(5, 20), torch.randn(4, 5)
    size = networks.injected(generator)
    assert size > 0 and networks.injected(ConvNetworks(2, 9, width=4, stages=2, hidden=8).generator(5, 20)) == 0
    assert networks.draw(generator, code, torch.randn(4, size)).shape == (4, 20)
