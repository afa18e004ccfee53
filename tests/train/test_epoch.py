import math

import pytest
import torch
from lightning_fabric import Fabric
from toys import Adversarial, Gaussian, batches, events

from cloudchamber.models.recipe import Fit, Optimiser
from cloudchamber.train.batches import StreamBatches
from cloudchamber.train.epoch import train_epoch, validation_loss, watched
from cloudchamber.train.parts import Parts
from cloudchamber.train.trainee import Trainee


@pytest.fixture(scope="module")
def fabric():
    return Fabric(accelerator="cpu", devices=1)


def trainee(model, settings):
    return Trainee(model, Parts(model, settings.optimisers), None)


def test_one_plain_step_is_the_optimiser_s_own(fabric):
    settings = Fit(epochs=1, optimisers={"": Optimiser("sgd", 0.1, (0.0, 0.0))}, schedule="constant", clip_norm=None)
    model, data = Gaussian(), batches(16, 16)
    weight = model.mean.weight.detach().clone()
    target, given = next(data.epoch(0))
    loss = model.validation_loss(target, given)
    (gradient,) = torch.autograd.grad(loss, [model.mean.weight])
    row = train_epoch(fabric, trainee(model, settings), data, settings, seed=0)
    assert row == {"loss": pytest.approx(loss.item()), "learning_rate": 0.1}
    torch.testing.assert_close(model.mean.weight.detach(), weight - 0.1 * gradient)


def test_gradients_are_clipped_to_the_norm(fabric):
    settings = Fit(epochs=1, optimisers={"": Optimiser("sgd", 1.0, (0.0, 0.0))}, schedule="constant", clip_norm=0.01)
    model = Gaussian()
    before = [parameter.detach().clone() for parameter in model.parameters()]
    train_epoch(fabric, trainee(model, settings), batches(16, 16), settings, seed=0)
    step = math.sqrt(sum(((a - b) ** 2).sum().item() for a, b in zip(before, model.parameters(), strict=True)))
    assert step == pytest.approx(0.01, rel=1e-3)


def test_each_turn_moves_only_its_part(fabric):
    settings = Fit(epochs=1, optimisers={"critic": Optimiser(learning_rate=0.1), "generator": Optimiser(learning_rate=0.0)})
    model = Adversarial()
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    row = train_epoch(fabric, trainee(model, settings), batches(), settings, seed=0)
    moved = {name for name, parameter in model.named_parameters() if not torch.equal(parameter, before[name])}
    assert moved == {name for name in before if name.startswith("critic")}
    assert set(row) == {"loss_critic", "loss_generator", "learning_rate_critic", "learning_rate_generator"}


def test_a_part_without_a_turn_is_named(fabric):
    settings = Fit(optimisers={"": Optimiser(), "mean": Optimiser()})
    model = Gaussian()
    with pytest.raises(ValueError, match=r"the part 'mean' took no turn in epoch 1; losses\(\) yielded: ''"):
        train_epoch(fabric, trainee(model, settings), batches(), settings, seed=0)


def test_validation_is_the_mean_over_events_and_repeats(fabric):
    settings = Fit()
    model = Gaussian()
    parts = [batches(30, 30).epoch(0), batches(10, 10, 2).epoch(0)]
    pairs = [next(part) for part in parts]
    uneven = StreamBatches(lambda epoch: iter([{"n": n} for n in (0, 1)]), lambda table: pairs[table["n"]], steps=2)
    expected = sum(len(target) * model.validation_loss(target, given).item() for target, given in pairs) / 40
    assert validation_loss(fabric, model, uneven, settings, 0) == pytest.approx(expected)
    noisy = Adversarial()
    first = validation_loss(fabric, noisy, batches(), settings, 0)
    torch.rand(7)
    assert validation_loss(fabric, noisy, batches(), settings, 0) == first
    assert validation_loss(fabric, noisy, batches(), settings, 1) != first


def test_a_loss_that_is_not_finite_stops_before_its_step(fabric):
    target, given = events(60, 1)
    settings = Fit(optimisers={"": Optimiser("sgd", 0.0)})
    data = StreamBatches(lambda epoch: iter([{"n": n} for n in range(3)]), lambda table: (target / (table["n"] < 2), given), steps=3)
    model = Gaussian()
    before = model.mean.weight.detach().clone()
    with pytest.raises(FloatingPointError, match=r"the loss is inf in epoch 1, step 3, part 'model'; .* Try a lower learning_rate"):
        train_epoch(fabric, trainee(model, settings), data, settings, seed=0)
    assert torch.equal(model.mean.weight, before)


def test_a_gradient_that_is_not_finite_stops_too(fabric):
    class Cusp(Gaussian):
        def losses(self, target, given):
            yield self, (0 * self.mean(given)).sum().abs().sqrt()

    model, settings = Cusp(), Fit()
    with pytest.raises(FloatingPointError, match="the gradient has the norm nan in epoch 1, step 1"):
        train_epoch(fabric, trainee(model, settings), batches(), settings, seed=0)


def test_a_part_that_rests_takes_no_step_but_in_the_last_epoch(fabric):
    settings = Fit(epochs=3, optimisers={"critic": Optimiser(), "generator": Optimiser(rest_epochs=5)})
    model, data = Adversarial(), batches()
    now, seen = trainee(model, settings), []
    for _ in range(3):
        before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
        now.rows.append(train_epoch(fabric, now, data, settings, seed=0))
        seen.append({name.split(".")[0] for name, parameter in model.named_parameters() if not torch.equal(parameter, before[name])})
    assert seen == [{"critic"}, {"critic"}, {"critic", "generator"}]
    assert ["loss_generator" in row for row in now.rows] == [False, False, True]


class First:
    """The mean of the first held-out events."""

    name, events = "first", 3

    def figure(self, model, target, given):
        assert not model.training and len(target) == len(given) == 3
        return target.mean().item()

    def advice(self, figures):
        return ""


def test_a_running_figure_sees_the_same_held_out_events(fabric):
    data = batches(20, 2)
    found = [watched(fabric, Gaussian(), data, First(), Fit()) for _ in range(2)]
    targets = [target for target, _ in data.epoch(0)]
    assert found[0] == found[1] == pytest.approx(torch.cat(targets)[:3].mean().item())
