"""The share of the excess that is of point sources, by the non-Poissonian template likelihood: the answer of the field's classical method.

All bins together are one map. Free are the amplitudes of pi0, inverse Compton, bubbles, isotropic emission, of the whole excess and of the disk's sources, each
the likeliest; the share of point sources, the flux at which their dN/dF breaks, and that of the disk's sources, on a grid, flat in the study's ranges (breaks
in the logarithm). Fixed are shapes and spectra as in the template fit, the indices of dN/dF, and the extragalactic sources: those of the catalogue.

The likelihood takes pixels as independent, and the point spread is wider than one: taken as it is, it is too sure of itself. So its logarithm is divided by how
often pixels count what near ones know as well, the variance of its slope by the share, with the correlations of near pixels, over that without.

References: S. Lee et al., PRL 116 (2016) 051103; S. Mishra-Sharma, N. Rodd, B. Safdi, AJ 153 (2017) 253; of pixels that are not independent: C. Varin,
N. Reid, D. Firth, Statistica Sinica 21 (2011) 5, section 2.3.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cloudchamber.physics.gamma.bins import EXCESS, EnergyBins, Spectrum
from cloudchamber.physics.gamma.brightness import SourceCounts, source_counts
from cloudchamber.physics.gamma.face import within
from cloudchamber.studies.galactic_centre.columns import PLANE_DEG, REGION_DEG
from cloudchamber.studies.galactic_centre.diffuse.maps import Diffuse
from cloudchamber.studies.galactic_centre.fit.components import OF_SOURCES, SMOOTH, SOURCES, USUAL, component_templates
from cloudchamber.studies.galactic_centre.fit.non_poissonian import GROUPS, NonPoissonian, Profile
from cloudchamber.studies.galactic_centre.fit.photon_shares import PhotonShares, photon_shares
from cloudchamber.studies.galactic_centre.fit.template_fit import fit_templates
from cloudchamber.studies.galactic_centre.sky.excess import excess_maps
from cloudchamber.studies.galactic_centre.sky.instrument import relative_exposure
from cloudchamber.studies.galactic_centre.sky.skies import LEAST, Instrument, populations, prior_of

Array = NDArray[Any]

COARSE, FINE, NONE, POINTS = (5, 4, 3), (6, 5, 4), 7, 64
"""Places of the grid of all that the prior allows, of the one where the likelihood is not lost, of the disk's break where the excess has no sources, and those
of the splines between them, a side."""
LOST, HOPELESS = (0.001, 0.999), 150.0
"""Quantiles beyond which the likelihood is lost, and how far below the best a place is not looked at more closely, in its logarithm."""
ABOVE, BELOW, DISK_ABOVE, DISK_BELOW = 4.0, 0.0, 2.7, 0.0
"""Indices of dN/dF, within the prior's ranges."""
FIXED = np.array([0.0, 0.0, 1.0])
"""Amplitudes of the excess's, the disk's and extragalactic sources that are not free."""
STEP, NEAR_DEG = 0.1, 1.5
"""Of the share, for slopes, and how near pixels know the same sources."""
ORDINARY = 0.9
"""Share of pixels that share laws; others, with more counts, do so among themselves."""
BRIGHT_FACTOR, BRIGHT_COUNTS = 2.0, 300.0
"""Pixels with more counts than the template fit's times the one plus the other hold a source that everybody would mask, and are left out."""
QUANTILES = (0.16, 0.84)


class SourceShare(NamedTuple):
    """Mean of f_src, the ends of its central 68 %, the best fit's logarithm of the likelihood over that without point sources in the excess, how often pixels
    count what near ones know as well, and of the best fit f_src, the breaks' fluxes and amplitudes by theta's names.

    The logarithm is the likelihood's over ``counted``.
    """

    mean: float
    low: float
    high: float
    log_ratio: float
    counted: float
    best: Mapping[str, float]


def source_share(counts: Array, exposure_cm2_s: Array, instrument: Instrument, shapes: Diffuse, groups: int = GROUPS) -> SourceShare:
    """Of a map (bins, nside, nside) of an exposure (bins,), with diffuse emission of ``shapes`` (1, nside, nside) each; ``groups`` as the likelihood's."""
    sky = SkyLikelihood(np.asarray(counts), np.asarray(exposure_cm2_s, float), instrument, shapes, groups)
    prior = prior_of(instrument.bins)
    whole = np.array([(0.0, 1.0), np.log(prior["source_break_cm2_s"][:2]), np.log(prior["disk_break_cm2_s"][:2])])
    first = _explored(sky, whole, COARSE, sky.start)
    often = sky.counted(first)
    first = first._replace(grid=first.grid / often)
    second = _explored(sky, _box(first, whole), FINE, first.amplitudes)
    second = second._replace(grid=second.grid / often)
    without = [sky.profile(0.0, 1.0, at, first.amplitudes).log_likelihood for at in np.exp(np.linspace(whole[2, 0], whole[2, 1], NONE))]
    gain = second.grid.max() - max(*without, first.grid[0].max() * often) / often
    share = np.linspace(second.box[0, 0], second.box[0, 1], POINTS)
    weight = _fine(second).sum((1, 2))
    cumulative = (np.cumsum(weight) - 0.5 * weight) / weight.sum()
    low, high = np.interp(QUANTILES, cumulative, share)
    told = {"f_src": second.place[0], "source_break_cm2_s": np.exp(second.place[1]), "disk_break_cm2_s": np.exp(second.place[2])}
    best = {name: float(value) for name, value in (told | dict(zip(sky.names, second.amplitudes, strict=True))).items()}
    return SourceShare(float(share @ weight / weight.sum()), float(low), float(high), float(max(gain, 0.0)), often, best)


class _Grid(NamedTuple):
    """The logarithm of the likelihood at places that divide a ``box`` (3, 2) of share and the breaks' logarithms, and where it is highest."""

    box: Array
    grid: Array
    place: tuple[float, ...]
    amplitudes: Array


def _explored(sky: SkyLikelihood, box: Array, places: tuple[int, ...], start: Array) -> _Grid:
    shares, breaks, disk_breaks = (np.linspace(low, high, n) for (low, high), n in zip(box, places, strict=True))
    grid = np.empty(places)
    best: tuple[float, tuple[float, ...], Array] = (-np.inf, (), start)
    near = [start] * len(breaks)
    for k, disk_break in enumerate(disk_breaks):
        for i, share in enumerate(shares):
            for j, at_break in enumerate(breaks):
                if share == 0 and j > 0:
                    grid[i, j, k], near[j] = grid[i, 0, k], near[0]
                    continue
                found = sky.profile(share, np.exp(at_break), np.exp(disk_break), near[j], best[0] - HOPELESS)
                near[j], grid[i, j, k] = found.amplitudes, found.log_likelihood
                if found.log_likelihood > best[0]:
                    best = (found.log_likelihood, (share, at_break, disk_break), found.amplitudes)
    return _Grid(box, grid, best[1], best[2])


def _fine(found: _Grid) -> Array:
    """The likelihood between the places, of ``POINTS`` a side, by splines of its logarithm that have no peaks of their own."""
    from scipy.interpolate import PchipInterpolator

    values = found.grid - found.grid.max()
    for axis, n in enumerate(found.grid.shape):
        values = PchipInterpolator(np.linspace(0, 1, n), values, axis)(np.linspace(0, 1, POINTS))
    return np.exp(values - values.max())


def _box(found: _Grid, whole: Array) -> Array:
    """Where the likelihood is not lost, with a margin of half a place."""
    sides = np.empty_like(whole)
    weight = _fine(found)
    for axis, (low, high) in enumerate(whole):
        own = np.cumsum(weight.sum(tuple(each for each in range(3) if each != axis)))
        ends = np.interp(LOST, own / own[-1], np.linspace(low, high, POINTS))
        margin = 0.5 * (high - low) / (found.grid.shape[axis] - 1)
        sides[axis] = max(low, ends[0] - margin), min(high, ends[1] + margin)
    return sides


class SkyLikelihood:
    """The likelihood of a map and its templates in the region, all bins together."""

    def __init__(self, counts: Array, exposure_cm2_s: Array, instrument: Instrument, shapes: Diffuse, groups: int = GROUPS) -> None:
        nside, bins = instrument.nside, instrument.bins
        region = within(nside, REGION_DEG, PLANE_DEG)
        per_bin = exposure_cm2_s / instrument.exposure_cm2_s
        templates = {name: np.tensordot(per_bin, each, 1)[region] for name, each in component_templates(instrument, shapes, {"years": 1.0}).items()}
        far = templates[SOURCES[1]]
        self.names = tuple(name for name in (*SMOOTH, SOURCES[0]) if name in templates)
        self.templates, self.known = np.stack([templates[name] for name in self.names]), far
        self.of_excess, self.of_disk = self.names.index("excess_flux_cm2_s"), self.names.index(SOURCES[0])
        self.counts_of_flux = float(per_bin @ bins.counts(EXCESS, 1.0))
        years = self.counts_of_flux / bins.counts(EXCESS, 1.0).sum()
        theta = {name: np.array([value]) for name, value in {**USUAL, **OF_SOURCES, "years": years}.items()}
        theta |= {name: np.ones(1) for name in ("f_src", *SMOOTH, *SOURCES)}
        excess = excess_maps(theta["excess_slope"], theta["excess_axis_ratio"], theta["excess_lon_deg"], theta["excess_lat_deg"], nside)
        kinds = populations(theta, excess, instrument)
        exposure = relative_exposure(nside)[region]
        # where sources are, not where their photons go: those spread from afar are of parts too small to be told from smooth emission
        sources = np.stack([kind.expected[0] * kind.maps[0][region] * exposure for kind in kinds])
        self.far = SourceCounts(*(each.item() for each in map(np.asarray, kinds[2].law)))
        spreads = [_spread(bins, kind.spectrum, kind.index, nside) for kind in kinds]
        seen = counts.sum(0)[region]
        smooth = fit_templates(np.maximum(seen - far, 0.0), self.templates)
        used = seen <= BRIGHT_FACTOR * (smooth.expected + far) + BRIGHT_COUNTS
        more = seen - smooth.expected
        apart = (more > np.quantile(more, ORDINARY))[used]
        self.used = region.copy()
        self.used[region] = used
        self.templates, self.known, self.start = self.templates[:, used], far[used], smooth.amplitudes
        self.likelihood = NonPoissonian(seen[used], sources[:, used], spreads, exposure[used], groups, apart)

    def log_likelihood(self, amplitudes: Array, share: float, at_break: float, disk_break: float) -> float:
        """Of amplitudes in the order of ``names``, the share of point sources and the breaks' fluxes."""
        expected = amplitudes @ self.templates + self.known
        return self.likelihood.log_likelihood(
            expected, self.likelihood.law(self._mixing(share) @ amplitudes + FIXED, self._laws(at_break, disk_break), expected)
        )

    def profile(self, share: float, at_break: float, disk_break: float, start: Array, wanted: float = -np.inf) -> Profile:
        """At a place of the grid, from amplitudes to start from; no further than to what is ``wanted``, where that is far."""
        return self.likelihood.best(self.templates, self._mixing(share), FIXED, self._laws(at_break, disk_break), self.known, start, wanted)

    def _laws(self, at_break: float, disk_break: float) -> list[SourceCounts]:
        return [_law(at_break * self.counts_of_flux, ABOVE, BELOW), _law(disk_break * self.counts_of_flux, DISK_ABOVE, DISK_BELOW), self.far]

    def _mixing(self, share: float) -> Array:
        mixing = np.zeros((len(FIXED), len(self.names)))
        mixing[0, self.of_excess], mixing[1, self.of_disk] = share, 1.0
        return mixing

    def counted(self, found: _Grid) -> float:
        """How often pixels count what near ones know as well: the variance of the likelihood's slope by the share over the one of independent pixels."""
        from scipy.ndimage import convolve

        share, at_break, disk_break = found.place[0], np.exp(found.place[1]), np.exp(found.place[2])
        ends = [self.profile(each, at_break, disk_break, found.amplitudes) for each in (max(share - STEP, 0.0), min(share + STEP, 1.0))]
        low, high = (self.likelihood.by_pixel(each.expected, each.law) for each in ends)
        slope = np.zeros(self.used.shape)
        slope[self.used] = high - low - np.mean(high - low)
        if not slope.any():
            return 1.0
        nside = len(slope)
        x, y = np.meshgrid(*2 * (np.arange(-nside // 8, nside // 8 + 1),), indexing="ij")
        near = np.hypot(45 * (x - y), np.degrees(1 / 1.5) * (x + y)) / nside <= NEAR_DEG
        return max(float((slope * convolve(slope, near.astype(float), mode="constant")).sum() / (slope**2).sum()), 1.0)


@cache
def _spread(bins: EnergyBins, spectrum: Spectrum, index: float, nside: int) -> PhotonShares:
    return photon_shares(bins.radii_rad(index), bins.share(spectrum), nside)


def _law(break_counts: float, above: float, below: float) -> SourceCounts:
    return source_counts(break_counts, above, below, LEAST * break_counts)
