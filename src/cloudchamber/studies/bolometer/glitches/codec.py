"""A candidate as numbers for a network: its samples in units of the noise, what the filter says of it; and what the network corrects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import log

import torch
from torch import Tensor

from cloudchamber.nn.codec import Codec, Tensors
from cloudchamber.nn.scale import Standardise
from cloudchamber.schema import Column
from cloudchamber.studies.bolometer.glitches.columns import FAMILIES, GLITCHES, SAMPLES

GIVEN = ("rate_hz", "noise_w", "filter_family", "filter_lag_s", "filter_height_w", "filter_significance", "data_sigma", "residual_sigma")
TARGET = ("glitch", "lag_s", "height_w")
NEAR_NOISE = 8.0
"""Significances above are no matter of noise."""
NOISE_W = 5e-17
"""About what noise is, the scale of a number."""
BINS = (8, *[1] * 24, *[4] * 4, *[8] * 4)
"""So many samples each are taken together, from the window's first one on: single ones from 8 before the candidate's first sample to 16 after it."""


@dataclass(frozen=True)
class Candidates:
    """Settings of the codec of ``GIVEN``."""

    def build(self, columns: Mapping[str, Column]) -> CandidatesCodec:
        """The codec of these columns."""
        _check(columns, GIVEN)
        return CandidatesCodec()


class CandidatesCodec(Codec):
    """See ``Candidates``: data and residual in ``BINS``, compressed; ln of height, significance and noise, lag, family, rate."""

    bins: Tensor

    def __init__(self) -> None:
        super().__init__()
        if sum(BINS) != SAMPLES:
            raise ValueError(f"the bins hold {sum(BINS)} samples, a window has {SAMPLES}")
        self.size = 2 * len(BINS) + 7 + len(FAMILIES)
        # sums whose noise is 1
        weights = [torch.full((length, 1), length**-0.5) for length in BINS]
        self.register_buffer("bins", torch.block_diag(*weights), persistent=False)
        self.scale = Standardise(self.size)

    def fit(self, columns: Tensors, given: Tensors) -> None:
        self.scale.fit(self._numbers(columns))

    def encode(self, columns: Tensors, given: Tensors) -> Tensor:
        numbers: Tensor = self.scale(self._numbers(columns))
        return numbers.clamp(-20, 20)

    def decode(self, flat: Tensor, given: Tensors) -> Tensors:
        raise ValueError("a candidate's samples are what is given: this codec does not decode")

    def log_det(self, columns: Tensors, given: Tensors) -> Tensor:
        raise ValueError("a candidate's samples are what is given: they have no density here")

    def _numbers(self, columns: Tensors) -> Tensor:
        data, residual = (columns[name].float() @ self.bins for name in ("data_sigma", "residual_sigma"))
        noise, rate = (columns[name].float() for name in ("noise_w", "rate_hz"))
        height = _height_sigma(columns["filter_height_w"], columns)
        family = (columns["filter_family"][:, None] == torch.arange(len(FAMILIES), device=data.device)).float()
        lag = columns["filter_lag_s"].float() * rate
        significance = columns["filter_significance"].float().clamp_min(1e-3)
        # where noise becomes pulses, a little counts for much
        near = (significance.clamp_max(NEAR_NOISE), torch.tanh(significance - 0.5 * NEAR_NOISE))
        plain = (height.log(), significance.log(), *near, (noise / NOISE_W).clamp_min(1e-30).log(), lag, rate / 180.0)
        return torch.cat((_compressed(data), _compressed(residual), torch.stack(plain, 1), family), 1)


@dataclass(frozen=True)
class Verdicts:
    """Settings of the codec of ``TARGET``, measured from what the filter says."""

    def build(self, columns: Mapping[str, Column]) -> VerdictsCodec:
        """The codec of these columns."""
        _check(columns, TARGET)
        return VerdictsCodec()


class VerdictsCodec(Codec):
    """See ``Verdicts``: one-hot glitch; start of the pulse in samples from the filter's, ln of the height over the filter's."""

    def __init__(self) -> None:
        super().__init__()
        self.size = len(GLITCHES) + 2
        self.scale = Standardise(2)

    def fit(self, columns: Tensors, given: Tensors) -> None:
        self.scale.fit(self._numbers(columns, given))

    def encode(self, columns: Tensors, given: Tensors) -> Tensor:
        label = (columns["glitch"][:, None] == torch.arange(len(GLITCHES), device=columns["glitch"].device)).float()
        return torch.cat((label, self.scale(self._numbers(columns, given))), 1)

    def decode(self, flat: Tensor, given: Tensors) -> Tensors:
        label, numbers = flat.split((len(GLITCHES), 2), 1)
        lag, ln_height = self.scale.inverse(numbers).unbind(1)
        noise = given["noise_w"].double()
        height = (_height_sigma(given["filter_height_w"], given).double().log() + ln_height.double()).clamp(log(1e-6), log(1e9)).exp() * noise
        return {"glitch": label.argmax(1), "lag_s": given["filter_lag_s"].float() + lag / given["rate_hz"].float(), "height_w": height}

    def log_det(self, columns: Tensors, given: Tensors) -> Tensor:
        return self.scale.log_det() + given["rate_hz"].float().log() - columns["height_w"].double().clamp_min(1e-30).log().float()

    @staticmethod
    def _numbers(columns: Tensors, given: Tensors) -> Tensor:
        lag = (columns["lag_s"].float() - given["filter_lag_s"].float()) * given["rate_hz"].float()
        ln_height = (_height_sigma(columns["height_w"], given) / _height_sigma(given["filter_height_w"], given)).log()
        return torch.stack((lag, ln_height), 1)


def _compressed(values: Tensor) -> Tensor:
    """arsinh, in operations that an exported graph knows."""
    size = values.abs()
    return values.sign() * (size + (size.square() + 1).sqrt()).log()


def _height_sigma(height_w: Tensor, given: Tensors) -> Tensor:
    """In units of the noise; the quotient is taken in double precision, as both are small."""
    return (height_w.double() / given["noise_w"].double().clamp_min(1e-30)).float().clamp_min(1e-6)


def _check(columns: Mapping[str, Column], needed: tuple[str, ...]) -> None:
    if tuple(columns) != needed:
        raise ValueError(f"this codec maps the columns {', '.join(needed)}, got: {', '.join(columns)}")
