from __future__ import annotations

import pytest
import torch
import toy

from cloudchamber.models.flow import Flow

SMALL = {"transforms": 3, "bins": 6, "hidden": 32, "layers": 1}
KINDS = [
    Flow(**SMALL),  # type: ignore[arg-type]
    Flow(**SMALL, affine=True),  # type: ignore[arg-type]
    Flow(**SMALL, affine=True, straight=True),  # type: ignore[arg-type]
    Flow(**SMALL, linear=False, randperm=False),  # type: ignore[arg-type]
    Flow(**SMALL, passes=None, linear=False),  # type: ignore[arg-type]
]


@pytest.mark.parametrize("settings", KINDS)
def test_a_trained_flow_knows_the_density(settings: Flow) -> None:
    torch.manual_seed(0)
    model = settings.build(2, 1)
    toy.train(model, 300, 1e-2)
    toy.check_samples(model, 0.14)
    assert toy.integral(model) == pytest.approx(1, abs=5e-3)
    target, given = toy.draw(2000, seed=10**6)
    with torch.no_grad():
        lost = toy.log_prob(target, given) - model(given).log_prob(target)
    assert lost.mean() < 0.03
    assert model.validation_loss(target, given).item() == pytest.approx(float(-(toy.log_prob(target, given) - lost).mean()), abs=1e-5)


@pytest.mark.parametrize("settings", KINDS)
@pytest.mark.parametrize("size", [1, 2, 5])
def test_sampling_inverts_the_density_direction(settings: Flow, size: int) -> None:
    torch.manual_seed(0)
    model = settings.build(size, 3)
    for parameter in model.parameters():
        parameter.data += 0.2 * torch.randn_like(parameter)
    given, noise = torch.randn(64, 3), torch.randn(64, size)
    with torch.no_grad():
        target = model.generate(noise, given)
        back = target if model.affine is None else model.affine(target, given)[0]
        for mixing, spline in model.steps:
            back = spline(mixing(back)[0], given)[0]
    torch.testing.assert_close(back, noise, atol=2e-3, rtol=0)


@pytest.mark.parametrize("settings", KINDS)
def test_log_prob_has_the_jacobian_of_the_map(settings: Flow) -> None:
    torch.manual_seed(0)
    model = settings.build(4, 2)
    for parameter in model.parameters():
        parameter.data += 0.2 * torch.randn_like(parameter)
    given, noise = torch.randn(1, 2), torch.randn(1, 4)
    jacobian = torch.autograd.functional.jacobian(lambda z: model.generate(z, given)[0], noise)[:, 0]
    with torch.no_grad():
        wanted = torch.distributions.Normal(0.0, 1.0).log_prob(noise).sum() - torch.linalg.slogdet(jacobian)[1]
        torch.testing.assert_close(model(given).log_prob(model.generate(noise, given))[0], wanted, atol=1e-3, rtol=1e-3)
