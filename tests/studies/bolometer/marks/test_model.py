"""The networks learn what they are shown: a rate, a step at the edge, what a distance does."""

from __future__ import annotations

import pytest
import torch

from cloudchamber.studies.bolometer.columns import FAMILIES
from cloudchamber.studies.bolometer.detector import Detector
from cloudchamber.studies.bolometer.marks.codec import KNOWN
from cloudchamber.studies.bolometer.marks.layout import Layout, rank
from cloudchamber.studies.bolometer.marks.model import MarkNetworks

LAYOUT = Layout.of(Detector())


def given_of(phi: torch.Tensor) -> torch.Tensor:
    return torch.cat((phi[:, None], torch.zeros(len(phi), 1), torch.eye(len(FAMILIES))[torch.zeros(len(phi), dtype=torch.long)]), 1)


def test_rate_edge_and_distance_are_learned() -> None:
    torch.manual_seed(1)
    model = MarkNetworks(LAYOUT, hidden=16, layers=1, depths=16).build(KNOWN + 12 * 3, 2 + len(FAMILIES))
    optimiser = torch.optim.Adam(model.parameters(), 1e-2)
    steps = 400
    # without a fall the last steps' noise is as wide as what is asked for
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)

    def target(phi: torch.Tensor) -> torch.Tensor:
        """Twice as often at phi = 1 than at 0; heights fall by distance, and by 1.5 in the outer 10 %."""
        noise = torch.randn(len(phi), 5)
        given = given_of(phi)
        place = LAYOUT.place(noise[:, 1:4], given[:, 2:])
        time = -(1 - rank(noise[:, 0])).log() * 2.0**-phi
        heights = -LAYOUT.distances_mm(place) / 40 - 1.5 * (LAYOUT.depth(place) < 0.1)[:, None] + 0.1 * torch.randn(len(phi), 12)
        shares = torch.stack((torch.full_like(heights, 0.2), torch.full_like(heights, 0.8)), -1).flatten(1)
        return torch.cat((time[:, None], noise[:, 1:], heights, shares), 1)

    for _ in range(steps):
        phi = torch.rand(256)
        optimiser.zero_grad()
        sum(loss for _, loss in model.losses(target(phi), given_of(phi))).backward()
        optimiser.step()
        schedule.step()
    model.eval()
    with torch.no_grad():
        assert torch.isfinite(model.validation_loss(target(phi), given_of(phi)))
        given = given_of(torch.full((20_000,), 0.5))
        drawn, true = model.generate(torch.randn(20_000, model.noise_size), given), target(torch.full((20_000,), 0.5))
        assert drawn[:, 0].mean() == pytest.approx(2.0**-0.5, rel=0.06)
        assert drawn[:, 4].std() == pytest.approx(1.0, abs=0.06)
        assert drawn[:, KNOWN].mean() == pytest.approx(float(true[:, KNOWN].mean()), abs=0.06)
        assert torch.corrcoef(drawn[:, KNOWN : KNOWN + 12].T).sub(torch.corrcoef(true[:, KNOWN : KNOWN + 12].T)).abs().max() < 0.03
        assert drawn[:, KNOWN + 12 :: 2].mean() == pytest.approx(0.2, abs=0.02)
        state = model.heights.lifted(torch.tensor([0.05, 0.2]), given[:2, 2:])
        lift = (state[0].exp() * state[1]).sum(1)
        assert float(lift[0] - lift[1]) == pytest.approx(-1.5, abs=0.1)
    with pytest.raises(ValueError, match="has no density"):
        model(given).log_prob(drawn)


def test_other_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="got 3 given and 53 target numbers"):
        MarkNetworks(LAYOUT).build(53, 3)
