"""Maps of the diffuse emission of many random Galaxies: gas, inverse Compton, Fermi bubbles, each as a shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cloudchamber.studies.galactic_centre.diffuse.bubbles import bubble_map, draw_lobes
from cloudchamber.studies.galactic_centre.diffuse.clouds import cloud_map, draw_clouds
from cloudchamber.studies.galactic_centre.diffuse.fields import turbulence
from cloudchamber.studies.galactic_centre.diffuse.gas import LOCAL, RINGS, gas_map, ring_columns, tilted
from cloudchamber.studies.galactic_centre.diffuse.inverse_compton import HOLE_KPC, KNOTS_KPC, Electrons, compton_map
from cloudchamber.studies.galactic_centre.diffuse.parameters import GAS_AND_LIGHT, checked
from cloudchamber.studies.galactic_centre.diffuse.sightlines import reference_region

Array = NDArray[Any]

OUTER_DEG = (3.5, 12.0, 45.0)
OUTER_FACTOR = 2.0
"""Longest waves of some 500 pc at 8 kpc, at 2.5 kpc, and in the Sun's neighbourhood; the same random factor from 1 / 2 to 2 for all."""
FIELD_OF_RING = (0, 2, 3, 4, 5, 1)
"""Rings within 3 kpc and the central zone have the first scale, to 7.5 kpc the second, beyond and in the neighbourhood the third."""
RING_SPREAD, ELECTRON_SPREAD = 0.3, 0.6
"""rms of the logarithm of a whole ring's gas, and of the electrons at a radius."""
TILT_RAD = 0.5
"""rms tilt of the neighbourhood's layer for a turbulence of 1: some 11 deg for one of 0.4; the Gould Belt has 17."""
PITCH_DEG = (10.0, 15.0)


class Diffuse(NamedTuple):
    """Shapes (events, nside, nside), float32, of mean 1 over the ``reference_region``."""

    pi0: Array
    inverse_compton: Array
    bubbles: Array


def diffuse_maps(parameters: Mapping[str, Array], nside: int, rng: np.random.Generator) -> Diffuse:
    """Maps of ``PARAMETERS`` (events,): emission of nuclei in gas, inverse Compton, and the Fermi bubbles.

    What is no parameter (turbulence, clouds, weights of rings, phases of arms, lobes) is drawn event by event. ValueError for a parameter that is missing, of
    another length, not finite or outside its ``limits``, and an nside that is not a power of 2 from 32 on.
    """
    found = checked(parameters)
    events = len(found["molecular_share"])
    region = reference_region(nside)
    maps = Diffuse(*(np.empty((events, nside, nside), np.float32) for _ in range(3)))
    for event in range(events):
        one = {name: float(values[event]) for name, values in found.items()}
        # the gas last: its noise is as long as the image is large
        bubbles, compton, gas = bubble_map(draw_lobes(rng), one["bubble_edge_deg"], nside), _compton(one, nside, rng), _gas(one, nside, rng)
        for out, image in zip(maps, (gas, compton, bubbles), strict=True):
            np.divide(image, np.mean(image[region], dtype=float), out=out[event])
    return maps


class Emission(NamedTuple):
    """Shapes (events, nside, nside), float32, of mean 1 over the ``reference_region``."""

    pi0: Array
    inverse_compton: Array


def emission_maps(parameters: Mapping[str, Array], nside: int, rng: np.random.Generator) -> Emission:
    """``diffuse_maps`` without the Fermi bubbles, of the same laws: maps of the parameters ``GAS_AND_LIGHT`` (events,)."""
    found = checked(parameters, GAS_AND_LIGHT)
    events = len(found["molecular_share"])
    region = reference_region(nside)
    maps = Emission(*(np.empty((events, nside, nside), np.float32) for _ in range(2)))
    for event in range(events):
        one = {name: float(values[event]) for name, values in found.items()}
        compton, gas = _compton(one, nside, rng), _gas(one, nside, rng)
        for out, image in zip(maps, (gas, compton), strict=True):
            np.divide(image, np.mean(image[region], dtype=float), out=out[event])
    return maps


def _gas(one: dict[str, float], nside: int, rng: np.random.Generator) -> Array:
    pitch, phase = np.radians(rng.uniform(*PITCH_DEG)), rng.uniform(0, 2 * np.pi)
    tilt, axis = one["turbulence"] * TILT_RAD * rng.standard_normal(), rng.uniform(-np.pi / 4, np.pi / 4)
    clouds = cloud_map(draw_clouds(rng), nside)
    outer = OUTER_FACTOR ** rng.uniform(-1, 1)
    weights = RING_SPREAD * rng.standard_normal(RINGS)
    fields = turbulence(one["turbulence_index"], tuple(outer * scale for scale in OUTER_DEG), nside, rng)[list(FIELD_OF_RING)]
    fields *= np.float32(one["turbulence"])
    # E exp(s g) = exp(s^2 / 2): the field keeps the mean
    fields -= np.float32(one["turbulence"] ** 2 / 2)
    fields[LOCAL, :nside, :nside] += tilted(tilt, axis, nside) + np.log1p(np.float32(one["turbulence"]) * clouds)
    columns = ring_columns(
        one["molecular_share"],
        one["arm_contrast"],
        one["gas_height_factor"],
        one["cosmic_ray_scale_kpc"],
        one["cosmic_ray_height_kpc"],
        pitch,
        phase,
    )
    return gas_map(columns, one["central_zone_share"], fields, weights, nside)


def _compton(one: dict[str, float], nside: int, rng: np.random.Generator) -> Array:
    knots = ELECTRON_SPREAD * rng.standard_normal(len(KNOTS_KPC))
    law = Electrons(one["electron_scale_kpc"], one["cosmic_ray_height_kpc"], one["electron_hole"], rng.uniform(*HOLE_KPC), knots)
    return compton_map(law, one["bulge_light"], nside)
