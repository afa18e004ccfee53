from __future__ import annotations

import pytest
import torch
from torch import Tensor

from cloudchamber.models.base import Distribution, fixed_noise, normal_log_prob


class Shifted(Distribution):
    """Noise moved by one."""

    def sample(self, noise: Tensor) -> Tensor:
        return noise + 1


def test_a_distribution_that_only_samples_says_so() -> None:
    with pytest.raises(ValueError, match="Shifted has no density"):
        Shifted().log_prob(torch.zeros(1, 1))
    with pytest.raises(ValueError, match="Shifted has no closed mean"):
        Shifted().mean()


def test_normal_log_prob_is_torchs() -> None:
    values = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(normal_log_prob(values), torch.distributions.Normal(0.0, 1.0).log_prob(values).sum(1))


def test_fixed_noise_stays_and_leaves_the_global_state_alone() -> None:
    like = torch.zeros(4, 9, dtype=torch.float64)
    state = torch.get_rng_state()
    noise = fixed_noise(like, 2)
    assert noise.shape == (4, 2) and noise.dtype == torch.float64
    assert torch.equal(noise, fixed_noise(like, 2)) and not torch.equal(noise, fixed_noise(like, 2, seed=1))
    assert torch.equal(state, torch.get_rng_state())
