from __future__ import annotations

import pytest
import torch

from cloudchamber.models.vae import Vae
from cloudchamber.models.vae_networks import ConvEncoding


def test_convolutions_take_signal_and_condition_and_give_every_number() -> None:
    torch.manual_seed(0)
    networks = ConvEncoding(3, 10, width=8, stages=2, hidden=16)
    encoder, decoder = networks.encoder(30, 2, 6), networks.decoder(5, 30, 2)
    both = torch.randn(4, 32, requires_grad=True)
    out = encoder(both)
    out.sum().backward()
    assert out.shape == (4, 6) and both.grad is not None and bool((both.grad != 0).all())
    assert decoder(torch.randn(4, 5)).shape == (4, 60)
    with pytest.raises(ValueError, match="channels \\* length = 31"):
        networks.encoder(31, 2, 6)


def test_a_vae_of_a_signal_has_a_deviation_for_each_number() -> None:
    torch.manual_seed(0)
    model = Vae(latent=2, variance="event", networks=ConvEncoding(2, 8, width=4, stages=1, hidden=8)).build(16, 1)
    mean, log_deviation = model.decode(torch.randn(3, 2), torch.randn(3, 1))
    assert mean.shape == log_deviation.shape == (3, 16) and model.generate(torch.randn(3, 18), torch.randn(3, 1)).shape == (3, 16)
