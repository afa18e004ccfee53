"""What a network says of skies: log odds of a signal, and how much each cosmic ray spoke for one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cloudchamber.schema import Ragged, Table, events_in, take
from cloudchamber.studies.cosmic_ray_sky.columns import ISOTROPY, SEEN, SIGNAL

if TYPE_CHECKING:
    from torch import Tensor

    from cloudchamber.models.heads import CategoricalModel
    from cloudchamber.run.network import TrainedNetwork
    from cloudchamber.run.trained import TrainedModel

_SKIES_AT_A_TIME = 32


def log_odds(model: TrainedModel, skies: Table) -> np.ndarray:
    """ln p(signal) / p(isotropy) of each sky (events,), from the logits, so that it does not saturate; no check of the trained domain."""
    import torch

    parts = []
    with torch.no_grad():
        for first in range(0, events_in({name: skies[name] for name in SEEN}), _SKIES_AT_A_TIME):
            parts.append(_odds_of(model, skies, slice(first, first + _SKIES_AT_A_TIME)).double().cpu().numpy())
    return np.concatenate(parts)


def relevance_of_events(model: TrainedModel, skies: Table, epsilon: float = 0.0) -> tuple[Ragged, np.ndarray]:
    """Relevance of each cosmic ray for the log odds, and the part of each sky's log odds that the network's constants absorb (events,).

    Double precision. A map's pixel shares its relevance among the cosmic rays in it. An ensemble's relevance is the mean of its networks'; the constants'
    part also takes what the odds of the mixture differ from the mean.
    """
    from cloudchamber.run.ensemble import networks_of

    networks = networks_of(model)
    found = [_network_relevance(network, skies, epsilon) for network in networks]
    values = np.mean([each.values for each, _ in found], axis=0)
    absorbed = np.mean([part for _, part in found], axis=0)
    if len(networks) > 1:
        absorbed = absorbed + log_odds(model, skies) - np.mean([log_odds(network, skies) for network in networks], axis=0)
    return Ragged(values, found[0][0].offsets), absorbed


def _network_relevance(network: TrainedNetwork, skies: Table, epsilon: float) -> tuple[Ragged, np.ndarray]:
    import copy

    import torch

    from cloudchamber.explain.relevance import relevance
    from cloudchamber.nn.sphere import nested_pixel
    from cloudchamber.studies.cosmic_ray_sky.codec import SkyMapCodec, directions

    precise = copy.deepcopy(_judge(network)).double().eval()
    values, absorbed = [], []
    for sky in range(events_in({name: skies[name] for name in SEEN})):
        one = {name: skies[name][sky : sky + 1] for name in SEEN}
        given = _encoded(network, one, slice(None)).double()
        found = relevance(precise.logits, given, _odds, epsilon)
        if isinstance(network.given_codec, SkyMapCodec):
            pixels = nested_pixel(network.given_codec.settings.nside, *directions(_tensors(network, one)))[0]
            each = found.values.unflatten(1, (2, -1)).sum(1)[0]
            shared = each[pixels] / torch.bincount(pixels, minlength=len(each))[pixels]
        else:
            shared = found.values.unflatten(1, (-1, network.given_codec.size)).sum(2)[0]
        values.append(shared.numpy())
        absorbed.append(float(found.absorbed[0]))
    return Ragged.from_list(values), np.array(absorbed)


def _odds_of(model: TrainedModel, skies: Table, events: slice) -> Tensor:
    import torch

    from cloudchamber.run.ensemble import networks_of

    each = [_judge(network).logits(_encoded(network, skies, events)) for network in networks_of(model)]
    if len(each) == 1:
        return _odds(each[0])
    # of the mixture: the mean of probabilities
    return _odds(torch.stack([logits.log_softmax(1) for logits in each]).logsumexp(0))


def _odds(logits: Tensor) -> Tensor:
    return logits[:, SIGNAL] - logits[:, ISOTROPY]


def _judge(model: TrainedNetwork) -> CategoricalModel:
    from cloudchamber.models.heads import CategoricalModel

    if not isinstance(model.model, CategoricalModel):
        raise TypeError(f"'{model.name}' is no classifier: it states no odds of a signal")
    return model.model


def _tensors(model: TrainedNetwork, skies: Table, events: slice = slice(None)) -> dict[str, Tensor]:
    from cloudchamber.nn.tensors import to_tensors

    return to_tensors(take({name: skies[name] for name in SEEN}, events), {name: model.given_columns[name] for name in SEEN})


def _encoded(model: TrainedNetwork, skies: Table, events: slice) -> Tensor:
    given: Tensor = model.given_codec.encode(_tensors(model, skies, events), {})
    return given
