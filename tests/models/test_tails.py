"""Tails: a density, whose samples follow it, that takes on the shape of what was left over."""

import pytest
import torch
from scipy.stats import kstest
from torch.distributions import StudentT

from cloudchamber.models.base import normal_log_prob
from cloudchamber.models.heads import Mixture
from cloudchamber.models.tails import Tails


def shaped(log_width: float, log_tail: float) -> Tails:
    tails = Tails(1)
    tails.log_width.fill_(log_width)
    tails.log_tail.fill_(log_tail)
    return tails


def test_without_a_shape_it_is_the_normal_distribution() -> None:
    tails, pull = Tails(3), 3 * torch.randn(1000, 3, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(tails(pull), pull, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(tails.log_prob(pull), normal_log_prob(pull), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("log_tail", [-0.3, 0.25])
def test_the_density_is_one_and_that_of_the_samples(log_tail: float) -> None:
    tails = shaped(0.2, log_tail)
    edges = torch.linspace(-200, 200, 400_001, dtype=torch.float64)
    cumulative = tails.double().log_prob(edges[:, None]).exp().cumsum(0) * (edges[1] - edges[0])
    assert float(cumulative[-1]) == pytest.approx(1, abs=1e-4)
    drawn = tails(torch.randn(20_000, 1, generator=torch.Generator().manual_seed(2), dtype=torch.float64))[:, 0]
    assert kstest(cumulative[torch.searchsorted(edges, drawn)].numpy(), "uniform").pvalue > 1e-6


@pytest.mark.parametrize("width", [1.0, 1.3, 0.75])
def test_a_stated_width_that_is_wrong_is_put_right(width: float) -> None:
    pull = width * torch.randn(20_000, 1, 1, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    tails = Tails(1)
    tails.fit(pull, torch.zeros(20_000, 1, dtype=torch.float64))
    assert float(tails.log_width.exp()) == pytest.approx(width, rel=0.04)
    assert abs(float(tails.log_tail)) < 0.04


def test_heavy_tails_are_covered() -> None:
    torch.manual_seed(4)
    pull = StudentT(4.0).sample((40_000, 1, 1)).double()
    tails = Tails(1)
    tails.fit(pull[:20_000], torch.zeros(20_000, 1, dtype=torch.float64))
    assert float(tails.log_tail) > 0.1
    drawn = tails(torch.randn(200_000, 1)).abs()[:, 0]
    for share in (0.5, 0.68, 0.95, 0.99):
        inside = float((pull[20_000:].abs() < drawn.quantile(share)).double().mean())
        assert inside == pytest.approx(share, abs=5 * (share * (1 - share) / 20_000) ** 0.5 + 0.004)


def test_a_mixture_learns_its_tails_after_the_fit() -> None:
    torch.manual_seed(5)
    given = torch.randn(4000, 1)
    target = given + 0.3 * StudentT(3.0).sample((4000, 1)).clamp(-60, 60)
    model = Mixture(components=1, hidden=16, layers=1, tails=True).build(1, 1)
    optimiser = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(300):
        [(_, loss)] = model.losses(target[:2000], given[:2000])
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    model.eval()
    rest = slice(3000, None)
    with torch.no_grad():
        before = model(given[rest]).log_prob(target[rest]).mean()
    model.calibrate([(target[2000:2500], given[2000:2500]), (target[2500:3000], given[2500:3000])])
    with torch.no_grad():
        after = model(given[rest]).log_prob(target[rest]).mean()
    best = StudentT(3.0, given[rest], torch.tensor(0.3)).log_prob(target[rest]).mean()
    assert before < after - 0.05 and after > best - 0.1
    model.train()
    assert model(given[:2]).tails is None


def test_calibration_leaves_a_plain_mixture_alone() -> None:
    model = Mixture(components=2, hidden=8).build(1, 1)
    assert model.tails is None and not [name for name in model.state_dict() if "tails" in name]
    model.calibrate([(torch.zeros(5, 1), torch.zeros(5, 1))])


@pytest.mark.parametrize("pulls", [[0.0, 0.0], [0.1, -0.1], [3.0], [40.0, 0.01]])
def test_very_few_events_leave_a_usable_shape(pulls: list[float]) -> None:
    tails = Tails(1)
    tails.fit(torch.tensor(pulls, dtype=torch.float64)[:, None, None], torch.zeros(len(pulls), 1, dtype=torch.float64))
    assert abs(float(tails.log_width)) < 3 and abs(float(tails.log_tail)) < 3
    drawn = tails(torch.randn(1000, 1, generator=torch.Generator().manual_seed(6)))
    assert bool(torch.isfinite(drawn).all() and torch.isfinite(tails.log_prob(drawn)).all())
