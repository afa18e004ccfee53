"""DeepSphere: convolutions on the HEALPix sphere by the Laplacian of a graph of neighbouring pixels, pooling in nested order, rotation-invariant statistics.

References: Perraudin et al. (2019), DeepSphere, Astronomy and Computing 27, 130; Defferrard et al. (2020), DeepSphere: a graph-based spherical CNN, ICLR.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from math import log2
from typing import Any, Literal, cast

import healpix
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

WIDTHS = {
    8: (1.15, 0.85, 0.80, 0.775, 0.800, 0.786),
    20: (1.45, 1.20, 1.05, 1.000, 1.019, 1.001),
    40: (2.60, 1.75, 1.45, 1.360, 1.358, 1.367),
}
"""Distance times nside at which an edge weighs one half, by number of neighbours, for nside 2, 4, 8, 16, 32, and 64 or more.

From nside 32 on these are the published widths (Defferrard et al. 2020, figure 2; the code of its authors gives the numbers and what they multiply); below
they minimise ``equivariance_error`` over the degrees up to nside.
"""
ACTIVATIONS = {"leaky_relu": nn.LeakyReLU, "relu": nn.ReLU, "elu": nn.ELU}
LAST_NSIDE = 2
_TIES = 3
"""More pixels than these never lie exactly as near as the last neighbour."""
_COLUMNS = 16
"""Numbers a pixel that one product takes at a time on a CPU: fewer leave its vector units idle, more fall out of its cache."""


@dataclass(frozen=True)
class DeepSphere:
    """Settings of a spherical network on maps of ``nside``: a convolution for each of ``channels``, Chebyshev polynomials up to ``order``, pooled to 48 pixels.

    ``dropout`` acts on the pooled statistics.
    """

    nside: int = 64
    order: int = 5
    channels: tuple[int, ...] = (8, 16, 64, 64, 64, 64)
    pooling: Literal["average", "max"] = "average"
    activation: Literal["leaky_relu", "relu", "elu"] = "leaky_relu"
    dropout: float = 0.2
    neighbours: Literal[8, 20, 40] = 20

    def build(self, given_size: int) -> DeepSphereBody:
        """The network for maps of ``given_size`` numbers: channels times 12 nside^2 pixels."""
        return DeepSphereBody(self, given_size)


class DeepSphereBody(nn.Module):
    """See ``DeepSphere``: maps (events, channels * pixels), nested, channel after channel, to (events, size) features: mean and spread of each last channel."""

    def __init__(self, settings: DeepSphere, given_size: int) -> None:
        super().__init__()
        nside, pixels = settings.nside, 12 * settings.nside**2
        if nside < LAST_NSIDE or nside & (nside - 1):
            raise ValueError(f"nside must be a power of two, at least {LAST_NSIDE}, got {nside}")
        if given_size < pixels or given_size % pixels:
            raise ValueError(f"maps of nside {nside} have {pixels} pixels a channel: {given_size} numbers are not a whole number of channels; check the codec")
        if not settings.channels:
            raise ValueError("channels names no layer; give the channels of each, such as (16, 32, 64)")
        self.pixels, self.size = pixels, 2 * settings.channels[-1]
        inputs, blocks = given_size // pixels, []
        for outputs, halvings in zip(settings.channels, halvings_after(nside, len(settings.channels)), strict=True):
            blocks.append(SphereBlock(settings, nside, inputs, outputs, halvings))
            inputs, nside = outputs, nside >> halvings
        self.blocks = nn.ModuleList(blocks)
        self.dropout = nn.Dropout(settings.dropout)

    def forward(self, given: Tensor) -> Tensor:
        x = given.unflatten(1, (-1, self.pixels)).transpose(1, 2).contiguous()
        for block in self.blocks:
            x = block(x)
        return cast(Tensor, self.dropout(statistics(x)))


class SphereBlock(nn.Module):
    """(events, pixels, inputs) to (events, pixels / 4^halvings, outputs): convolution, batch norm, activation, pooling."""

    def __init__(self, settings: DeepSphere, nside: int, inputs: int, outputs: int, halvings: int) -> None:
        super().__init__()
        self.convolution = ChebyshevConvolution(nside, inputs, outputs, settings.order, settings.neighbours)
        self.norm = nn.BatchNorm1d(outputs)
        self.activation = ACTIVATIONS[settings.activation]()
        self.pooling, self.children_of_one = settings.pooling, 4**halvings

    def forward(self, x: Tensor) -> Tensor:
        x = self.convolution(x)
        x = self.activation(self.norm(x.flatten(0, 1)).unflatten(0, (-1, x.shape[1])))
        return pool(x, self.children_of_one, self.pooling)


class ChebyshevConvolution(nn.Module):
    """(events, pixels, inputs) to (events, pixels, outputs): sum over k of W_k T_k(L) x, with L the graph's Laplacian scaled to [-1, 1]; no bias.

    References: Defferrard et al. (2016), NeurIPS, equation 4. The graph is rebuilt on construction and stays out of the weights.
    """

    neighbours: Tensor
    entries: Tensor

    def __init__(self, nside: int, inputs: int, outputs: int, order: int = 5, neighbours: int = 20) -> None:
        super().__init__()
        if order < 0:
            raise ValueError(f"order must be at least 0, got {order}")
        self.order = order
        for name, values in zip(("neighbours", "entries"), scaled_laplacian(nside, neighbours), strict=True):
            self.register_buffer(name, torch.from_numpy(values), persistent=False)
        self.linear = nn.Linear((order + 1) * inputs, outputs, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        if x.is_cuda or torch.jit.is_tracing():
            return cast(Tensor, self.linear(self.terms(x)).transpose(0, 1))
        # the recursion of a few events stays in the cache
        side = max(1, _COLUMNS // x.shape[2])
        return torch.cat([self.linear(self.terms(part)).transpose(0, 1) for part in x.split(side)])

    def terms(self, x: Tensor) -> Tensor:
        """T_0 x, ..., T_order x side by side: (events, pixels, inputs) to (pixels, events, (order + 1) * inputs)."""
        flat = x.transpose(0, 1).flatten(1)
        terms = [flat]
        for k in range(1, self.order + 1):
            product = self.laplacian(terms[-1])
            terms.append(product if k == 1 else torch.sub(2.0 * product, terms[-2]))
        return torch.cat([term.unflatten(1, (-1, x.shape[2])) for term in terms], dim=2)

    def laplacian(self, columns: Tensor) -> Tensor:
        """The scaled Laplacian times ``columns`` (pixels, any)."""
        if torch.jit.is_tracing():
            # slower, in operations that every format for exchange knows
            return (columns[self.neighbours] * self.entries[..., None]).sum(1)
        return cast(Tensor, _SymmetricProduct.apply(columns, self.neighbours, self.entries))


class _SymmetricProduct(torch.autograd.Function):
    """A symmetric sparse matrix times columns: its own backward."""

    @staticmethod
    def forward(ctx: Any, columns: Tensor, neighbours: Tensor, entries: Tensor) -> Tensor:
        ctx.save_for_backward(neighbours, entries)
        # sums of weighted rows: two to three times as fast as torch's products of sparse matrices
        return F.embedding_bag(neighbours, columns, mode="sum", per_sample_weights=entries.to(columns.dtype))

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor, None, None]:
        return cast(Tensor, _SymmetricProduct.apply(gradients[0].contiguous(), *ctx.saved_tensors)), None, None


def pool(x: Tensor, children: int, pooling: str = "average") -> Tensor:
    """(events, pixels, channels) to (events, pixels / children, channels): the mean or the maximum of pixels that follow one another in nested order."""
    if children == 1:
        return x
    family = x.unflatten(1, (-1, children))
    return family.mean(2) if pooling == "average" else family.amax(2)


def statistics(x: Tensor) -> Tensor:
    """(events, pixels, channels) to (events, 2 * channels): mean and standard deviation over the sphere, which a rotation does not change."""
    mean = x.mean(1)
    variance = (x - mean[:, None]).square().mean(1)
    return torch.cat((mean, (variance + 1e-12).sqrt()), dim=1)


def halvings_after(nside: int, layers: int) -> list[int]:
    """How often nside is halved after each of the ``layers``, so that 48 pixels are left; evenly, the first layers first, none after the last of several."""
    gaps = max(layers - 1, 1)
    total = int(log2(nside // LAST_NSIDE))
    return [total // gaps + (gap < total % gaps) for gap in range(gaps)] + [0] * (layers - gaps)


@lru_cache(maxsize=16)
def scaled_laplacian(nside: int, neighbours: int = 20) -> tuple[np.ndarray, np.ndarray]:
    """2 L / lambda_max - 1 of the pixels' graph, L = 1 - D^-1/2 A D^-1/2: each row's columns and entries, (pixels, most in a row), filled up with zeros.

    Each pixel has an edge to its ``neighbours`` nearest, and to all as near as the last, of weight 2^-(distance / width)^2 = exp(-distance^2 / 4t) with
    4t = width^2 / ln 2; an edge that only one of the two pixels counts among its nearest has half the weight.
    """
    from scipy.sparse import csr_array, diags_array, eye_array
    from scipy.sparse.linalg import eigsh
    from scipy.spatial import cKDTree

    if neighbours not in WIDTHS:
        raise ValueError(f"neighbours must be one of {', '.join(map(str, WIDTHS))}, for which the widths of the edges are known, got {neighbours}")
    widths, pixels = WIDTHS[neighbours], 12 * nside**2
    width = widths[min(int(log2(nside)), len(widths)) - 1] / nside
    centres = np.stack(healpix.pix2vec(nside, np.arange(pixels), nest=True), axis=-1)
    distance, nearest = cKDTree(centres).query(centres, neighbours + 1 + _TIES)
    near = distance <= distance[:, [neighbours]] * (1 + 1e-9)
    near[:, 0] = False
    weight = np.exp2(-((distance[near] / width) ** 2))
    one_way = csr_array((weight, nearest[near], np.concatenate([[0], np.cumsum(near.sum(1))])), shape=(pixels, pixels))
    adjacency = (one_way + one_way.T) / 2
    root = diags_array(1.0 / np.sqrt(adjacency.sum(1)))
    laplacian = eye_array(pixels, format="csr") - root @ adjacency @ root
    largest = eigsh(laplacian, k=1, which="LM", tol=1e-4, return_eigenvectors=False, v0=np.random.default_rng(0).normal(size=pixels))[0]
    scaled = csr_array(2.0 / largest * laplacian - eye_array(pixels, format="csr"))
    scaled.sort_indices()
    lengths = np.diff(scaled.indptr)
    filled = np.arange(lengths.max()) < lengths[:, None]
    # a row's own pixel fills it up: it is at hand
    columns = np.repeat(np.arange(pixels)[:, None], lengths.max(), axis=1)
    entries = np.zeros(filled.shape, np.float32)
    columns[filled], entries[filled] = scaled.indices, scaled.data
    return columns, entries


def equivariance_error(operator: Callable[[Tensor], Tensor], nside: int, degrees: Iterable[int], maps: int = 4, seed: int = 0) -> float:
    """E |R L f - L R f|^2 / E |L f|^2 of a linear ``operator`` L, maps (maps, pixels) to maps, over random rotations R and white maps f of these ``degrees``.

    No map is rotated: averaged over R, L is a number lambda on the functions of one degree (Schur's lemma), so E |R L f - L R f|^2 = 2 E |L f - lambda f|^2.
    References: Defferrard et al. (2020), equations 3 and 4.
    """
    from scipy.special import eval_legendre

    generator = np.random.default_rng(seed)
    centres = np.stack(healpix.pix2vec(nside, np.arange(12 * nside**2), nest=True), axis=-1)
    apart, size = 0.0, 0.0
    for degree in degrees:
        poles = generator.normal(size=(maps, 16, 3))
        zonal = eval_legendre(degree, (poles / np.linalg.norm(poles, axis=-1, keepdims=True)) @ centres.T)
        before = np.einsum("mpx,mp->mx", zonal, generator.normal(size=(maps, 16)))
        before /= np.sqrt((before**2).mean())
        with torch.no_grad():
            after = operator(torch.from_numpy(before).float()).double().numpy()
        number = (after * before).sum() / (before**2).sum()
        apart += (2 * degree + 1) * 2.0 * ((after - number * before) ** 2).sum()
        size += (2 * degree + 1) * (after**2).sum()
    return float(apart / size)


def nested_pixel(nside: int, x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    """The nested HEALPix pixel, int64, of directions with these components (any shape, any length); ``nside`` a power of two.

    References: Gorski et al. (2005), ApJ 622, 759, sections 4 and 5.
    """
    length = (x * x + y * y + z * z).sqrt()
    height = z / length
    # longitude in quarter turns, 0 to 4, and its place in its quarter
    turns = torch.remainder(torch.atan2(y, x) * (2 / torch.pi), 4.0)
    quarter = turns.floor().clamp_max(3.0)
    place = turns - quarter
    # the belt: ascending and descending diagonals, counted over the whole belt
    rising = torch.floor(nside * (0.5 + turns - 0.75 * height)).long()
    falling = torch.floor(nside * (0.5 + turns + 0.75 * height)).long()
    rise_face, fall_face = rising // nside, falling // nside
    # the same number on both: an equatorial face; else the smaller of both names the northern face, or the southern one below it
    belt_face = torch.where(rise_face == fall_face, rise_face % 4 + 4, torch.where(rise_face < fall_face, rise_face % 4, fall_face % 4 + 8))
    belt_x, belt_y = falling % nside, nside - 1 - rising % nside
    # the caps: sqrt(3 (1 - |z|)) from x and y, which keep their digits near a pole
    reach = nside * (x * x + y * y).sqrt() / length * (3.0 / (1.0 + height.abs())).sqrt()
    a = torch.floor(place * reach).long().clamp_max(nside - 1)
    b = torch.floor((1.0 - place) * reach).long().clamp_max(nside - 1)
    north = height > 0
    cap_face = quarter.long() + torch.where(north, 0, 8)
    cap_x, cap_y = torch.where(north, nside - 1 - b, a), torch.where(north, nside - 1 - a, b)
    belt = height.abs() <= 2 / 3
    face, i, j = (torch.where(belt, *pair) for pair in ((belt_face, cap_face), (belt_x, cap_x), (belt_y, cap_y)))
    # the bits of i and j alternate: a table of numbers with room between their bits
    spread = torch.tensor([int(f"{n:b}", 4) for n in range(nside)], device=x.device)
    return face * nside**2 + spread[i] + 2 * spread[j]
