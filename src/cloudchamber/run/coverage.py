"""What training events cover: the domain that a run answers in, and how the features of events like them lie."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor

from cloudchamber.models.base import ConditionalModel
from cloudchamber.run.domain import Domain, SetDomain, domain_of, values_of
from cloudchamber.run.familiarity import Familiarity
from cloudchamber.schema import Schema, Table

EDGE_SHARE = 0.005
"""Training events that come this near to a bound of the schema, as a share of their range, cover it."""
EDGE_SPACINGS = 10
"""The trained domain reaches so many mean spacings of the training events beyond the outermost ones."""
EDGE_ELEMENTS = 10
"""Among the many elements of sets it reaches as far beyond the outermost one as the tenth lies within."""


def trained_domain(schema: Schema, given: Sequence[str], sample: Table) -> Domain:
    """What the training events cover, a little widened so that the next event of the same kind lies inside, within the schema's own bounds.

    A column of theta has an edge, and the next event lies a few mean spacings beyond the outermost one at most; what a detector sees has none, and gets
    as much room again on either side. The elements of sets are so many that they show by themselves whether there is an edge, such as a threshold.
    """

    domain = domain_of(sample, schema.select(given))
    for name, column in schema.select(given).items():
        if column.categories:
            continue
        entry = domain[name]
        low, high = map(float, values_of(entry))
        if isinstance(entry, SetDomain):
            low, high = _beyond(np.ravel(sample[name].values))
        else:
            room = (high - low) * (EDGE_SPACINGS / len(sample[name]) if name in schema.theta else 1.0)
            low, high = low - room, high + room
        # a prior that thins out towards a bound of the schema, as zenith angles do, still reaches it
        near = EDGE_SHARE * (high - low)
        low = column.low if column.low is not None and low - column.low < near else low
        high = column.high if column.high is not None and column.high - high < near else high
        bounds = (low if column.low is None else max(low, column.low), high if column.high is None else min(high, column.high))
        domain[name] = SetDomain(bounds, entry.elements) if isinstance(entry, SetDomain) else bounds
    return domain


def learned_familiarity(model: ConditionalModel, held_out: Iterable[tuple[Tensor, Tensor]]) -> Familiarity | None:
    """How the features of ``held_out`` events lie, batches of (target, given); None for a model without features, or for too few events."""

    from cloudchamber.run.familiarity import Familiarity

    if model.feature_size is None:
        return None
    model.eval()
    with torch.no_grad():
        return Familiarity.of(torch.cat([model.features(given).cpu() for _, given in held_out]))


def _beyond(values: np.ndarray) -> tuple[float, float]:
    """A range of ``values`` and a little more: nothing at a sharp edge, more where they thin out."""
    inner = min(EDGE_ELEMENTS, len(values)) - 1
    places = [0, inner, len(values) - 1 - inner, len(values) - 1]
    # in the values' own type: records of uint16 would take four times the room as numbers of double precision
    low, lower, upper, high = np.partition(values, places)[places].tolist()
    return 2.0 * low - lower, 2.0 * high - upper
