"""Conservation of relevance in the networks that judge skies, layer by layer, in double precision."""

from __future__ import annotations

import copy

import numpy as np
import torch
from torch import Tensor

from cloudchamber.explain.relevance import Relevance, layer_relevances
from cloudchamber.models.heads import CategoricalModel
from cloudchamber.nn.tensors import to_tensors
from cloudchamber.run.network import TrainedNetwork
from cloudchamber.studies.cosmic_ray_sky.columns import SEEN
from cloudchamber.studies.cosmic_ray_sky.skies.toy import Toy


def odds(logits: Tensor) -> Tensor:
    return logits[:, 1] - logits[:, 0]


def without_constants(model: TrainedNetwork) -> CategoricalModel:
    """The network in double precision without biases, shifts of batch norm and isotropic expectations."""
    network = copy.deepcopy(model.model).double().eval()
    for name, values in [*network.named_parameters(), *network.named_buffers()]:
        if name.endswith(("bias", "running_mean", "expected")) or "of_anchor" in name:
            torch.nn.init.zeros_(values)
    assert isinstance(network, CategoricalModel)
    return network


def explained(model: TrainedNetwork) -> dict[str, Relevance]:
    toy, random = Toy(n=100, signal=(20, 30)), np.random.default_rng(2)
    sky = toy.simulate(toy.prior(3, random), random)
    columns = to_tensors(sky, {name: toy.schema.x[name] for name in SEEN})
    model.given_codec.fit(columns, {})
    network = without_constants(model)

    class Logits(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body, self.net = network.body, network.net

        def forward(self, given: Tensor) -> Tensor:
            return self.net(self.body(given))

    return layer_relevances(Logits().eval(), model.given_codec.encode(columns, {}).double(), odds)


def total(found: Relevance) -> Tensor:
    return found.values.reshape(len(found.output), -1).sum(1)


def test_every_layer_keeps_the_relevance_of_the_one_above(network: TrainedNetwork) -> None:
    layers = explained(network)
    inputs = total(layers[""])
    scale = inputs.abs().max()
    assert scale > 0
    # below the pooling of the events network nothing is absorbed, in the network on maps nothing at all
    lower = [name for name in layers if network.recipe.name == "deepsphere" or name.startswith("body.score")]
    assert len(lower) >= 3
    for name in lower:
        assert (total(layers[name]) - inputs).abs().max() <= 1e-6 * scale, name
    if network.recipe.name == "deepsphere":
        assert layers[""].absorbed.abs().max() <= 1e-6 * layers[""].output.abs().max()


def test_cosmic_rays_alone_carry_the_relevance_of_the_events_network(network: TrainedNetwork) -> None:
    values = explained(network)[""].values
    if network.recipe.name == "events":
        per_number = values.unflatten(1, (-1, 6))
        assert (per_number[..., :5] == 0).all() and (per_number[..., 5] != 0).any()
