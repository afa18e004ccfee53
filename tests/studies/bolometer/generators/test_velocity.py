"""The network of flow matching on windows."""

from __future__ import annotations

import pytest
import torch

from cloudchamber.models.matching import TIME_FEATURES
from cloudchamber.studies.bolometer.generators.velocity import WindowVelocity

SMALL = WindowVelocity(bolometers=3, patch=4, width=8, blocks=2, kernel=3, hidden=8)


def test_it_begins_as_nothing_and_sees_every_bolometer_nearby() -> None:
    torch.manual_seed(0)
    network = SMALL.build(3 * 40, 2)
    target, told = torch.randn(2, 120, requires_grad=True), torch.randn(2, 2 + TIME_FEATURES)
    assert torch.equal(network(target, told), torch.zeros(2, 120))
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    drawn = network(target, told).unflatten(1, (3, 40))
    # sample 17 of bolometer 1 lies in the fifth patch: two convolutions of three reach two patches on, so samples 8 to 27
    [seen] = torch.autograd.grad(drawn[0, 1, 17], target)
    assert ((seen[0] != 0).reshape(3, 40).any(0)).nonzero().flatten().tolist() == list(range(8, 28))
    assert bool((seen[0].reshape(3, 40)[:, 8:28] != 0).all()) and not bool(seen[1].any())


def test_time_and_condition_change_it() -> None:
    torch.manual_seed(0)
    network = SMALL.build(120, 2)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    target, told = torch.randn(1, 120), torch.randn(1, 2 + TIME_FEATURES)
    for place in range(told.shape[1]):
        other = told.clone()
        other[0, place] += 1
        assert not torch.allclose(network(target, told), network(target, other))


@pytest.mark.parametrize(("settings", "size"), [(SMALL, 122), (WindowVelocity(kernel=4), 12 * 40)])
def test_windows_that_are_no_whole_patches_are_refused(settings: WindowVelocity, size: int) -> None:
    with pytest.raises(ValueError, match="an odd kernel, and a target of bolometers"):
        settings.build(size, 2)
