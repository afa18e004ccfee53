from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import chisquare

from cloudchamber.models.pixels import PixelClasses


def test_each_place_is_told_from_its_own_channels() -> None:
    torch.manual_seed(0)
    model = PixelClasses(classes=3, hidden=4).build(5 * 3, 2 * 5)
    given = torch.randn(7, 10)
    probability = model(given).probabilities()
    assert probability.shape == (7, 5, 3) and torch.allclose(probability.sum(-1), torch.ones(7, 5))
    # channels first: place 2 has the numbers 2 and 7
    other = given.clone()
    other[:, [2, 7]] += 1.0
    changed = (model(other).probabilities() - probability).abs().amax((0, 2)) > 1e-6
    assert changed.tolist() == [False, False, True, False, False]


def test_draws_follow_the_probabilities_and_have_their_density() -> None:
    torch.manual_seed(1)
    model = PixelClasses(classes=3).build(2 * 3, 2)
    given = torch.zeros(4000, 2)
    with torch.no_grad():
        said = model(given)
    drawn = said.sample(torch.randn(4000, 2)).unflatten(1, (2, 3))
    for place in range(2):
        expected = said.probabilities()[0, place].numpy() * 4000
        assert chisquare(drawn[:, place].sum(0).numpy(), expected * 4000 / expected.sum()).pvalue > 1e-6
    picked = (drawn[0] * said.probabilities()[0]).sum(-1)
    assert said.log_prob(drawn.flatten(1))[0].item() == pytest.approx(float(picked.log().sum()), rel=1e-5)
    with pytest.raises(ValueError, match="each place must have one 1"):
        said.log_prob(torch.ones(4000, 6))


@pytest.mark.parametrize(
    ("classes", "target", "given", "message"), [(4, 6, 2, "divide the target's 6"), (1, 6, 2, "at least 2"), (3, 6, 5, "no whole number of channels")]
)
def test_numbers_that_do_not_fit_are_refused(classes: int, target: int, given: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PixelClasses(classes=classes).build(target, given)


def test_noise_of_a_place_is_its_own() -> None:
    torch.manual_seed(2)
    said = PixelClasses(classes=2).build(40, 20)(torch.zeros(1000, 20))
    drawn = said.sample(torch.randn(1000, 20)).unflatten(1, (20, 2))[..., 0].numpy()
    correlation = np.corrcoef(drawn.T)
    assert np.abs(correlation[~np.eye(20, dtype=bool)]).max() < 0.2
