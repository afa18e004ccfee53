"""Whole numbers spread over normal ones: exact shares, and exactly back."""

from __future__ import annotations

import pytest
import torch
from scipy import stats

from cloudchamber.nn.whole import LARGEST, WholeNumbers, places


def learned(values: torch.Tensor) -> WholeNumbers:
    whole = WholeNumbers(values.shape[1])
    whole.fit(values)
    return whole


def test_values_come_back_and_normal_noise_gives_their_shares() -> None:
    generator = torch.Generator().manual_seed(1)
    counts = torch.stack((torch.poisson(torch.full((20_000,), 3.0), generator=generator), torch.randint(0, 2, (20_000,), generator=generator) - 5.0), 1)
    whole = learned(counts)
    within = torch.rand(counts.shape, generator=generator)
    normal = whole.encode(counts, within)
    assert torch.equal(whole.decode(normal), counts)
    for entry in range(2):
        assert stats.kstest(normal[:, entry].numpy(), "norm").pvalue > 1e-6
    drawn = whole.decode(torch.randn(20_000, 2, generator=generator))
    for entry in range(2):
        seen = [torch.bincount((numbers[:, entry] + 5).long(), minlength=12)[:12].numpy() for numbers in (drawn, counts)]
        keep = seen[1] > 20
        assert stats.chi2_contingency([seen[0][keep], seen[1][keep]]).pvalue > 1e-6
    assert whole.log_share(torch.tensor([[3.0, -5.0]])).exp()[0].tolist() == pytest.approx([0.224, 0.5], abs=0.015)
    assert whole.log_share(torch.tensor([[99.0, -7.0]])).exp().sum() == 0


def test_more_values_than_steps() -> None:
    generator = torch.Generator().manual_seed(2)
    wide = torch.poisson(torch.full((5000, 1), 1e6), generator=generator) * 10
    whole = learned(wide)
    back = whole.decode(whole.encode(wide, torch.rand(wide.shape, generator=generator)))
    # float32 cannot tell neighbours apart where they are rare
    assert (back - wide).abs().max() < 0.01 * wide.std()
    assert bool((whole.decode(torch.randn(5000, 1, generator=generator)) % 1 == 0).all()) and LARGEST == 16_777_216


def test_a_sum_over_too_many_numbers_is_refused() -> None:
    assert places(1).shape == (64, 1) and places(2).shape == (256, 2)
    with pytest.raises(ValueError, match="at most 4 whole numbers an event, there are 5"):
        places(5)
