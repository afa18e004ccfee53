from __future__ import annotations

import pytest
import torch

from cloudchamber.nn.mlp import MLP


def test_zero_mlp_answers_zero_and_learns() -> None:
    torch.manual_seed(0)
    net = MLP(3, 2, hidden=16, layers=2, zero=True)
    x = torch.randn(64, 3)
    assert torch.equal(net(x), torch.zeros(64, 2))
    wanted = torch.stack((x[:, 0] * x[:, 1], x[:, 2].abs()), 1)
    optimiser = torch.optim.Adam(net.parameters(), 1e-2)
    for _ in range(300):
        optimiser.zero_grad()
        loss = (net(x) - wanted).square().mean()
        loss.backward()
        optimiser.step()
    assert loss.item() < 0.01 * wanted.var().item()


def test_events_are_independent() -> None:
    torch.manual_seed(0)
    net, x = MLP(3, 2), torch.randn(5, 3)
    torch.testing.assert_close(net(x)[2:3], net(x[2:3]))


def test_impossible_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="inputs, outputs and hidden >= 1"):
        MLP(0, 2)
