from __future__ import annotations

import pytest
import torch
from torch import nn

from cloudchamber.models.heads import MixtureDistribution
from cloudchamber.models.labelled import LabelledMixture, LabelledMixtureDistribution


def draw(events: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """A class of two, x whose mean and width depend on it, and what is given of both."""
    generator = torch.Generator().manual_seed(seed)
    given = torch.randn(events, 2, generator=generator)
    label = (torch.rand(events, generator=generator) < torch.sigmoid(2 * given[:, 0])).long()
    x = given[:, 1] + 2 * label + (0.5 + 0.5 * label) * torch.randn(events, generator=generator)
    return torch.cat((nn.functional.one_hot(label, 2).float(), x[:, None]), 1), given


def exact(target: torch.Tensor, given: torch.Tensor) -> torch.Tensor:
    label = target[:, 1]
    width = 0.5 + 0.5 * label
    of_class = nn.functional.logsigmoid((2 * label - 1) * 2 * given[:, 0])
    return of_class + torch.distributions.Normal(given[:, 1] + 2 * label, width).log_prob(target[:, 2])


def test_class_and_numbers_reach_the_exact_density_together() -> None:
    torch.manual_seed(1)
    model = LabelledMixture(classes=2, components=1, hidden=32).build(3, 2)
    optimiser = torch.optim.Adam(model.parameters(), 5e-3)
    for step in range(500):
        [(part, loss)] = model.losses(*draw(512, step))
        assert part is model
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    target, given = draw(20_000, 10**6)
    with torch.no_grad():
        distribution = model(given)
        lost = exact(target, given) - distribution.log_prob(target)
        stated = distribution.probabilities()
        drawn = distribution.sample(torch.randn(20_000, 2, generator=torch.Generator().manual_seed(2)))
    assert float(lost.mean()) < 0.01
    assert stated.shape == (20_000, 2) and torch.allclose(stated.sum(1), torch.ones(20_000), atol=1e-5)
    assert float((stated[:, 1] - torch.sigmoid(2 * given[:, 0])).abs().mean()) < 0.02
    assert torch.equal(drawn[:, :2].sum(1), torch.ones(20_000))
    for label in (0, 1):
        of_truth, of_draws = target[target[:, label] == 1], drawn[drawn[:, label] == 1]
        assert abs(len(of_truth) - len(of_draws)) < 500
        assert float((of_truth[:, 2].mean() - of_draws[:, 2].mean()).abs()) < 0.06


def test_the_class_picks_its_own_components() -> None:
    log_weight = torch.tensor([[0.1, 0.3, 0.6, 0.0]]).log()
    means = torch.tensor([0.0, 10.0, 20.0, 30.0]).reshape(1, 4, 1)
    mixture = LabelledMixtureDistribution(MixtureDistribution(log_weight, means, torch.ones(1, 4, 1, 1)), 2)
    torch.testing.assert_close(mixture.probabilities(), torch.tensor([[0.4, 0.6]]))
    at = torch.tensor([[1.0, 0.0, 10.0], [0.0, 1.0, 10.0]])
    first, second = (float(mixture.log_prob(row[None])) for row in at)
    assert first == pytest.approx(float(torch.tensor(0.3).log()) - 0.9189385, abs=1e-4) and second < -40


def test_settings_are_checked() -> None:
    with pytest.raises(ValueError, match="at least 2 classes and 1 number"):
        LabelledMixture(classes=3).build(3, 2)
    with pytest.raises(ValueError, match="at least 2 classes"):
        LabelledMixture(classes=1).build(3, 2)
