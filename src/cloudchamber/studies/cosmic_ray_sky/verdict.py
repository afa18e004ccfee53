"""What a network says of skies: log odds of a signal, and how much each cosmic ray spoke for one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cloudchamber.schema import Ragged, Table, events_in, take
from cloudchamber.studies.cosmic_ray_sky.columns import ISOTROPY, SEEN, SIGNAL

if TYPE_CHECKING:
    from torch import Tensor

    from cloudchamber.models.heads import CategoricalModel
    from cloudchamber.run.trained import TrainedModel

_SKIES_AT_A_TIME = 32


def log_odds(model: TrainedModel, skies: Table) -> np.ndarray:
    """ln p(signal) / p(isotropy) of each sky (events,), from the network's logits, so that it does not saturate; no check of the trained domain."""
    import torch

    parts = []
    with torch.no_grad():
        for first in range(0, events_in({name: skies[name] for name in SEEN}), _SKIES_AT_A_TIME):
            parts.append(_odds(_judge(model).logits(_encoded(model, skies, slice(first, first + _SKIES_AT_A_TIME)))).double().cpu().numpy())
    return np.concatenate(parts)


def relevance_of_events(model: TrainedModel, skies: Table, epsilon: float = 0.0) -> tuple[Ragged, np.ndarray]:
    """Relevance of each cosmic ray for the log odds, and the part of each sky's log odds that the network's constants absorb (events,).

    Double precision. A map's pixel shares its relevance among the cosmic rays in it.
    """
    import copy

    import torch

    from cloudchamber.explain.relevance import relevance
    from cloudchamber.nn.sphere import nested_pixel
    from cloudchamber.studies.cosmic_ray_sky.codec import SkyMapCodec, directions

    precise = copy.deepcopy(_judge(model)).double().eval()
    values, absorbed = [], []
    for sky in range(events_in({name: skies[name] for name in SEEN})):
        one = {name: skies[name][sky : sky + 1] for name in SEEN}
        given = _encoded(model, one, slice(None)).double()
        found = relevance(precise.logits, given, _odds, epsilon)
        if isinstance(model.given_codec, SkyMapCodec):
            pixels = nested_pixel(model.given_codec.settings.nside, *directions(_tensors(model, one)))[0]
            each = found.values.unflatten(1, (2, -1)).sum(1)[0]
            shared = each[pixels] / torch.bincount(pixels, minlength=len(each))[pixels]
        else:
            shared = found.values.unflatten(1, (-1, model.given_codec.size)).sum(2)[0]
        values.append(shared.numpy())
        absorbed.append(float(found.absorbed[0]))
    return Ragged.from_list(values), np.array(absorbed)


def _odds(logits: Tensor) -> Tensor:
    return logits[:, SIGNAL] - logits[:, ISOTROPY]


def _judge(model: TrainedModel) -> CategoricalModel:
    from cloudchamber.models.heads import CategoricalModel

    if not isinstance(model.model, CategoricalModel):
        raise TypeError(f"'{model.recipe.name}' is no classifier: it states no odds of a signal")
    return model.model


def _tensors(model: TrainedModel, skies: Table, events: slice = slice(None)) -> dict[str, Tensor]:
    from cloudchamber.run.trained import to_tensors

    return to_tensors(take({name: skies[name] for name in SEEN}, events), {name: model.given_columns[name] for name in SEEN})


def _encoded(model: TrainedModel, skies: Table, events: slice) -> Tensor:
    given: Tensor = model.given_codec.encode(_tensors(model, skies, events), {})
    return given
