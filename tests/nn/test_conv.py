from __future__ import annotations

import pytest
import torch

from cloudchamber.nn.conv import ConvCritic, ConvGenerator


@pytest.mark.parametrize("dense", [False, True])
@pytest.mark.parametrize("noise_injection", [False, True])
@pytest.mark.parametrize(("length", "scalars"), [(11, 0), (16, 3)])
def test_generator_and_critic_fit_together(length: int, scalars: int, noise_injection: bool, dense: bool) -> None:
    torch.manual_seed(0)
    generator = ConvGenerator(6, 2, length, scalars, width=8, stages=2, hidden=16, noise_injection=noise_injection, dense=dense)
    critic = ConvCritic(2, length, scalars + 1, width=8, stages=2, hidden=16, dense=dense)
    assert generator.noise_size == (8 + 16 if length == 16 else 6 + 12) * noise_injection
    flat = generator(torch.randn(5, 6), torch.randn(5, generator.noise_size))
    assert flat.shape == (5, 2 * length + scalars)
    score = critic(flat[:, : 2 * length].unflatten(1, (2, length)), torch.randn(5, scalars + 1))
    assert score.shape == (5, 1)
    score.sum().backward()
    # a mean over a softmax-free last layer reaches every parameter
    assert all(p.grad is not None and bool(torch.isfinite(p.grad).all()) for p in generator.parameters())
    assert all(p.grad is not None for p in critic.parameters())


def test_injected_noise_moves_the_signal_once_its_scale_does() -> None:
    torch.manual_seed(0)
    generator = ConvGenerator(4, 1, 8, 0, width=8, stages=2, hidden=16, noise_injection=True)
    code = torch.randn(3, 4)
    quiet, loud = torch.zeros(3, generator.noise_size), torch.randn(3, generator.noise_size)
    assert torch.equal(generator(code, quiet), generator(code, loud))
    with torch.no_grad():
        generator.noises[0].scale.fill_(0.5)
    assert not torch.allclose(generator(code, quiet), generator(code, loud))


def test_the_critic_sees_each_extra_number_and_each_place_of_the_signal() -> None:
    torch.manual_seed(0)
    critic = ConvCritic(2, 13, 2, width=8, stages=3, hidden=16, dense=True)
    signal, extra = torch.randn(4, 2, 13, requires_grad=True), torch.randn(4, 2, requires_grad=True)
    critic(signal, extra).sum().backward()
    assert signal.grad is not None and bool((signal.grad.abs() > 0).all())
    assert extra.grad is not None and bool((extra.grad.abs() > 0).all())
