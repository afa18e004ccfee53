"""From the emission of all components to photons counted: what every simulator of the study shares."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cloudchamber.physics.gamma.bins import BUBBLES, EXCESS, INVERSE_COMPTON, ISOTROPIC, PI0, EnergyBins, Spectrum
from cloudchamber.physics.gamma.brightness import SourceCounts, source_counts
from cloudchamber.physics.gamma.poisson import poisson_maps
from cloudchamber.physics.gamma.psf import Events
from cloudchamber.physics.gamma.sources import add_sources, places_of
from cloudchamber.schema import Table
from cloudchamber.studies.galactic_centre.columns import EDGES_GEV, INTENSITY, PARAMETERS, YEARS
from cloudchamber.studies.galactic_centre.diffuse.maps import Diffuse
from cloudchamber.studies.galactic_centre.diffuse.parameters import Parameter, from_unit
from cloudchamber.studies.galactic_centre.sky.blur import blurred
from cloudchamber.studies.galactic_centre.sky.disk import disk_maps
from cloudchamber.studies.galactic_centre.sky.excess import excess_maps
from cloudchamber.studies.galactic_centre.sky.instrument import counts_by_index, over_standard, relative_exposure

Array = NDArray[Any]

LEAST = 1e-2
"""The faintest source of a population, over the flux at its break."""
CATALOGUE = Spectrum(2.3)
"""Of an extragalactic source."""
CATALOGUE_PER_SR, CATALOGUE_AT, CATALOGUE_ABOVE, CATALOGUE_BELOW, CATALOGUE_LEAST = 45.0, 1e-9, 2.2, 1.93, 2e-11
"""Sources above 1e-9 / cm2 s between 1 and 100 GeV at |b| > 20 deg, the slopes about it, and the faintest: the Fermi-LAT's 4FGL."""
SPECTRA = {"pi0": PI0, "inverse_compton": INVERSE_COMPTON, "bubbles": BUBBLES, "isotropic": ISOTROPIC}
_BATCH = 32


@dataclass(frozen=True)
class Instrument:
    """Energy bins between ``edges_gev`` and the kind of ``events``, on the image of HEALPix ``nside``."""

    edges_gev: tuple[float, ...] = EDGES_GEV
    events: Events = "source"
    nside: int = 128

    def __post_init__(self) -> None:
        if not 32 <= self.nside <= 512 or self.nside & (self.nside - 1):
            raise ValueError(f"nside: {self.nside} is none of 32, 64, 128, 256, 512")
        _ = self.bins

    @cached_property
    def bins(self) -> EnergyBins:
        """The bins, for a year."""
        return EnergyBins(tuple(self.edges_gev), 1.0, self.events)

    @cached_property
    def exposure_cm2_s(self) -> Array:
        """Of a year at the Galactic Centre, of a photon index of 2.4, (bins,)."""
        edges = self.edges_gev
        fluxes = np.array([Spectrum(2.4).flux(low, high) for low, high in pairwise(edges)])
        return self.bins.counts(Spectrum(2.4), 1.0) * Spectrum(2.4).flux(edges[0], edges[-1]) / fluxes

    @cached_property
    def pixel_sr(self) -> float:
        """Solid angle of a pixel."""
        return 4 * np.pi / (12 * self.nside**2)


def scaled(name: str, parameter: Parameter, bins: EnergyBins) -> Parameter:
    """The prior of a flux or intensity between the edges of these bins."""
    if parameter.unit == INTENSITY:
        factor = over_standard(bins, SPECTRA[name.removesuffix("_cm2_s_sr")])
    elif name.endswith("_cm2_s"):
        factor = over_standard(bins, EXCESS)
    else:
        return parameter
    return parameter._replace(low=parameter.low * factor, high=parameter.high * factor)


def prior_of(bins: EnergyBins) -> dict[str, Parameter]:
    """The ranges of the study's own parameters for these bins."""
    return {name: scaled(name, parameter, bins) for name, parameter in PARAMETERS.items()}


@dataclass(frozen=True)
class Observation(Instrument):
    """Maps of ``years`` (from, to; equally likely logarithms) of data."""

    years: tuple[float, float] = (5.0, 16.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        low, high = self.years
        if not YEARS[0] <= low <= high <= YEARS[1]:
            raise ValueError(f"years: needs {YEARS[0]:g} <= from <= to <= {YEARS[1]:g}, got {low:g} and {high:g}")

    def draw(self, n: int, rng: np.random.Generator) -> dict[str, Array]:
        """The columns that every simulator has, (n,), from their prior."""
        own = {name: from_unit(parameter, rng.random(n)) for name, parameter in prior_of(self.bins).items()}
        return own | {"years": self.years[0] * (self.years[1] / self.years[0]) ** rng.random(n)}


@dataclass(frozen=True)
class Population:
    """Sources of one kind in each event: their maps (events, nside, nside), counts expected of a map's sum of 1 (events,), and the law of a source's counts."""

    maps: Array
    expected: Array
    law: SourceCounts
    spectrum: Spectrum
    index: float


def simulated(theta: Table, shapes: Diffuse, instrument: Instrument, rng: np.random.Generator) -> Table:
    """Counts (events, bins, nside, nside) and the exposure (events, bins) of a checked theta and the shapes of its diffuse emission."""
    events = len(theta["years"])
    counts = np.empty((events, instrument.bins.bins, instrument.nside, instrument.nside), np.int32)
    for start in range(0, events, _BATCH):
        part = slice(start, start + _BATCH)
        columns = {name: np.asarray(values[part], float) for name, values in theta.items()}
        counts[part] = _counted(columns, Diffuse(*(each[part] for each in shapes)), instrument, rng)
    return {"counts": counts, "exposure_cm2_s": np.asarray(theta["years"], float)[:, None] * instrument.exposure_cm2_s}


def _counted(theta: Table, shapes: Diffuse, instrument: Instrument, rng: np.random.Generator) -> Array:
    excess = excess_maps(theta["excess_slope"], theta["excess_axis_ratio"], theta["excess_lon_deg"], theta["excess_lat_deg"], instrument.nside)
    counts = poisson_maps(expected_diffuse(theta, shapes, excess, instrument), rng)
    exposure = relative_exposure(instrument.nside)
    for sources in populations(theta, excess, instrument):
        share = instrument.bins.share(sources.spectrum)
        radii = instrument.bins.radii_rad(sources.index).astype(np.float32)
        for event, each in enumerate(sources.maps):
            law = SourceCounts(*(values[event] for values in sources.law))
            expected = np.array([sources.expected[event] * each.sum()])
            add_sources(counts[event : event + 1], expected, law, places_of(each), exposure, share, radii, rng)
    return counts


def expected_diffuse(theta: Table, shapes: Diffuse, excess: Array, instrument: Instrument) -> Array:
    """Mean counts of all that is no point source, as the instrument spreads it, (events, bins, nside, nside)."""
    bins, per_pixel = instrument.bins, theta["years"] * instrument.pixel_sr
    parts = (
        (shapes.pi0, theta["pi0_cm2_s_sr"] * per_pixel, counts_by_index(bins, theta["pi0_index"])),
        (shapes.inverse_compton, theta["inverse_compton_cm2_s_sr"] * per_pixel, counts_by_index(bins, theta["inverse_compton_index"])),
        (shapes.bubbles, theta["bubbles_cm2_s_sr"] * per_pixel, bins.counts(BUBBLES, 1.0)[None]),
        (np.ones((1, instrument.nside, instrument.nside)), theta["isotropic_cm2_s_sr"] * per_pixel, bins.counts(ISOTROPIC, 1.0)[None]),
        (excess, (1 - theta["f_src"]) * theta["excess_flux_cm2_s"] * theta["years"], bins.counts(EXCESS, 1.0)[None]),
    )
    total = sum(np.asarray(shape)[:, None] * (level[:, None] * counts)[:, :, None, None] for shape, level, counts in parts)
    return np.asarray(blurred(total * relative_exposure(instrument.nside), bins, 2.4))


def populations(theta: Table, excess: Array, instrument: Instrument) -> tuple[Population, ...]:
    """The excess's sources, the disk's, and extragalactic ones."""
    bins, years = instrument.bins, theta["years"]
    of_a_flux = years * bins.counts(EXCESS, 1.0).sum()
    inner = _law(theta["source_break_cm2_s"] * of_a_flux, theta["source_index_above"], theta["source_index_below"])
    disk = _law(theta["disk_break_cm2_s"] * of_a_flux, theta["disk_index_above"], theta["disk_index_below"])
    seen = CATALOGUE.flux(bins.edges_gev[0], bins.edges_gev[-1]) / CATALOGUE.flux(1.0, 100.0) * years * bins.counts(CATALOGUE, 1.0).sum()
    far = source_counts(CATALOGUE_AT * seen, CATALOGUE_ABOVE, CATALOGUE_BELOW, CATALOGUE_LEAST * seen)
    bright = (CATALOGUE_ABOVE - 1) * (1 - (CATALOGUE_LEAST / CATALOGUE_AT) ** (1 - CATALOGUE_BELOW)) / (1 - CATALOGUE_BELOW) + 1
    per_pixel = theta["extragalactic_scale"] * CATALOGUE_PER_SR * bright * instrument.pixel_sr * far.mean_counts
    everywhere = np.ones((len(years), instrument.nside, instrument.nside))
    return (
        Population(excess, theta["f_src"] * theta["excess_flux_cm2_s"] * of_a_flux, inner, EXCESS, 2.2),
        Population(disk_maps(theta["disk_height_kpc"], instrument.nside), theta["disk_flux_cm2_s"] * of_a_flux, disk, EXCESS, 2.2),
        Population(everywhere, per_pixel, far, CATALOGUE, 2.3),
    )


def _law(break_counts: Array, above: Array, below: Array) -> SourceCounts:
    return source_counts(break_counts, above, below, LEAST * break_counts)
