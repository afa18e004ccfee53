"""A whole energy shared by parts and a rest, as unbounded numbers; what lies below a threshold becomes a blob of its own below zero."""

from __future__ import annotations

from math import log

import torch
from torch import Tensor

EASE = 0.01
"""Keeps the numbers bounded where the rest vanishes."""
SOFT_MEV = 0.5
"""Numbers are linear in energies below this and logarithmic above."""
BLOB_MEAN, BLOB_WIDTH, BLOB_REACH = -1.5, 0.5, 3.0
"""Energies below the threshold are normal numbers with this mean and deviation, cut at so many deviations, which is zero."""
LINE_MEV, LINE_HALF_WIDTH_MEV = 0.51099891, 2.5e-4
"""One photon of positrons' annihilation at rest, alone in a crystal, or leaking: in CsI one deposit in a hundred is exactly this, the electron's mass in Geant4
(CLHEP's PhysicalConstants.h), which differs from today's in its last digit of single precision."""
OPENED_MEV = 0.035
"""The line is opened so wide that it is about as dense as what surrounds it, and a smooth density has it right."""
LARGEST, TINY_MEV = 25.0, 1e-20


def open_line(energies: Tensor, uniform: Tensor) -> Tensor:
    """Energies in the line spread by ``uniform`` in (0, 1) over ``OPENED_MEV``, those above it moved up."""
    opened = torch.where(energies > LINE_MEV, energies + OPENED_MEV, energies)
    return torch.where(in_line(energies), LINE_MEV + OPENED_MEV * uniform, opened)


def close_line(opened: Tensor) -> Tensor:
    """Undo ``open_line``."""
    return torch.minimum(opened, (opened - OPENED_MEV).clamp_min(LINE_MEV))


def in_line(energies: Tensor) -> Tensor:
    """Which energies are the line's."""
    return (energies - LINE_MEV).abs() < LINE_HALF_WIDTH_MEV


def share(parts: Tensor, whole: Tensor) -> Tensor:
    """``parts`` (events, parts) of ``whole`` (events, 1) relative to the rest, in units of the whole: a one-to-one map of any parts that leave a rest >= 0.

    a = p W / (R + EASE W) with R = W - sum p: hardly more than p itself where the rest is most of the whole.
    """
    return parts * _steepness(parts, whole)


def share_log_det(parts: Tensor, there: Tensor, whole: Tensor) -> Tensor:
    """ln|d share / d parts|, (events,), over the parts that are ``there``; the others are 0."""
    numbers = there.sum(1)
    return log(1 + EASE) * (numbers > 0) + (numbers + (numbers > 0)) * _steepness(parts, whole).log()[:, 0]


def unshare(relative: Tensor, whole: Tensor) -> Tensor:
    """Parts from any ``relative`` >= 0: never negative, and together no more than the whole."""
    total, some = relative.sum(1, keepdim=True), whole.clamp_min(TINY_MEV)
    rest = (whole * (whole - EASE * total) / (total + some)).clamp_min(0.0)
    parts = relative * (rest / some + EASE)
    # more than a share can be: the rest is 0, and the parts give up what is too much
    return parts * (whole / parts.sum(1, keepdim=True).clamp_min(TINY_MEV)).clamp_max(1.0)


def _steepness(parts: Tensor, whole: Tensor) -> Tensor:
    """W / (R + EASE W), (events, 1)."""
    whole = whole.clamp_min(TINY_MEV)
    return whole / ((whole - parts.sum(1, keepdim=True)).clamp_min(0.0) + EASE * whole)


def lift(relative: Tensor, there: Tensor, uniform: Tensor) -> Tensor:
    """ln(1 + energy / SOFT_MEV) where ``there``, else a number of the blob made from ``uniform`` in (0, 1)."""
    edge = torch.special.ndtr(torch.tensor(-BLOB_REACH))
    blob = BLOB_MEAN + BLOB_WIDTH * torch.special.ndtri(edge + (1 - 2 * edge) * uniform)
    return torch.where(there, torch.log1p(relative / SOFT_MEV), blob.clamp_max(0.0))


def lift_log_det(relative: Tensor, there: Tensor, lifted: Tensor) -> Tensor:
    """ln|d lift / d energy|, (events,), and for numbers of the blob -ln of its density, so that they count as a probability."""
    inside = 1 - 2 * torch.special.ndtr(torch.tensor(-BLOB_REACH, dtype=torch.float64)).item()
    blob = 0.5 * ((lifted - BLOB_MEAN) / BLOB_WIDTH).square() + log(BLOB_WIDTH * inside) + 0.5 * log(2 * torch.pi)
    return torch.where(there, -torch.log(relative + SOFT_MEV), blob).sum(1)


def unlift(lifted: Tensor) -> Tensor:
    """Energies; 0 for numbers of the blob."""
    return SOFT_MEV * (lifted.clamp(0.0, LARGEST).exp() - 1)


def uniform_of(numbers: Tensor, size: int) -> Tensor:
    """(events, size) numbers uniform in (0, 1), decided by the bits of each event's ``numbers`` (events, any) alone, so that no seed is needed.

    References: Steele et al. (2014), Fast splittable pseudorandom number generators (SplitMix64), OOPSLA 49, 453.
    """
    bits = numbers.float().contiguous().view(torch.int32).long()
    event = _mixed((bits * (2 * 0x9E3779B1 * torch.arange(1, bits.shape[1] + 1, device=bits.device) + 1)).sum(1, keepdim=True))
    words = _mixed(event + torch.arange(1, size + 1, device=bits.device) * _signed(0x9E3779B97F4A7C15))
    return ((words & 0xFFFFFF).float() + 0.5) / 2**24


def _mixed(words: Tensor) -> Tensor:
    words = (words ^ _shifted(words, 30)) * _signed(0xBF58476D1CE4E5B9)
    words = (words ^ _shifted(words, 27)) * _signed(0x94D049BB133111EB)
    return words ^ _shifted(words, 31)


def _shifted(words: Tensor, by: int) -> Tensor:
    """To the right, zeros coming in."""
    return (words >> by) & ((1 << (64 - by)) - 1)


def _signed(word: int) -> int:
    """The same 64 bits as torch's signed integer."""
    return word - (1 << 64) if word >= 1 << 63 else word
