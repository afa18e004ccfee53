"""From named columns in physical units to the flat, standardised numbers that networks learn on, and back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import log, prod
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cloudchamber.nn.scale import Standardise
from cloudchamber.nn.whole import LARGEST, WholeNumbers, places, standard_log_density
from cloudchamber.schema import Column

Tensors = dict[str, Tensor]
EDGE = 1e-6
"""A logit column is kept this share of its range away from both ends."""
CLAMPED_DEVIATIONS = 6.0
"""A bound so far from the mean, in deviations of the training data, moves none of the draws worth a word."""


class Codec(nn.Module, ABC):
    """The map between columns and flat numbers; all that it learns from data lives in buffers.

    ``given`` holds the given columns, for codecs whose map depends on them; the codec of the given columns themselves gets ``{}``.

    A ragged column comes as a float tensor (events, longest, ...), NaN where a set has no more elements. A codec of sets may encode to
    (events, longest * size), element after element: ``size`` is then the numbers an element, zeros stand for an absent one, and the longest set of the
    batch makes the width.

    ``fit`` gets at most ``fit_events`` events: enough for means and widths; whoever keeps the ends of distributions wants more.
    """

    size: int
    fit_events: ClassVar[int] = 50_000

    @abstractmethod
    def fit(self, columns: Tensors, given: Tensors) -> None:
        """Set the buffers from training data."""

    @abstractmethod
    def encode(self, columns: Tensors, given: Tensors) -> Tensor:
        """Flat numbers, (events, size)."""

    @abstractmethod
    def decode(self, flat: Tensor, given: Tensors) -> Tensors:
        """Columns in physical units."""

    @abstractmethod
    def log_det(self, columns: Tensors, given: Tensors) -> Tensor:
        """ln|d flat / d columns|, (events,); ValueError if the codec reduces the dimension, so that no density of the columns exists."""

    def entries(self, flat: Tensor) -> Tensors | None:
        """The flat numbers (events, size) as they belong to entries of the number columns, where each entry is a rising function of its own one alone."""
        return None

    def log_prob(self, columns: Tensors, given: Tensors, density: Callable[[Tensor], Tensor]) -> Tensor:
        """ln of the density of the columns, (events,), where ``density`` gives that of flat numbers; of whole numbers their probability."""
        log_det = self.log_det(columns, given)
        return density(self.encode(columns, given)) + log_det


@dataclass(frozen=True)
class Columns:
    """Settings of the default codec: the columns flattened in their order, each number transformed and standardised; categories become one-hot.

    ``transforms`` names the columns to take the logarithm of (positive values) or the logit of (needs the column's ``low`` and ``high``),
    and the target's ``whole`` numbers, which are spread over normal ones by their frequencies (``nn.whole``).
    """

    transforms: Mapping[str, Literal["linear", "log", "logit", "whole"]] = field(default_factory=dict)

    def build(self, columns: Mapping[str, Column]) -> ColumnsCodec:
        """The codec of these columns."""
        return ColumnsCodec(columns, self.transforms)


class ColumnsCodec(Codec):
    """See ``Columns``. Decoded values are kept within a column's ``low`` and ``high``."""

    def __init__(self, columns: Mapping[str, Column], transforms: Mapping[str, str]) -> None:
        super().__init__()
        unknown = [name for name in transforms if name not in columns]
        if unknown:
            raise ValueError(f"transform for unknown column '{unknown[0]}'; the columns are: {', '.join(columns)}")
        for name, column in columns.items():
            _check_column(name, column, transforms.get(name, "linear"))
        self.columns = dict(columns)
        self.transforms = {name: transforms.get(name, "linear") for name in columns}
        self.sizes = [prod(column.shape) * max(len(column.categories), 1) for column in columns.values()]
        self.size = sum(self.sizes)
        self.scale = Standardise(self.size)
        self.whole_numbers = nn.ModuleList(WholeNumbers(prod(column.shape)) for name, column in columns.items() if self.transforms[name] == "whole")

    def fit(self, columns: Tensors, given: Tensors) -> None:
        for name, transform in self.transforms.items():
            if transform == "log" and bool((columns[name] <= 0).any()):
                smallest = columns[name].min().item()
                raise ValueError(f"column '{name}': {smallest:g} has no logarithm; all values must be above 0, or use the transform 'linear'")
        for (name, values), whole in zip(self._whole_columns(columns).items(), self.wholes, strict=True):
            if bool((values.abs() > LARGEST).any()) or bool((values != values.round()).any()):
                raise ValueError(f"column '{name}': the transform 'whole' takes whole numbers up to {LARGEST}, got {values.abs().max().item():.9g}")
            whole.fit(values)
        flat = self._flatten(columns)
        if not bool(torch.isfinite(flat).all()):
            bad = [name for name, part in zip(self.columns, flat.split(self.sizes, 1), strict=True) if not bool(torch.isfinite(part).all())]
            raise ValueError(f"column '{bad[0]}' holds NaN or infinite values")
        self.scale.fit(flat)
        as_it_is = [bool(column.categories) or self.transforms[name] == "whole" for name, column in self.columns.items()]
        for kept, mean, deviation in zip(as_it_is, self.scale.mean.split(self.sizes), self.scale.deviation.split(self.sizes), strict=True):
            if kept:
                mean.zero_()
                deviation.fill_(1.0)

    def encode(self, columns: Tensors, given: Tensors) -> Tensor:
        flat: Tensor = self.scale(self._flatten(columns))
        return flat

    def decode(self, flat: Tensor, given: Tensors) -> Tensors:
        # category entries are scaled by 1, so their largest entry stays the largest
        parts = self.scale.inverse(flat).split(self.sizes, dim=1)
        return {name: self._to_column(name, column, part) for (name, column), part in zip(self.columns.items(), parts, strict=True)}

    def entries(self, flat: Tensor) -> Tensors:
        parts = zip(self.columns.items(), flat.split(self.sizes, 1), strict=True)
        return {name: part.reshape(-1, *column.shape) for (name, column), part in parts if not column.categories}

    def log_prob(self, columns: Tensors, given: Tensors, density: Callable[[Tensor], Tensor]) -> Tensor:
        if not self.wholes:
            return super().log_prob(columns, given, density)
        rest = self.log_det(columns, given)
        values = self._whole_columns(columns)
        total = sum(whole.log_share(numbers).sum(1) for whole, numbers in zip(self.wholes, values.values(), strict=True))
        looked = []
        for place in places(sum(numbers.shape[1] for numbers in values.values())):
            within = place.to(rest).expand(len(rest), -1)
            flat = self._flatten(columns, within)
            normal = [part for part, name in zip(flat.split(self.sizes, 1), self.columns, strict=True) if self.transforms[name] == "whole"]
            looked.append(density(self.scale(flat)) - standard_log_density(torch.cat(normal, 1)))
        return torch.stack(looked).logsumexp(0) - log(len(looked)) + total + rest

    def log_det(self, columns: Tensors, given: Tensors) -> Tensor:
        categories = self._is_category()
        if any(categories) and not all(categories):
            raise ValueError(f"no joint density of categories and numbers: learn {', '.join(self.columns)} in separate models")
        self._refuse_clamped()
        total = self.scale.log_det().expand(len(next(iter(columns.values()))))
        for name, transform in self.transforms.items():
            values = columns[name].flatten(1) if columns[name].ndim > 1 else columns[name][:, None]
            if transform == "log":
                total = total - values.clamp_min(torch.finfo(values.dtype).tiny).log().sum(1)
            elif transform == "logit":
                low, high = _range(self.columns[name])
                share = ((values - low) / (high - low)).clamp(EDGE, 1 - EDGE)
                total = total - (share.log() + torch.log1p(-share) + log(high - low)).sum(1)
        return total

    def _refuse_clamped(self) -> None:
        """ValueError where decoding moves a noticeable share of the draws to a bound, so that no density knows of them."""
        sides = zip(self.columns.items(), self.scale.mean.split(self.sizes), self.scale.deviation.split(self.sizes), strict=True)
        for (name, column), mean, deviation in sides:
            transform = self.transforms[name]
            if column.categories or transform in ("logit", "whole"):
                continue
            for bound, sign in ((column.low, -1.0), (column.high, 1.0)):
                if bound is None or (transform == "log" and bound <= 0):
                    continue
                edge = log(bound) if transform == "log" else bound
                if bool((sign * (edge - mean) < CLAMPED_DEVIATIONS * deviation).any()):
                    other = "'logit'" if column.low is not None and column.high is not None else "'log', or a column without that bound"
                    raise ValueError(f"column '{name}': draws beyond its bound {bound:g} are moved there, so it has no density; use the transform {other}")

    def _is_category(self) -> list[bool]:
        return [bool(column.categories) for column in self.columns.values()]

    @property
    def wholes(self) -> list[WholeNumbers]:
        """The maps of the columns of whole numbers, in their order."""
        return [each for each in self.whole_numbers if isinstance(each, WholeNumbers)]

    def _whole_columns(self, columns: Tensors) -> Tensors:
        return {name: columns[name].float().flatten(1) if columns[name].ndim > 1 else columns[name].float()[:, None] for name in self._whole_names()}

    def _whole_names(self) -> list[str]:
        return [name for name, transform in self.transforms.items() if transform == "whole"]

    def _flatten(self, columns: Tensors, within: Tensor | None = None) -> Tensor:
        """``within`` says where in their steps whole numbers are put, (events, whole numbers); by chance if None, the same at each call."""
        missing = [name for name in self.columns if name not in columns]
        if missing:
            raise ValueError(f"missing column '{missing[0]}'; needed: {', '.join(self.columns)}")
        flat = {name: self._to_flat(name, column, columns[name]) for name, column in self.columns.items() if self.transforms[name] != "whole"}
        values = self._whole_columns(columns)
        if values and within is None:
            shape = len(next(iter(values.values()))), sum(whole.size for whole in self.wholes)
            within = torch.rand(shape, generator=torch.Generator().manual_seed(0)).to(self.scale.mean.device)
        first = 0
        for (name, numbers), whole in zip(values.items(), self.wholes, strict=True):
            assert within is not None
            flat[name] = whole.encode(numbers, within[:, first : first + numbers.shape[1]])
            first += numbers.shape[1]
        return torch.cat([flat[name] for name in self.columns], dim=1)

    def _to_flat(self, name: str, column: Column, values: Tensor) -> Tensor:
        if column.categories:
            codes = torch.arange(len(column.categories), device=values.device)
            return (values.unsqueeze(-1) == codes).float().flatten(1)
        values = values.float().reshape(-1, prod(column.shape))
        if self.transforms[name] == "log":
            return values.clamp_min(torch.finfo(values.dtype).tiny).log()
        if self.transforms[name] == "logit":
            low, high = _range(column)
            share = ((values - low) / (high - low)).clamp(EDGE, 1 - EDGE)
            return share.log() - torch.log1p(-share)
        return values

    def _to_column(self, name: str, column: Column, flat: Tensor) -> Tensor:
        if column.categories:
            return flat.reshape(-1, *column.shape, len(column.categories)).argmax(-1)
        if self.transforms[name] == "whole":
            flat = self.wholes[self._whole_names().index(name)].decode(flat)
        elif self.transforms[name] == "log":
            flat = flat.clamp(-87.0, 88.0).exp()
        elif self.transforms[name] == "logit":
            low, high = _range(column)
            flat = low + (high - low) * F.sigmoid(flat)
        if column.low is not None or column.high is not None:
            flat = flat.clamp(column.low, column.high)
        return flat.reshape(-1, *column.shape)


def _check_column(name: str, column: Column, transform: str) -> None:
    if column.ragged:
        raise ValueError(f"column '{name}' is ragged: the recipe needs a codec of its own for it")
    if column.categories and transform != "linear":
        raise ValueError(f"column '{name}' holds categories, which become one-hot: no transform '{transform}'")
    if transform == "logit":
        _range(column, name)


def _range(column: Column, name: str = "") -> tuple[float, float]:
    if column.low is None or column.high is None or not column.low < column.high:
        raise ValueError(f"column '{name}': the transform 'logit' needs low < high in the schema, got {column.low} and {column.high}")
    return column.low, column.high
