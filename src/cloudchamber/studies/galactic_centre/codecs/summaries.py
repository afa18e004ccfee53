"""Maps of photon counts as a few hundred statistics that physicists use: counts by region, and how strongly maps vary from place to place, scale by scale."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from cloudchamber.nn.codec import Codec, Tensors
from cloudchamber.nn.scale import Standardise
from cloudchamber.physics.gamma.face import directions
from cloudchamber.schema import Column
from cloudchamber.studies.galactic_centre.codecs.maps import check_columns
from cloudchamber.studies.galactic_centre.columns import PLANE_DEG

RINGS_DEG = (0.0, 3.0, 6.0, 10.0, 15.0, 25.0)
BANDS_DEG = (2.0, 5.0, 10.0, 25.0)
SCALES = (0.6, 1.0, 1.8, 3.2)
"""In pixels of nside 128, rms of the narrower of two Gaussians whose difference is looked at; the other one is 1.6 times as wide."""
RATIO, QUANTILES = 1.6, (0.9, 0.99)


@dataclass(frozen=True)
class Summaries:
    """Settings of the codec to statistics of the region further than ``latitude_deg`` from the plane.

    Of each bin: ln of the counts by ring about the centre and sector (towards the poles, along the plane to either side), and by band of latitude; and of what
    is left of 2 sqrt(n + 3/8) between two smoothings, by scale and ring: ln of its rms, its skewness and quantiles in units of the rms.

    References: E. Bartels, S. Krishnamurthy, C. Weniger, PRL 116 (2016) 051102 (wavelets); D. Malyshev, D. Hogg, ApJ 738 (2011) 181 (statistics of counts).
    """

    latitude_deg: float = PLANE_DEG

    def build(self, columns: Mapping[str, Column]) -> SummariesCodec:
        """The codec of counts and exposures."""
        check_columns(columns)
        return SummariesCodec(self, *columns["counts"].shape[:2])


class SummariesCodec(Codec):
    """(events, bins, nside, nside) counts and (events, bins) exposures to (events, size), standardised."""

    sums: Tensor
    smoothers: Tensor
    fit_events = 5000

    def __init__(self, settings: Summaries, bins: int, nside: int) -> None:
        super().__init__()
        self.bins, self.nside = bins, nside
        x, y, z = (each.reshape(nside, nside) for each in directions(nside))
        radius, lat = np.degrees(np.arccos(x)), np.degrees(np.arcsin(z))
        seen = np.abs(lat) > settings.latitude_deg
        rings = [(radius >= low) & (radius < high) & seen for low, high in pairwise(RINGS_DEG)]
        steep = np.abs(z) > np.abs(y)
        sectors = [steep & (z > 0), steep & (z < 0), ~steep & (y > 0), ~steep & (y < 0)]
        bands = [(np.sign(lat) == sign) & (np.abs(lat) >= low) & (np.abs(lat) < high) & (radius < 25) for low, high in pairwise(BANDS_DEG) for sign in (-1, 1)]
        parts = [ring & sector for ring in rings for sector in sectors] + bands
        # the innermost has too few pixels beside the plane
        looked_at = [np.flatnonzero(ring) for ring in rings[1:]]
        self.rings = len(looked_at)
        for number, pixels in enumerate(looked_at):
            self.register_buffer(f"ring_{number}", torch.from_numpy(pixels), persistent=False)
        self.register_buffer("sums", torch.from_numpy(np.array(parts).reshape(len(parts), -1).astype(np.float32)), persistent=False)
        self.register_buffer("smoothers", torch.from_numpy(_smoothers(nside)), persistent=False)
        of_variation = len(SCALES) * self.rings * (2 + len(QUANTILES))
        self.size = bins * (len(parts) + of_variation) + bins
        self.scale = Standardise(self.size)

    def fit(self, columns: Tensors, given: Tensors) -> None:
        events = len(columns["counts"])
        self.scale.fit(
            torch.cat([self._statistics({name: values[start : start + 250] for name, values in columns.items()}) for start in range(0, events, 250)])
        )

    def encode(self, columns: Tensors, given: Tensors) -> Tensor:
        return self.scale(self._statistics(columns))

    def decode(self, flat: Tensor, given: Tensors) -> Tensors:
        raise ValueError("statistics of a map are what is given: this codec does not decode")

    def log_det(self, columns: Tensors, given: Tensors) -> Tensor:
        raise ValueError("statistics of a map are what is given: they have no density of the columns")

    def _statistics(self, columns: Tensors) -> Tensor:
        counts = columns["counts"].float()
        totals = (counts.flatten(2) @ self.sums.T + 1.0).log().flatten(1)
        roots = 2 * (counts + 0.375).sqrt()
        found = [totals, columns["exposure_cm2_s"].log()]
        for each in self._between(roots):
            for number in range(self.rings):
                place = self.get_buffer(f"ring_{number}")
                values = each.flatten(2)[..., place]
                values = values - values.mean(-1, keepdim=True)
                rms = values.square().mean(-1).sqrt().clamp_min(1e-6)
                scaled = values / rms[..., None]
                # places from the highest value down
                at = [len(place) - 1 - int(share * (len(place) - 1)) for share in QUANTILES]
                highest = scaled.topk(max(at) + 1).values
                found += [rms.log(), scaled.pow(3).mean(-1), *(highest[..., rank] for rank in at)]
        return torch.cat(found, 1)

    def _between(self, roots: Tensor) -> list[Tensor]:
        """Differences of two smoothings, (events, bins, nside, nside) each."""
        # of few filters matrices are many times as fast as convolutions
        smooth = [matrix @ roots @ matrix.T for matrix in self.smoothers]
        return [narrow - wide for narrow, wide in zip(smooth[::2], smooth[1::2], strict=True)]


def _smoothers(nside: int) -> np.ndarray:
    """Gaussians along an image's side as matrices (2 * scales, nside, nside), narrow and wide in turn; beyond the edge its pixel goes on."""
    reach = int(np.ceil(3 * RATIO * SCALES[-1] * nside / 128))
    step = np.arange(-reach, reach + 1)
    at = np.clip(np.arange(nside)[:, None] + step, 0, nside - 1)
    found = np.zeros((2 * len(SCALES), nside, nside))
    for matrix, width in zip(found, (factor * scale * nside / 128 for scale in SCALES for factor in (1.0, RATIO)), strict=True):
        # no subnormal numbers: they are slow
        weight = np.where(np.abs(step) < 6 * width, np.exp(-0.5 * (step / width) ** 2), 0.0)
        np.add.at(matrix, (np.arange(nside)[:, None], at), weight / weight.sum())
    return found.astype(np.float32)
