from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
import torch
import toy

from cloudchamber.models.gan import Gan, energy_distance
from cloudchamber.models.gan_networks import ConvNetworks, DenseNetworks, ImageNetworks

SMALL = Gan(networks=DenseNetworks(hidden=48, layers=1), latent=4, critic_steps=4)


def test_wasserstein_gan_learns_the_toy() -> None:
    torch.manual_seed(0)
    model = replace(SMALL, penalty=1.0).build(2, 1)
    # the critic has to be near its optimum at each turn of the generator, so it learns faster
    toy.train(model, 500, 3e-4, betas=(0.5, 0.9), batch=512, critic_rate=3e-3)
    toy.check_samples(model, 0.2)
    target, given = toy.draw(1000, seed=10**6)
    torch.manual_seed(1)
    with torch.no_grad():
        trained, untrained = model.validation_loss(target, given), SMALL.build(2, 1).validation_loss(target, given)
    assert abs(trained) < 0.03 < 0.2 < untrained


def test_cross_entropy_gan_finds_the_mean() -> None:
    torch.manual_seed(0)
    model = Gan(loss="cross_entropy", networks=DenseNetworks(hidden=48, layers=1), latent=4, critic_steps=1).build(2, 1)
    toy.train(model, 600, 1e-3, betas=(0.5, 0.9))
    target, given = toy.draw(1000, seed=10**6)
    assert abs(model.validation_loss(target, given).item()) < 0.1


CONV = Gan(networks=ConvNetworks(2, 9, width=8, stages=2, hidden=16, noise_injection=True, dense=True), critic_steps=3)
IMAGE = Gan(networks=ImageNetworks(5, 4, width=8, hidden=16), critic_steps=3)


@pytest.mark.parametrize("settings", [SMALL, CONV, IMAGE])
def test_the_turns_are_the_critics_then_the_generators(settings: Gan) -> None:
    torch.manual_seed(0)
    model = settings.build(20, 3)
    target, given = torch.randn(30, 20), torch.randn(30, 3)
    parts, drawn = [], []
    model.generator.register_forward_hook(lambda module, inputs, output: drawn.append(len(output)))
    for part, loss in model.losses(target, given):
        part.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        assert all(p.grad is not None for p in part.parameters())
        parts.append(part)
    assert parts == [model.critic] * settings.critic_steps + [model.generator]
    # the generator's turn costs no more than one of the critic's
    assert max(drawn) == -(-30 // settings.critic_steps) and len(drawn) == settings.critic_steps + 1
    assert model.generate(torch.randn(7, model.noise_size), given[:7]).shape == (7, 20)


@pytest.mark.parametrize("settings", [SMALL, IMAGE])
def test_constrainers_take_a_turn_and_enter_the_generators_loss(settings: Gan) -> None:
    torch.manual_seed(0)
    model = replace(settings, constrainers={"energy": (0,), "position": (1, 2)}, constraint=2.0).build(20, 3)
    target, given = torch.randn(32, 20), torch.randn(32, 3)
    told = {name: part(target) for name, part in model.constrainers.items()}
    turns = []
    state = torch.get_rng_state()
    for part, loss in model.losses(target, given):
        part.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        turns.append((part, loss.item()))
    assert [part for part, _ in turns] == [model.critic] * settings.critic_steps + [*model.constrainers.values(), model.generator]
    errors = {"energy": (told["energy"] - given[:, :1]).square().mean(), "position": (told["position"] - given[:, 1:]).square().mean()}
    assert [value for _, value in turns[-3:-1]] == pytest.approx([error.item() for error in errors.values()])
    # the same random numbers without constrainers leave the generator's own loss
    plain = settings.build(20, 3)
    plain.load_state_dict({name: model.state_dict()[name] for name in plain.state_dict()})
    torch.set_rng_state(state)
    assert turns[-1][1] > [loss.item() for _, loss in plain.losses(target, given)][-1]


def test_constrainers_bring_the_given_numbers_back() -> None:
    torch.manual_seed(0)
    model = replace(SMALL, constrainers={"mean": (0,)}, penalty=1.0).build(2, 1)
    toy.train(model, 200, 1e-3, betas=(0.5, 0.9), batch=512, critic_rate=3e-3)
    target, given = toy.draw(1000, seed=10**6)
    with torch.no_grad():
        fake = model.generate(torch.randn(1000, model.noise_size), given)
        real_error, fake_error = (float(model._constrainer_error("mean", events, given)) for events in (target, fake))
    assert real_error < 0.9 * float(given.var())
    assert fake_error == pytest.approx(real_error, rel=0.3)


def test_the_penalty_is_zero_for_unit_slope_only() -> None:
    model = SMALL.build(2, 1)

    class Slope(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return slope * x[:, :1]

    model.critic = Slope()
    target, given = toy.draw(500, seed=0)
    found = []
    for slope in (0.0, 1.0, 3.0):
        torch.manual_seed(0)
        fake = model.generate(torch.randn(500, model.noise_size), given)
        torch.manual_seed(0)
        found.append((model._critic_loss(target, given) - slope * (fake - target)[:, 0].mean()).item())
    assert found == pytest.approx([10.0, 0.0, 40.0], abs=1e-4)


def test_energy_distance_of_shifted_normals() -> None:
    torch.manual_seed(0)
    first, second, third = torch.randn(4000, 1), torch.randn(4000, 1), torch.randn(4000, 1) + 1
    assert abs(energy_distance(first, second)) < 0.005
    # for unit normals m apart: E|X - Y| = 2 phi(m / sqrt 2) sqrt 2 + m (2 Phi(m / sqrt 2) - 1), twice that less twice 2 / sqrt pi
    root = torch.tensor(2.0).sqrt()
    normal = torch.distributions.Normal(0.0, 1.0)
    between = 2 * normal.log_prob(1 / root).exp() * root + (2 * normal.cdf(1 / root) - 1)
    wanted = 2 * between - 4 / torch.tensor(torch.pi).sqrt()
    assert float(energy_distance(first, third)) == pytest.approx(float(wanted), rel=0.08)
    distances = [float(energy_distance(first, second + shift)) for shift in (0.0, 0.5, 1.0, 2.0)]
    assert all(a < b for a, b in pairwise(distances))
    with pytest.raises(ValueError, match="same length >= 2"):
        energy_distance(first, second[:3])


@pytest.mark.parametrize("events", [1, 3, 6, 11, 12, 16, 500])
def test_the_critic_takes_its_turns_whatever_the_batch(events: int) -> None:
    model = Gan(networks=DenseNetworks(hidden=8, layers=1), latent=2, critic_steps=5).build(3, 2)
    losses = list(model.losses(torch.randn(events, 3), torch.randn(events, 2)))
    assert [part is model.critic for part, _ in losses] == [True] * 5 + [False]
    assert all(torch.isfinite(loss) for _, loss in losses)


def test_bad_settings_are_named() -> None:
    with pytest.raises(ValueError, match=r"constrainer 'energy' needs places among the 3 given numbers, from 0 on, got \[3\]"):
        Gan(constrainers={"energy": (3,)}).build(20, 3)
    with pytest.raises(ValueError, match="critic_steps must be at least 1"):
        Gan(critic_steps=0).build(20, 1)


def test_labels_and_the_weight_of_generated_events_enter_the_cross_entropy() -> None:
    torch.manual_seed(0)
    target, given = torch.randn(12, 2), torch.randn(12, 1)

    def turns(**changes: float) -> list[float]:
        torch.manual_seed(1)
        model = Gan("cross_entropy", DenseNetworks(hidden=8, layers=1), latent=3, critic_steps=1, **{"smoothing": 0.0, **changes}).build(2, 1)
        torch.manual_seed(2)
        return [loss.item() for _, loss in model.losses(target, given)]

    plain, half, none, aimed = turns(), turns(synthetic=0.5), turns(synthetic=1e-9), turns(generator_smoothing=0.2)
    assert half[0] == pytest.approx((plain[0] + none[0]) / 2) and none[0] < plain[0]
    assert half[1] == pytest.approx(plain[1]) and aimed[0] == pytest.approx(plain[0])
    # of a logit z: softplus(-z) + 0.2 z
    model_says = (aimed[1] - plain[1]) / 0.2
    torch.manual_seed(1)
    model = Gan("cross_entropy", DenseNetworks(hidden=8, layers=1), latent=3, critic_steps=1).build(2, 1)
    torch.manual_seed(2)
    torch.randn(12, 3)
    fake = model.generate(torch.randn(12, 3), given)
    assert model_says == pytest.approx(model.score(fake, given).mean().item(), abs=1e-5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"loss": "cross_entropy", "synthetic": 0.0}, "synthetic must be above 0"),
        ({"synthetic": 0.5}, "belong to the cross-entropy"),
        ({"generator_smoothing": 0.1}, "belong to the cross-entropy"),
    ],
)
def test_weights_that_a_loss_cannot_have_are_refused(changes: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(SMALL, **changes).build(2, 1)
