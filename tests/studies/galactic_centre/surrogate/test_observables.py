"""What is looked at in shapes: scales, latitudes and parameters where they should be."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from cloudchamber.rng import rng
from cloudchamber.studies.galactic_centre.columns import SHAPES
from cloudchamber.studies.galactic_centre.diffuse.sightlines import pixels
from cloudchamber.studies.galactic_centre.sky.diffuse_sky import DiffuseSky
from cloudchamber.studies.galactic_centre.surrogate.observables import (
    LATITUDES_DEG,
    WAVELENGTHS_DEG,
    bands,
    coarse,
    fields,
    fluctuations,
    parameters,
    power,
    profile,
    told,
    wavelengths_deg,
)

NSIDE = 32
SKY = DiffuseSky(NSIDE)
THETA = SKY.prior(6, rng(1))
TABLE = THETA | SKY.simulate(THETA, rng(2))


@pytest.mark.parametrize("length_deg", [40.0, 20.0, 10.0, 5.0])
def test_a_wave_has_its_power_at_its_length(length_deg: float) -> None:
    place = np.deg2rad(pixels(128).lon_deg + pixels(128).lat_deg)
    found = power(np.cos(2 * np.pi * place / np.sqrt(2) / np.radians(length_deg))[None])[0]
    scale = next(number for number, (high, low) in enumerate(pairwise(WAVELENGTHS_DEG)) if low < length_deg <= high)
    assert np.argmax(found) == scale


def test_white_noise_has_the_same_power_on_every_scale() -> None:
    noise = rng(1).normal(size=(200, NSIDE, NSIDE))
    np.testing.assert_allclose(power(noise).mean(axis=0), 1, atol=0.1)
    np.testing.assert_allclose(fluctuations(noise + np.arange(NSIDE)).mean(axis=0), 0, atol=1e-12)
    assert wavelengths_deg(NSIDE)[0, 0] == np.inf and 3.0 < wavelengths_deg(NSIDE)[0, -1] < 4.0


def test_bands_and_fields_hold_every_pixel_once() -> None:
    for parts in (list(bands(NSIDE).values()), fields(NSIDE)):
        together = np.concatenate(parts)
        assert len(np.unique(together)) == len(together) == NSIDE**2
    found = profile(np.abs(pixels(NSIDE).lat_deg)[None])[0]
    for mean, (low, high) in zip(found, pairwise(LATITUDES_DEG), strict=False):
        assert low <= mean < high


def test_parameters_are_shares_of_the_prior() -> None:
    many = parameters(SKY.prior(4000, rng(3)))
    assert many.shape == (4000, 11) and many.min() >= -1e-6 and many.max() <= 1 + 1e-6
    np.testing.assert_allclose(many.mean(axis=0), 0.5, atol=0.03)


def test_numbers_and_coarse_pixels_are_of_the_map() -> None:
    assert told(TABLE).shape[0] == 6 and np.isfinite(told(TABLE)).all()
    assert not np.allclose(told(TABLE)[0], told(TABLE)[1])
    np.testing.assert_allclose(coarse(TABLE, 16).mean(axis=1), np.log(TABLE[SHAPES[0]]).mean(axis=(1, 2)), rtol=1e-4)
