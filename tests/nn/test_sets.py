from __future__ import annotations

import warnings
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cloudchamber.explain.relevance import relevance
from cloudchamber.nn.sets import EventAnchors, EventAnchorsBody, isotropic_moments, monomials

SMALL = EventAnchors(anchors=40, angles=8, width_rad=0.4, scales=2, ln_energies=(-0.2, 0.3, 0.8), hidden=16, size=2)


def directions(*shape: int) -> Tensor:
    return F.normalize(torch.randn(*shape, 3), dim=-1)


def skies(maps: int, members: int = 150, of_source: int = 0) -> Tensor:
    """Isotropic directions, but for the first ``of_source`` members of each map: displaced from one source and blurred as 1/energy."""
    x, ln_energy = directions(maps, members), torch.distributions.Exponential(4.0).sample((maps, members)) - 0.25
    source, along = directions(maps, 1), directions(maps, 1)
    reach = 0.3 * (-ln_energy[:, :of_source, None]).exp()
    tangent = F.normalize(along - (along * source).sum(-1, keepdim=True) * source, dim=-1)
    x[:, :of_source] = F.normalize(source + reach * tangent + 0.2 * reach * torch.randn(maps, of_source, 3), dim=-1)
    return torch.cat((x, ln_energy[..., None], torch.zeros(maps, members, 1), torch.ones(maps, members, 1)), -1).flatten(1)


def rotated(given: Tensor) -> Tensor:
    members = given.unflatten(1, (-1, 6))
    turn = torch.linalg.qr(torch.randn(len(given), 3, 3, dtype=torch.float64))[0]
    turn = turn * torch.linalg.det(turn)[:, None, None]
    return torch.cat(((members[..., :3].double() @ turn).to(given.dtype), members[..., 3:]), -1).flatten(1)


@pytest.fixture(scope="module")
def trained() -> nn.Sequential:
    torch.manual_seed(1)
    net = nn.Sequential(SMALL.build(6), nn.Linear(2, 1))
    optimiser = torch.optim.AdamW(net.parameters(), 1e-2)
    kind = torch.tensor([0.0, 1.0]).repeat_interleave(16)
    for _ in range(50):
        loss = F.binary_cross_entropy_with_logits(net(torch.cat((skies(16), skies(16, of_source=20))))[:, 0], kind)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return net.eval()


def test_it_learns_to_see_a_source(trained: nn.Sequential) -> None:
    torch.manual_seed(2)
    with torch.no_grad():
        isotropy, signal = trained(skies(100))[:, 0], trained(skies(100, of_source=20))[:, 0]
    assert (signal[:, None] > isotropy).float().mean() > 0.95


def test_turning_the_sky_changes_nothing(trained: nn.Sequential) -> None:
    torch.manual_seed(3)
    given = torch.cat((skies(20), skies(20, of_source=20)))
    with torch.no_grad():
        logit = trained(given)[:, 0]
        assert (trained(rotated(given))[:, 0] - logit).abs().max() < 1e-4 * logit.std()


def test_order_and_padding_change_nothing(trained: nn.Sequential) -> None:
    torch.manual_seed(4)
    given = skies(8, of_source=10)
    shuffled = given.unflatten(1, (-1, 6))[:, torch.randperm(150)].flatten(1)
    with torch.no_grad():
        torch.testing.assert_close(trained(shuffled), trained(given), atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(trained(F.pad(given, (0, 60))), trained(given))
        torch.testing.assert_close(trained(F.pad(given[:, : 30 * 6], (0, 60 * 6))), trained(given[:, : 30 * 6]), atol=1e-4, rtol=1e-4)
        assert bool(torch.isfinite(trained(0 * given)).all())


def test_length_of_the_set_hardly_moves_the_answer_of_isotropy(trained: nn.Sequential) -> None:
    torch.manual_seed(5)
    with torch.no_grad():
        logits = {n: trained(skies(60, n))[:, 0] for n in (75, 150, 600)}
        spread = trained(skies(60, of_source=20))[:, 0].mean() - logits[150].mean()
    assert all((logit.mean() - logits[150].mean()).abs() < 0.5 * spread for logit in logits.values())


def test_relevance_picks_the_members_of_the_source(trained: nn.Sequential) -> None:
    torch.manual_seed(6)
    given = skies(30, of_source=20).requires_grad_()
    trained(given).sum().backward()
    assert given.grad is not None
    gradient = given.grad.unflatten(1, (-1, 6))
    assert torch.equal(gradient[..., :5], torch.zeros_like(gradient[..., :5]))
    of_source, others = gradient[:, :20, 5].mean(1), gradient[:, 20:, 5].mean(1)
    assert (of_source > others).float().mean() > 0.8


def test_relevances_add_up_to_the_answer(trained: nn.Sequential) -> None:
    torch.manual_seed(10)
    found = relevance(trained, skies(5, of_source=20), lambda logit: logit[:, 0])
    values = found.values.unflatten(1, (-1, 6))
    torch.testing.assert_close(values.sum((1, 2)) + found.absorbed, found.output)
    assert torch.equal(values[..., :5], torch.zeros_like(values[..., :5])) and bool((values[..., 5] != 0).any(1).all())


def test_onnx_file_takes_any_number_of_maps_and_members(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    torch.manual_seed(11)
    body, file = SMALL.build(6).eval(), str(tmp_path / "body.onnx")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(body, (skies(2),), file, input_names=["given"], dynamic_axes={"given": {0: "events", 1: "numbers"}}, opset_version=18, dynamo=False)
    session = runtime.InferenceSession(file, providers=["CPUExecutionProvider"])
    for given in (skies(2), skies(5, 20), skies(1, 400)):
        with torch.no_grad():
            torch.testing.assert_close(torch.from_numpy(session.run(None, {"given": given.numpy()})[0]), body(given), atol=1e-5, rtol=1e-5)


def test_sums_are_the_sums_over_members() -> None:
    torch.manual_seed(7)
    body = SMALL.build(6).double()
    given = skies(1, 60).double().unflatten(1, (-1, 6))
    given[..., 4] = 0.3 * torch.randn(1, 60)
    where, anchors = given[..., :5], given[:, :4, :5]
    moments, _ = body.moments(where, given[..., 5], anchors)
    along = F.normalize(torch.linalg.cross(anchors[0, 2, :3], torch.tensor([0.1, -0.4, 0.7]).double()), dim=0)
    scale, degree, node = 1, 2, 2
    coefficients = body.powers(along) * body.multinomial
    mine = body.exponents.sum(1) == degree
    found = coefficients[mine] @ moments[0, 2, mine, scale * len(SMALL.ln_energies) + node]
    x, weight = where[0, :, :3], body.hats(where[0, :, 3])[:, node]
    kernel = torch.exp((x @ anchors[0, 2, :3] - 1) / (SMALL.width_rad / 2) ** 2)
    _, noise = isotropic_moments(2, [SMALL.width_rad / 2])
    direct = (weight / weight.square().sum().sqrt() * (-where[0, :, 4]).exp() * kernel * (x @ along) ** degree).sum()
    torch.testing.assert_close(found, direct / noise[degree, 0] * (0.5 * anchors[0, 2, 4]).exp(), rtol=1e-5, atol=0)


@pytest.mark.parametrize("graded", [False, True])
def test_features_of_isotropy_have_mean_zero_and_unit_variance_at_any_exposure(graded: bool) -> None:
    """Exposure 1 + 0.8 z: as many members as it grants, each anchor in units of the fluctuations there."""
    torch.manual_seed(8)
    body, maps, n = SMALL.build(6), 400, 500
    x = directions(maps, 4 * n)
    exposure = 1 + 0.8 * graded * x[..., 2]
    kept = (torch.rand(maps, 4 * n) * 1.8 < exposure).float().topk(n, 1).indices
    x, exposure = x.gather(1, kept[..., None].expand(-1, -1, 3)), exposure.gather(1, kept)
    ln_energy = torch.distributions.Exponential(4.0).sample((maps, n)) - 0.25
    where = torch.cat((x, ln_energy[..., None], exposure.log()[..., None]), -1)
    spot = F.normalize(torch.tensor([0.3, 0.2, 0.8]), dim=0)
    anchors = torch.cat((spot, torch.tensor([0.0, (1 + 0.8 * graded * spot[2]).log()]))).expand(maps, 1, 5)
    moments, total = body.moments(where, torch.ones(maps, n), anchors)
    along = F.normalize(torch.linalg.cross(spot, torch.tensor([1.0, 0.0, 0.0])), dim=0)
    weight = body.powers(along) * body.multinomial
    parts = (weight[:, None] * moments[:, 0]).split(body.terms, 1)
    features = torch.stack([part.sum(1) for part in parts], 1) - total * (0.5 * anchors[0, 0, 4]).exp()
    assert features.mean(0).abs().max() < 6 / maps**0.5
    # the widest Gaussians feel the exposure's slope
    assert (features.std(0) - 1).abs().max() < (0.35 if graded else 0.25)


def test_hats_interpolate() -> None:
    body = SMALL.build(6)
    values = torch.tensor([-1.0, -0.2, 0.05, 0.3, 0.7, 2.0])
    expected = torch.tensor([[1, 0, 0], [1, 0, 0], [0.5, 0.5, 0], [0, 1, 0], [0, 0.2, 0.8], [0, 0, 1.0]])
    torch.testing.assert_close(body.hats(values), expected, atol=1e-6, rtol=0)


def test_isotropic_moments_by_monte_carlo() -> None:
    torch.manual_seed(9)
    assert monomials(2).tolist() == [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [2, 0, 0], [1, 1, 0], [1, 0, 1], [0, 2, 0], [0, 1, 1], [0, 0, 2]]
    mean, root = isotropic_moments(3, [0.5, 0.25])
    x = directions(400_000).double()
    for k, width in enumerate((0.5, 0.25)):
        for d in range(4):
            values = torch.exp((x[:, 2] - 1) / width**2) * x[:, 0] ** d
            assert abs(values.mean().item() - mean[d, k]) < 5 * values.std().item() / len(x) ** 0.5
            assert abs(values.square().mean().item() ** 0.5 / root[d, k] - 1) < 0.05


@pytest.mark.parametrize(
    ("settings", "given_size", "message"),
    [
        (EventAnchors(), 5, "reads 6 numbers a member"),
        (EventAnchors(anchors=0), 6, "anchors, angles, scales"),
        (EventAnchors(degree=4), 6, "degree of 1 to 3"),
        (EventAnchors(ln_energies=(0.3, 0.1)), 6, "at least 2 rising values"),
    ],
)
def test_impossible_settings_are_refused(settings: EventAnchors, given_size: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        EventAnchorsBody(settings, given_size)
