"""Turbulence has the spectrum asked for, and its exponential keeps the mean."""

from __future__ import annotations

import numpy as np
import pytest

from cloudchamber.rng import rng
from cloudchamber.studies.galactic_centre.diffuse.fields import turbulence

NSIDE = 128


def wave_number(size: int) -> np.ndarray:
    """In cycles per deg, on the sky at the middle of the image."""
    cycles = NSIDE * np.fft.fftfreq(size)
    x, y = np.meshgrid(cycles, cycles, indexing="ij")
    return np.hypot((x - y) / 90.0, (x + y) * 0.75 * np.pi / 180)


@pytest.mark.parametrize("index", [2.4, 3.6])
def test_spectrum(index: float) -> None:
    generator = rng(1)
    fields = np.concatenate([turbulence(index, (20.0, 20.0), NSIDE, generator) for _ in range(4)]).astype(float)
    power, k = np.mean(np.abs(np.fft.fft2(fields)) ** 2, axis=0), wave_number(fields.shape[1])
    shells = [(k > low) & (k < 1.2 * low) for low in (0.2, 0.7)]
    slope = np.diff([np.log(np.mean(power[shell])) for shell in shells]) / np.diff([np.log(np.mean(k[shell])) for shell in shells])
    assert slope[0] == pytest.approx(-index, abs=0.15)
    # flat above the outer scale of 20 deg
    low = [np.mean(power[(k > 0) & (k < 0.02)]), np.mean(power[(k > 0.02) & (k < 0.035)])]
    assert low[0] / low[1] < 2.5


def test_slope_on_the_face() -> None:
    """What is seen in the image alone, with a window against its edges."""
    generator, window = rng(2), np.hanning(NSIDE)
    fields = np.concatenate([turbulence(3.0, (30.0,), NSIDE, generator) for _ in range(8)])[:, :NSIDE, :NSIDE].astype(float)
    power, k = np.mean(np.abs(np.fft.fft2(fields * np.outer(window, window))) ** 2, axis=0), wave_number(NSIDE)
    shells = [(k > low) & (k < 1.2 * low) for low in (0.25, 0.7)]
    slope = np.diff([np.log(np.mean(power[shell])) for shell in shells]) / np.diff([np.log(np.mean(k[shell])) for shell in shells])
    assert slope[0] == pytest.approx(-3.0, abs=0.3)


def test_variance_and_mean_of_the_exponential() -> None:
    generator = rng(3)
    means, variances = [], []
    for _ in range(150):
        field = turbulence(2.6, (5.0, 30.0), 32, generator).astype(float)
        means.append(np.mean(np.exp(0.8 * field - 0.32), axis=(1, 2)))
        variances.append(np.mean(field**2, axis=(1, 2)))
    for found in (np.array(means), np.array(variances)):
        error = found.std(axis=0, ddof=1) / np.sqrt(len(found))
        assert np.all(error < 0.04)
        assert np.all(np.abs(found.mean(axis=0) - 1) < 5 * error)


def test_fields_are_independent() -> None:
    """Pairs are the real and the imaginary part of one transform: their correlation over 150 realisations is nothing."""
    generator = rng(4)
    products = np.array([np.mean(field[0] * field[1]) for field in (turbulence(2.6, (5.0,), 32, generator) for _ in range(150))])
    assert abs(products.mean()) < 5 * products.std(ddof=1) / np.sqrt(150)


def test_outer_scale_is_an_angle() -> None:
    """Structures of one angle on the sky, at each size of the image: the correlation at 3 deg."""
    found = []
    for nside in (64, 128):
        generator, step = rng(5), nside // 32
        # along the plane, one pixel of 32 is 2 * 45 / 32 deg in longitude when x grows and y falls
        found.append(
            np.mean([np.mean(f * np.roll(f, (step, -step), (1, 2)), axis=(1, 2)) for f in (turbulence(3.4, (20.0,), nside, generator) for _ in range(30))])
        )
    assert found[0] == pytest.approx(found[1], abs=0.03) and 0.3 < found[0] < 0.8
