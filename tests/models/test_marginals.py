from __future__ import annotations

import numpy as np
import torch
from scipy.stats import norm

from cloudchamber.models.heads import Gaussian, Mixture
from cloudchamber.models.labelled import LabelledMixture
from cloudchamber.models.marginals import Marginals


def test_quantiles_and_densities_of_gaussians() -> None:
    found = Marginals(torch.zeros(2, 1), torch.tensor([[[1.0, -2.0]], [[0.0, 1e6]]]), torch.tensor([[[2.0, 0.5]], [[1.0, 1e3]]]))
    for level in (0.001, 0.16, 0.5, 0.84):
        expected = norm.ppf(level, [[1, -2], [0, 1e6]], [[2, 0.5], [1, 1e3]])
        np.testing.assert_allclose(found.quantile(level).numpy(), expected, rtol=1e-6, atol=1e-6)
    values = torch.tensor([[[0.0, 0.0], [0.0, 0.0]], [[1.0, -2.0], [1.0, 1e6]]], dtype=torch.float64)
    ratio = found.density(values)[0] / found.density(values)[1]
    np.testing.assert_allclose(ratio[0].numpy(), norm.pdf([0, 0], [1, -2], [2, 0.5]) / norm.pdf([1, -2], [1, -2], [2, 0.5]), rtol=1e-6)


def test_each_number_of_a_mixture_by_itself() -> None:
    torch.manual_seed(1)
    given = torch.randn(3, 4)
    for settings, first in ((Mixture(4), 0), (Gaussian(), 0), (LabelledMixture(2, 3), 2)):
        model = settings.build(4, 4).eval()
        with torch.no_grad():
            said = model(given.repeat(20_000, 1))
            drawn = said.sample(torch.randn(60_000, model.noise_size)).reshape(20_000, 3, 4)
            found = model(given).marginals()
        assert found is not None
        for level in (0.16, 0.84):
            below = (drawn[..., first:] < found.quantile(level)[:, first:]).double().mean(0)
            np.testing.assert_allclose(below.numpy(), level, atol=0.015)


def test_tails_are_no_gaussians() -> None:
    model = Mixture(2, tails=True).build(2, 1).eval()
    assert model(torch.zeros(1, 1)).marginals() is None
