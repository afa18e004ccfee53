import pytest
import torch
from torch import nn
from toys import Adversarial, Gaussian

from cloudchamber.models.recipe import Optimiser
from cloudchamber.train.parts import Parts


def test_each_part_has_its_optimiser_and_rate():
    model = Adversarial()
    parts = Parts(model, {"critic": Optimiser("adam", 1e-2, (0.5, 0.9)), "": Optimiser("sgd", 1e-3)})
    critic, generator = parts.optimiser(parts.name(model.critic), 0.5), parts.optimiser(parts.name(model.generator))
    assert (parts.name(model), parts.name(model.critic)) == ("", "critic")
    assert isinstance(critic, torch.optim.Adam) and critic.param_groups[0]["lr"] == 5e-3
    assert isinstance(generator, torch.optim.SGD) and generator.param_groups[0]["lr"] == 1e-3
    assert critic.param_groups[0]["params"] == list(model.critic.parameters())
    assert parts.optimiser("critic") is critic


@pytest.mark.parametrize("name", ["adam", "adamw", "adadelta", "sgd"])
def test_every_optimiser_descends(name):
    model = Gaussian()
    optimiser = Parts(model, {"": Optimiser(name, 0.1)}).optimiser("")
    target, given = torch.full((8, 1), 3.0), torch.ones(8, 2)
    first = model.validation_loss(target, given)
    for _ in range(20):
        optimiser.zero_grad()
        model.validation_loss(target, given).backward()
        optimiser.step()
    assert model.validation_loss(target, given) < first


def test_mistakes_are_named():
    model = Adversarial()
    with pytest.raises(ValueError, match=r"Adversarial has no part 'critics' \(did you mean 'critic'\?\); its parts: generator, critic"):
        Parts(model, {"critics": Optimiser()})
    with pytest.raises(ValueError, match="no entry for the part 'generator' and no default"):
        Parts(model, {"critic": Optimiser()}).optimiser("generator")
    with pytest.raises(ValueError, match="a Linear that is not a part of the model"):
        Parts(model, {}).name(nn.Linear(1, 1))
    with pytest.raises(ValueError, match="unknown optimiser 'adagrad'"):
        Parts(model, {"": Optimiser("adagrad")}).optimiser("critic")
    model.critic.requires_grad_(False)
    with pytest.raises(ValueError, match=r"the part 'critic' \(Sequential\) has no parameters to train"):
        Parts(model, {"": Optimiser()}).optimiser("critic")


def test_parts_rest_for_as_many_epochs_as_they_are_told():
    parts = Parts(Adversarial(), {"generator": Optimiser(rest_epochs=2), "": Optimiser()})
    assert [parts.rests("generator", epoch) for epoch in range(4)] == [True, True, False, False]
    assert not parts.rests("critic", 0)
