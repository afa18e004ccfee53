"""Skies made of an isotropic background and of cosmic rays of sources, both seen through an exposure.

Cosmic rays of a source reach the Earth by some law p(direction, energy, charge | source) and are kept with a probability proportional to the exposure of
their direction; so many are drawn that the wanted number is kept. The background has the same spectrum and composition before the exposure, and as that does
not depend on energy also after it.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np

from cloudchamber.physics.exposure import draw_exposed, draw_visible, exposure_at, greatest_exposure
from cloudchamber.physics.spectra import BrokenPowerLaw
from cloudchamber.physics.sphere import lon_lat_deg
from cloudchamber.schema import Ragged, Table, check_table
from cloudchamber.studies.cosmic_ray_sky.columns import ISOTROPY, SIGNAL, THETA, X
from cloudchamber.studies.cosmic_ray_sky.skies.composition import draw_charges


class CosmicRays(NamedTuple):
    """Directions (n, 3), energies (n,) in eV and charges (n,)."""

    vectors: np.ndarray
    energy_ev: np.ndarray
    charge: np.ndarray


class Sky(Protocol):
    """Settings that every simulator of this study has."""

    @property
    def n(self) -> int: ...
    @property
    def emin_ev(self) -> float: ...
    @property
    def emax_ev(self) -> float: ...
    @property
    def spectrum(self) -> BrokenPowerLaw: ...
    @property
    def composition(self) -> str: ...
    @property
    def exposure(self) -> str: ...


class SignalSky(Sky, Protocol):
    """Settings of a sky with a known number of cosmic rays of sources."""

    @property
    def signal(self) -> tuple[int, int]: ...
    @property
    def binomial(self) -> bool: ...
    @property
    def n_sources(self) -> int: ...


class Arrive(Protocol):
    """Draws one cosmic ray for each entry of ``source`` (k,), whatever that numbers, as it reaches the Earth."""

    def __call__(self, source: np.ndarray, rng: np.random.Generator) -> CosmicRays: ...


def draw_energies(sky: Sky, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """``n`` energies in eV and charges."""
    return sky.spectrum.sample(n, sky.emin_ev, sky.emax_ev, rng), draw_charges(n, sky.composition, rng)


def draw_background(sky: Sky, n: int, rng: np.random.Generator) -> CosmicRays:
    """``n`` cosmic rays of an isotropic flux, seen through the exposure."""
    return CosmicRays(draw_exposed(n, sky.exposure, rng), *draw_energies(sky, n, rng))


def draw_seen(source: np.ndarray, arrive: Arrive, exposure: str, rng: np.random.Generator) -> CosmicRays:
    """One seen cosmic ray for each entry of ``source`` (k,): arrivals are drawn anew until the exposure keeps one."""
    rays = arrive(source, rng)
    if exposure == "uniform":
        return rays
    highest = greatest_exposure(exposure)
    waiting = np.arange(len(source))
    while True:
        waiting = waiting[rng.random(len(waiting)) * highest >= exposure_at(rays.vectors[waiting], exposure)]
        if len(waiting) == 0:
            return rays
        for kept, again in zip(rays, arrive(source[waiting], rng), strict=True):
            kept[waiting] = again


def draw_theta(events: int, n_signal: np.ndarray, exposure: str, rng: np.random.Generator) -> Table:
    """Theta of ``events`` skies, half of them isotropic, the others with ``n_signal`` (events,) cosmic rays of sources; sources lie where they are visible."""
    kind = rng.integers(ISOTROPY, SIGNAL + 1, events)
    lon, lat = lon_lat_deg(draw_visible(events, exposure, rng))
    return {"kind": kind, "n_signal": np.where(kind == SIGNAL, n_signal, 0), "source_lon_deg": lon, "source_lat_deg": lat}


def draw_signal_theta(sky: SignalSky, events: int, rng: np.random.Generator) -> Table:
    """Theta of ``events`` skies by the range of signal counts of ``sky``."""
    wanted = rng.integers(sky.signal[0], sky.signal[1] + 1, events)
    # a signal of no cosmic ray is isotropy: its rare binomial draws count as one
    return draw_theta(events, np.maximum(rng.binomial(sky.n, wanted / sky.n), 1) if sky.binomial else wanted, sky.exposure, rng)


def check_signal(sky: SignalSky) -> None:
    """ValueError for counts of signal cosmic rays or sources out of range."""
    low, high = sky.signal
    if not 1 <= low <= high <= sky.n:
        raise ValueError(f"signal: {sky.signal} must be a range within [1, n = {sky.n}]")
    if not 1 <= sky.n_sources <= low:
        raise ValueError(f"n_sources: {sky.n_sources} is outside the allowed [1, {low}], the least number of signal cosmic rays")


def check_theta(theta: Table, n: int) -> Table:
    """``theta`` as a checked table; ValueError where ``n_signal`` does not fit the kind or ``n`` cosmic rays."""
    theta = check_table(theta, THETA)
    wrong = (theta["n_signal"] > n) | ((theta["kind"] == SIGNAL) != (theta["n_signal"] > 0))
    if wrong.any():
        i = int(np.argmax(wrong))
        raise ValueError(f"column 'n_signal': {theta['n_signal'][i]} in event {i} must be 0 for isotropy and in [1, {n}] for a signal")
    return theta


def sky_table(rays: CosmicRays, from_source: np.ndarray, exposure: str) -> Table:
    """x of skies of as many cosmic rays each: ``from_source`` (events, n), the rays (events * n,) in the same order."""
    offsets = np.arange(len(from_source) + 1) * from_source.shape[1]
    lon, lat = lon_lat_deg(rays.vectors)
    values = (lon, lat, rays.energy_ev, exposure_at(rays.vectors, exposure), rays.charge, from_source.ravel().astype(np.int16))
    return check_table({name: Ragged(column, offsets) for name, column in zip(X, values, strict=True)}, X)


def draw_skies(sky: Sky, n_signal: np.ndarray, arrive: Arrive, rng: np.random.Generator) -> Table:
    """x of one sky for each entry of ``n_signal`` (events,); ``arrive`` is asked for cosmic rays of the event that ``source`` numbers.

    Cosmic rays of sources stand at random places among the others.
    """
    events = len(n_signal)
    rays = draw_background(sky, events * sky.n, rng)
    order = np.argsort(rng.random((events, sky.n)), axis=1)
    from_source = np.zeros((events, sky.n), bool)
    np.put_along_axis(from_source, order, np.arange(sky.n) < n_signal[:, None], axis=1)
    at = np.flatnonzero(from_source)
    for background, signal in zip(rays, draw_seen(at // sky.n, arrive, sky.exposure, rng), strict=True):
        background[at] = signal
    return sky_table(rays, from_source, sky.exposure)
