from __future__ import annotations

import pytest
import torch

from cloudchamber.nn.scale import Standardise


def test_fit_gives_zero_mean_and_unit_deviation_and_comes_back() -> None:
    torch.manual_seed(0)
    values = torch.randn(1000, 3) * torch.tensor([1e-3, 1.0, 1e5]) + torch.tensor([5.0, 0.0, 1e6])
    scale = Standardise(3)
    scale.fit(values)
    scaled = scale(values)
    torch.testing.assert_close(scaled.mean(0), torch.zeros(3), atol=1e-3, rtol=0)
    torch.testing.assert_close(scaled.std(0), torch.ones(3), atol=2e-3, rtol=0)
    torch.testing.assert_close(scale.inverse(scaled), values)
    torch.testing.assert_close(scale.log_det(), -values.std(0).log().sum(), atol=5e-3, rtol=0)


def test_a_constant_entry_is_only_centred() -> None:
    scale = Standardise(2)
    scale.fit(torch.tensor([[0.1, 1.0]] * 3 + [[0.1, 2.0]]))
    assert scale.deviation[0] == 1
    torch.testing.assert_close(scale(torch.tensor([[0.1, 1.25]])), torch.zeros(1, 2))


def test_the_state_travels_with_the_weights() -> None:
    first, second = Standardise(1), Standardise(1)
    first.fit(torch.tensor([[1.0], [3.0]]))
    second.load_state_dict(first.state_dict())
    assert second(torch.tensor([[3.0]])).item() == 1.0


def test_wrong_shape_is_refused() -> None:
    with pytest.raises(ValueError, match=r"shape \(events, 2\)"):
        Standardise(2).fit(torch.zeros(4, 3))
