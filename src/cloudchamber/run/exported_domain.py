"""The trained domain inside an exported graph: which events lie in it, and which hold what nobody can answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from cloudchamber.run.domain import ELEMENTS_ROOM, Allowed, Domain, SetDomain, values_of, widened
from cloudchamber.schema import Column


class ExportedDomain(nn.Module):
    """forward(*given columns) to ``in_domain`` (events,), as ``run.domain.inside`` says of them; ``answerable`` and ``safe`` are for what it cannot look at.

    Columns are tensors as ``to_tensors`` makes them: numbers in single precision, codes of categories, sets with NaN where they have no more elements.
    """

    def __init__(self, columns: Mapping[str, Column], domain: Domain) -> None:
        super().__init__()
        self.columns = nn.ModuleList(_ColumnDomain(column, domain[name]) for name, column in columns.items())

    def forward(self, *given: Tensor) -> Tensor:
        return _every([column(values) for column, values in zip(self.columns, given, strict=True)])

    def answerable(self, given: Sequence[Tensor]) -> Tensor:
        """Which events hold finite numbers and known codes only, (events,): Python refuses the others even where it flags what is outside."""
        return _every([_all(each.readable(values)) for each, values in self._pairs(given)])

    def safe(self, given: Sequence[Tensor]) -> list[Tensor]:
        """The same columns with a value of the domain in place of each that cannot be read, so that no network looks up what it does not have."""
        return [torch.where(each.readable(values), values, each.stand_in.to(values.dtype)) for each, values in self._pairs(given)]

    def _pairs(self, given: Sequence[Tensor]) -> list[tuple[_ColumnDomain, Tensor]]:
        pairs = []
        for column, values in zip(self.columns, given, strict=True):
            assert isinstance(column, _ColumnDomain)
            pairs.append((column, values))
        return pairs


class _ColumnDomain(nn.Module):
    """Of one column."""

    low: Tensor
    high: Tensor
    codes: Tensor
    stand_in: Tensor

    def __init__(self, column: Column, entry: Allowed | SetDomain) -> None:
        super().__init__()
        self.categories, self.ragged = len(column.categories), column.ragged
        self.elements = entry.elements if isinstance(entry, SetDomain) else None
        allowed = values_of(entry)
        if self.categories:
            codes = [column.categories.index(str(name)) for name in allowed]
            self.register_buffer("codes", torch.tensor(codes), persistent=False)
            self.register_buffer("stand_in", torch.tensor(codes[0]), persistent=False)
        else:
            low, high = widened(*map(float, allowed))
            self.register_buffer("low", torch.tensor(np.float32(low)), persistent=False)
            self.register_buffer("high", torch.tensor(np.float32(high)), persistent=False)
            self.register_buffer("stand_in", torch.tensor(np.float32(allowed[0])), persistent=False)

    def forward(self, values: Tensor) -> Tensor:
        """(events,)."""
        good = (values.unsqueeze(-1) == self.codes).any(-1) if self.categories else (values >= self.low) & (values <= self.high)
        if self.elements is None:
            return _all(good)
        there = self._there(values)
        count = there.sum(1)
        fewest, most = self.elements
        # a gap in a set is no end of it
        from_the_left = torch.arange(values.shape[1], device=values.device) < count[:, None]
        fits = (ELEMENTS_ROOM * count >= fewest) & (count <= ELEMENTS_ROOM * most)
        return _all(good | self._absent(values)) & _all(there == from_the_left) & fits

    def readable(self, values: Tensor) -> Tensor:
        """Of each entry."""
        known = torch.arange(self.categories, device=values.device)
        good = (values.unsqueeze(-1) == known).any(-1) if self.categories else values.isfinite()
        return good | self._absent(values) if self.ragged else good

    def _there(self, values: Tensor) -> Tensor:
        """Which places of the sets hold an element, (events, longest)."""
        known = ~values.isnan()
        return known if values.ndim == 2 else known.flatten(2).any(2)

    def _absent(self, values: Tensor) -> Tensor:
        return ~self._there(values).reshape(*values.shape[:2], *(1 for _ in values.shape[2:]))


def _all(good: Tensor) -> Tensor:
    return good if good.ndim == 1 else good.flatten(1).all(1)


def _every(good: Sequence[Tensor]) -> Tensor:
    return torch.stack(list(good)).all(0)
