"""All that changes in a fit: what is saved goes on as if nothing had happened, and is a thing of its own."""

from __future__ import annotations

import io
from typing import Any

import pytest
import torch
from lightning_fabric import Fabric
from toys import ADVERSARIAL_FIT, adversarial, batches

from cloudchamber.train.average import Average
from cloudchamber.train.epoch import train_epoch
from cloudchamber.train.parts import Parts
from cloudchamber.train.trainee import Trainee


@pytest.fixture(scope="module")
def fabric() -> Fabric:
    return Fabric(accelerator="cpu", devices=1)


def fresh(averaged: bool = True) -> Trainee:
    model = adversarial()
    return Trainee(model, Parts(model, ADVERSARIAL_FIT.optimisers), Average(model, 0.9) if averaged else None)


def train(fabric: Fabric, trainee: Trainee, epochs: int) -> Trainee:
    for _ in range(epochs):
        row = train_epoch(fabric, trainee, batches(), ADVERSARIAL_FIT, seed=3)
        trainee.rows.append(row)
        if row["loss_generator"] < trainee.best_loss:
            best = {name: tensor.clone() for name, tensor in trainee.model.state_dict().items()}
            trainee.best, trainee.best_loss, trainee.best_epoch = best, row["loss_generator"], trainee.epochs
    return trainee


def through_a_file(state: dict[str, Any]) -> dict[str, Any]:
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def same(one: Any, two: Any) -> bool:
    if isinstance(one, torch.Tensor):
        return torch.equal(one, two)
    if isinstance(one, dict):
        return one.keys() == two.keys() and all(same(one[key], two[key]) for key in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(two) and all(map(same, one, two))
    return bool(one == two)


@pytest.mark.parametrize("averaged", [True, False])
def test_what_is_restored_goes_on_as_if_nothing_had_happened(averaged: bool, fabric: Fabric) -> None:
    """Momenta of both optimisers, the average and its number of updates, the best weights and the log: each would show after two more epochs."""
    straight = train(fabric, fresh(averaged), 4)
    broken = train(fabric, fresh(averaged), 2)
    resumed = fresh(averaged)
    resumed.load(through_a_file(broken.state()))
    assert (resumed.epochs, resumed.best_epoch, resumed.best_loss) == (2, broken.best_epoch, broken.best_loss)
    assert same(train(fabric, resumed, 2).state(), straight.state())
    assert straight.epochs == 4 and len({row["loss_generator"] for row in straight.rows}) == 4


def test_optimisers_matter(fabric: Fabric) -> None:
    """The weights alone go on otherwise: the state needs the optimisers'."""
    straight, half = train(fabric, fresh(), 3), train(fabric, fresh(), 2)
    forgetful = fresh()
    forgetful.load(through_a_file(half.state() | {"optimisers": {}}))
    assert not same(train(fabric, forgetful, 1).model.state_dict(), straight.model.state_dict())


def test_a_new_trainee_has_done_nothing() -> None:
    trainee = fresh()
    assert (trainee.epochs, trainee.best, trainee.best_epoch) == (0, {}, 0) and trainee.best_loss > 1e300
    trainee.rows.append({"loss": 1.0})
    assert fresh().rows == [], "no two share their log"


def test_weights_of_another_model_are_refused() -> None:
    state = fresh().state()
    state["model"] = {name: tensor for name, tensor in state["model"].items() if not name.startswith("critic")}
    with pytest.raises(RuntimeError, match="Missing key"):
        fresh().load(state)
