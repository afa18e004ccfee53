"""The simulator of the Galactic Centre against published numbers and theory: spread, photons, brightness, geometry, exposure; and what a map costs.

$ python benchmarks/galactic_centre.py --markdown gates.md

Published radii are of Pass 8 SOURCE events, front and back, for a photon index of 2.4. Costs are CPU seconds of one thread, the least of a few rounds,
compilation and tables left out; a machine that does other things as well makes them larger. The exit code is 1 where a limit is missed; speeds have none.

References: fermi.gsfc.nasa.gov, LAT P8R3 performance; M. Ajello et al. (Fermi-LAT), ApJ 819 (2016) 44; R. Leane, T. Slatyer, PRD 102 (2020) 063019.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro
from gates import Gate, told
from scipy.optimize import brentq
from timing import least

from cloudchamber.physics.gamma.bins import CENTRE_EXPOSURE, EXCESS, EnergyBins
from cloudchamber.physics.gamma.brightness import source_counts
from cloudchamber.physics.gamma.face import direction_at, place_at, within
from cloudchamber.physics.gamma.poisson import poisson_maps
from cloudchamber.physics.gamma.psf import point_spread, radii_deg
from cloudchamber.physics.gamma.sources import add_sources, places_of
from cloudchamber.rng import rng
from cloudchamber.studies.galactic_centre.diffuse.maps import diffuse_maps
from cloudchamber.studies.galactic_centre.diffuse.parameters import PARAMETERS as DIFFUSE
from cloudchamber.studies.galactic_centre.sky.blur import blurred
from cloudchamber.studies.galactic_centre.sky.disk import disk_maps
from cloudchamber.studies.galactic_centre.sky.excess import excess_maps
from cloudchamber.studies.galactic_centre.sky.fixed import FixedSky
from cloudchamber.studies.galactic_centre.sky.instrument import relative_exposure
from cloudchamber.studies.galactic_centre.sky.random_sky import RandomSky
from cloudchamber.studies.galactic_centre.sky.skies import expected_diffuse

RADII = {(0.5, 1.0): (1.10, 3.25), (1.0, 1.8): (0.63, 2.08), (1.8, 3.3): (0.39, 1.45), (3.3, 6.0): (0.25, 1.03), (7.0, 20.0): (0.15, 0.68)}
"""Published radii of 68 and 95 % in deg, by bin in GeV."""
EXPOSURES = {8.0: 3.6e11, 10.0: 4.5e11, 12.0: 5.4e11}
"""Of SOURCE events at 10 GeV, in cm2 s, means of the sky, by years."""
MEANS = (0.01, 0.2, 1.0, 3.3, 23.4, 180.6, 390.0, 1234.5)
BREAK, ABOVE, BELOW, FAINTEST = 2000.0, 2.6, 1.3, 20.0
WANTED = {"region": 1500, "120 x 120": 1000}
AMPLITUDES = ((7.0, 14.0), (4.0, 9.0), (0.0, 2.0), (0.0, 2.0), (0.0, 2.0))
"""Of pi0 decay, inverse Compton, bubbles, isotropic emission and the excess in maps of fixed templates: 190,000 counts in the region."""


@dataclass(frozen=True)
class Options:
    """What to run."""

    numbers: int = 1_000_000
    """Poisson numbers of each mean, and single sources."""
    maps: int = 100
    """In each round of fixed templates."""
    rounds: int = 15
    """The fastest counts."""
    seed: int = 1
    """Same seed, same figures but for the costs."""
    markdown: Path | None = None
    """Write the table there too."""


def relative(what: str, value: float, target: float, limit: float, unit: str = "") -> Gate:
    """A number that may be off by a share of its target."""
    return Gate(what, value, f"{target:g} ± {100 * limit:g} %", value / target - 1, limit, unit)


def below(what: str, value: float, limit: float, unit: str = "") -> Gate:
    """A number that must not be larger than a limit."""
    return Gate(what, value, f"≤ {limit:g}", value, limit, unit)


def spreads(options: Options) -> Iterator[Gate]:
    """Radii in the default bins and others, and those of the best quarter."""
    for (low, high), published in RADII.items():
        drawn = radii_deg(low, high, 2.4, "source", 1 << 14)
        for share, radius in zip((0.68, 0.95), published, strict=True):
            yield relative(f"radius of {share:.0%} of the photons, {low:g} to {high:g} GeV", float(np.quantile(drawn, share)), radius, 0.05, "deg")
    for share, radius in ((0.68, 0.222), (0.95, 0.480)):
        yield relative(f"radius of {share:.0%}, best quarter, 2 GeV", point_spread(2.0, "psf3").containing_deg(share), radius, 0.01, "deg")


def geometry(options: Options) -> Iterator[Gate]:
    """Pixels of one area, and the way to the sky and back."""
    for nside in (32, 128, 512):
        edges = np.arange(nside + 1.0)
        lon, lat = direction_at(edges[:, None], edges[None, :], nside)
        turn, height = np.radians(lon), np.sin(np.radians(lat))
        one, two = (np.stack([np.diff(each, axis=0)[:, :-1] for each in (turn, height)]), np.stack([np.diff(each, axis=1)[:-1] for each in (turn, height)]))
        area = np.abs(one[0] * two[1] - one[1] * two[0])
        # a pixel's edge is 90 / nside deg of angles near 45: rounding grows with nside
        yield below(
            f"areas of pixels over 4 pi / (12 nside^2), less 1: the largest, nside {nside}", float(np.abs(area * 3 * nside**2 / np.pi - 1).max()), 1e-12
        )
        x, y = rng(options.seed, "places", nside).uniform(0, nside, (2, 100_000))
        back = place_at(*direction_at(x, y, nside), nside)
        yield below(
            f"pixels to the sky and back, over nside {nside}: the largest error",
            float(max(np.abs(back[0] - x).max(), np.abs(back[1] - y).max())) / nside,
            1e-12,
        )


def photons(options: Options) -> Iterator[Gate]:
    """None is lost or made, and as many come as are expected."""
    nside, events, expected = 64, 400, 3000.0
    law, share = source_counts(np.full(events, 8.0), 3.5, 1.0), np.array([0.5, 0.3, 0.2])
    sky = np.ones((nside, nside))
    counts = np.zeros((events, 3, nside, nside), np.int32)
    drawn = add_sources(counts, np.full(events, expected), law, places_of(sky), sky, share, np.zeros((3, 1)), rng(options.seed, "photons"))
    yield below("photons of sources that are missing in maps or too many, without a spread", float(np.abs(counts.sum((1, 2, 3)) - drawn.photons).sum()), 0.0)
    error = drawn.photons.std() / np.sqrt(events)
    yield Gate(
        "photons of sources over those expected, deviations from 1",
        (drawn.photons.mean() - expected) / error,
        "0 ± 5",
        (drawn.photons.mean() - expected) / error,
        5.0,
    )
    middle = within(nside, 8.0).astype(float)
    counts = np.zeros((events, 3, nside, nside), np.int32)
    radii = EnergyBins().radii_rad(2.2)
    drawn = add_sources(counts, np.full(events, expected), law, places_of(middle), sky, share, radii, rng(options.seed, "spread"))
    yield below("share that the spread takes out of the image, of sources within 8 deg", 1 - counts.sum() / drawn.photons.sum(), 0.002)


def brightness(options: Options) -> Iterator[Gate]:
    """Slopes of dN/dF, from the photons of single sources, bright enough that their own noise is small."""
    one = np.ones((1, 1))
    law = source_counts(BREAK, ABOVE, BELOW, FAINTEST)
    counts = np.zeros((options.numbers, 1, 1, 1), np.int32)
    means = np.full(options.numbers, float(law.mean_counts))
    drawn = add_sources(counts, means, law, places_of(one), one, np.ones(1), np.zeros((1, 1)), rng(options.seed, "brightness"))
    single = drawn.photons[drawn.sources == 1].astype(float)
    bright = single[single > 1.3 * BREAK]
    above = 1 + 1 / np.mean(np.log(bright / (1.3 * BREAK)))
    yield Gate(f"dN/dF ~ F^-n above the break, n of {len(bright):,} single sources", above, f"{ABOVE:g} ± 0.02", above - ABOVE, 0.02)
    low, high = 0.1 * BREAK, 0.8 * BREAK
    faint = np.log(single[(single >= low) & (single < high)] / low)
    width = np.log(high / low)

    def mean_excess(power: float) -> float:
        """The mean of t of exp(power t) from 0 to ``width``, less that found."""
        return float(width / -np.expm1(-power * width) - 1 / power - faint.mean())

    found = 1 - brentq(mean_excess, -5.0, -1e-9)
    yield Gate(f"the same below it, {len(faint):,} single sources", found, f"{BELOW:g} ± 0.02", found - BELOW, 0.02)
    share = float(np.mean(single > BREAK))
    expected = float(1 / (ABOVE - 1) / (1 / (ABOVE - 1) + (1 - (FAINTEST / BREAK) ** (1 - BELOW)) / (1 - BELOW)))
    yield relative("share of sources above the break", share, expected, 0.02)


def numbers(options: Options) -> Iterator[Gate]:
    """Poisson numbers' mean and variance, in deviations of what so many allow; and those of maps of fixed templates."""
    n = options.numbers
    pulls = []
    for mean in MEANS:
        found = poisson_maps(np.full(n, mean), rng(options.seed, "poisson", str(mean))).astype(float)
        pulls.append(((found.mean() - mean) / np.sqrt(mean / n), (found.var() - mean) / np.sqrt((mean + 2 * mean**2) / n)))
    of_means, of_variances = np.abs(pulls).max(axis=0)
    yield below(f"Poisson numbers of {len(MEANS)} means from {MEANS[0]:g} to {MEANS[-1]:g}: largest pull of a mean", float(of_means), 5.0)
    yield below("the same: largest pull of a variance", float(of_variances), 5.0)
    sky, events = fixed(128, 2, options), 400
    counts = sky.simulate(np.full((events, 5), 2.0), np.zeros((2, events)), [source_counts(np.full(events, 8.0), 3.0, 1.0)] * 2, rng(options.seed, "fixed"))
    mean = 2 * sky.templates.sum(0)[sky.pixels]
    seen = counts[:, sky.pixels].astype(float)
    pixels = len(mean)
    square = float(((seen.mean(0) - mean) ** 2 / mean).sum() * events / pixels)
    yield Gate("maps of fixed templates: chi2 of the mean map over pixels", square, "1 ± 5 deviations", (square - 1) / np.sqrt(2 / pixels), 5.0)
    spread = float(np.mean(seen.var(0, ddof=1) / mean))
    yield Gate("the same: variance over mean", spread, "1 ± 5 deviations", (spread - 1) / np.sqrt(2.2 / events / pixels), 5.0)
    yield below("the same: counts in pixels that are not counted", float(counts[:, ~sky.pixels].sum()), 0.0)


def exposures(options: Options) -> Iterator[Gate]:
    """Published ones, and how the flux of the excess in one set of bins is that in another."""
    for years, published in EXPOSURES.items():
        yield relative(
            f"exposure at 10 GeV in {years:g} years, mean of the sky",
            float(EnergyBins(years=years).exposure_cm2_s(10.0)) / CENTRE_EXPOSURE,
            published,
            0.02,
            "cm2 s",
        )
    weeks = EnergyBins((2.0, 20.0), 573 / 52.18, "psf3")
    yield relative("exposure of the best quarter in 573 weeks, 2 GeV", float(weeks.exposure_cm2_s(2.0)), 8.9e10, 0.02, "cm2 s")
    yield relative("flux of the excess from 1 to 6 GeV over that from 2 to 20", EXCESS.flux(1.0, 6.0) / EXCESS.flux(2.0, 20.0), 2.15, 0.01)
    image = relative_exposure(128)
    yield Gate(f"exposure in the image over the centre's, least to largest {image.min():.3f} to", float(image.max()))


def fixed(nside: int, populations: int, options: Options, pixels: np.ndarray | None = None) -> FixedSky:
    """Templates of one bin from 2 to 20 GeV, each of 1.1 counts a pixel in the region, as the best quarter of the events spreads them."""
    bins = EnergyBins((2.0, 20.0), 1.0, "psf3")
    random = RandomSky(edges_gev=(2.0, 20.0), events="psf3", nside=nside)
    theta = random.prior(1, rng(options.seed, "templates"))
    shapes = diffuse_maps({name: theta[name] for name in DIFFUSE}, nside, rng(options.seed, "shapes"))
    one = np.ones(1)
    excess = excess_maps(1.2 * one, one, 0 * one, 0 * one, nside)
    parts = np.concatenate([shapes.pi0, shapes.inverse_compton, shapes.bubbles, np.ones((1, nside, nside)), excess])
    seen = blurred((parts * relative_exposure(nside))[:, None], bins, 2.4)[:, 0]
    region = within(nside, 25.0, 2.0)
    places = (places_of(excess[0]), places_of(disk_maps(0.3 * one, nside)[0]))[:populations]
    seen = 1.1 * seen / seen[:, region].mean(1)[:, None, None]
    return FixedSky(seen, places, relative_exposure(nside), bins.radii_rad(2.2)[0], region if pixels is None else pixels)


def fast(options: Options) -> Iterator[Gate]:
    """Maps of fixed templates with two populations of up to 8000 counts each."""
    random, n = rng(options.seed, "speed"), options.maps
    low, high = np.array(AMPLITUDES).T
    amplitudes, expected = random.uniform(low, high, (n, len(low))), random.uniform(0, 8000, (2, n))
    laws = [source_counts(random.uniform(5, 40, n), random.uniform(2.5, 10, n), random.uniform(-3, 0.95, n), 0.05) for _ in range(2)]
    for name, pixels in (("region", within(128, 25.0, 2.0)), ("120 x 120", np.pad(np.ones((120, 120), bool), 4))):
        sky = fixed(128, 2, options, pixels)
        cost = least(lambda sky=sky: sky.simulate(amplitudes, expected, laws, random), options.rounds) / n
        diffuse = least(lambda sky=sky: sky.simulate(amplitudes, 0 * expected, laws, random), options.rounds) / n
        counts = sky.simulate(amplitudes, expected, laws, random).sum() / n
        yield Gate(f"maps of fixed templates a second, {name}: {pixels.sum():,} pixels, {counts:,.0f} counts", 1 / cost, f"{WANTED[name]} wanted", unit="/ s")
        yield Gate("of that, Poisson numbers of the templates", 1e6 * diffuse, unit="us a map")
        yield Gate("sources with their photons", 1e6 * (cost - diffuse), unit="us a map")


def default(options: Options) -> Iterator[Gate]:
    """The default simulator by part, 32 maps of three bins."""
    sky, n = RandomSky(), 32
    theta = sky.prior(n, rng(options.seed, "theta"))
    plain = {name: np.asarray(values, float) for name, values in theta.items()}
    random = rng(options.seed, "default")
    shapes = diffuse_maps({name: theta[name] for name in DIFFUSE}, sky.nside, random)
    centre = (plain["excess_slope"], plain["excess_axis_ratio"], plain["excess_lon_deg"], plain["excess_lat_deg"])
    excess = excess_maps(*centre, sky.nside)
    expected = expected_diffuse(plain, shapes, excess, sky)
    parts = {
        "shapes of the diffuse emission": least(lambda: diffuse_maps({name: theta[name] for name in DIFFUSE}, sky.nside, random), 3),
        "the excess": least(lambda: excess_maps(*centre, sky.nside), 3),
        "mean counts, with the spread": least(lambda: expected_diffuse(plain, shapes, excess, sky), 3),
        "Poisson numbers": least(lambda: poisson_maps(expected, random), 3),
    }
    whole = least(lambda: sky.simulate(theta, random), 3)
    parts["sources, and all else"] = whole - sum(parts.values())
    yield Gate(f"the default simulator: {sky.bins.bins} bins, {sky.nside} x {sky.nside} pixels", 1e3 * whole / n, unit="ms a map")
    for name, cost in parts.items():
        yield Gate(f"of that, {name}", 1e3 * cost / n, unit="ms a map")


def main(options: Options) -> int:
    """Measure, print; 1 where a limit is missed."""
    parts = (spreads, geometry, photons, brightness, numbers, exposures, fast, default)
    gates = [gate for part in parts for gate in part(options)]
    gates.append(Gate(f"load of the machine's {os.cpu_count()} cores meanwhile", os.getloadavg()[1]))
    return told(gates, options.markdown)


if __name__ == "__main__":
    sys.exit(main(tyro.cli(Options, description=__doc__)))
