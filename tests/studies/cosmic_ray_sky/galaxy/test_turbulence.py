"""A realisation of the random field deflects as the random walk of the backtracking does."""

from __future__ import annotations

import numpy as np
import pytest

from cloudchamber.physics.sphere import random_directions, unit_vectors
from cloudchamber.studies.cosmic_ray_sky.galaxy import jf12
from cloudchamber.studies.cosmic_ray_sky.galaxy.backtrack import COHERENCE_KPC, backtrack
from cloudchamber.studies.cosmic_ray_sky.galaxy.turbulence import (
    CELL_KPC,
    SCALES_KPC,
    kolmogorov_box,
    random_walk_rms_rad_ev,
    small_deflections_rad_ev,
)

DIRECTIONS = unit_vectors([33.0, 141.0, -62.0], [17.0, -29.0, 51.0])


def test_coherence_length() -> None:
    """The integral of a Kolmogorov field's correlation over a line: D. Harari et al., JHEP 03 (2002) 045, equation 2.4."""
    shortest, longest = SCALES_KPC
    ratio = shortest / longest
    assert longest / 5 * (1 - ratio ** (5 / 3)) / (1 - ratio ** (2 / 3)) == pytest.approx(COHERENCE_KPC, rel=2e-3)


def test_box_is_free_of_divergence_and_falls_as_kolmogorov() -> None:
    cells = 64
    box = kolmogorov_box(cells, np.random.default_rng(6))
    modes = np.fft.fftn(box, axes=(0, 1, 2))
    k = 2 * np.pi * np.fft.fftfreq(cells, CELL_KPC)
    waves = np.stack(np.meshgrid(k, k, k, indexing="ij"), axis=-1)
    power, length = np.sum(np.abs(modes) ** 2, axis=-1), np.linalg.norm(waves, axis=-1)
    assert np.max(np.abs(np.sum(modes * waves, axis=-1))) < 1e-9 * np.max(np.abs(modes)) * np.max(length)
    assert np.sum(box**2) / cells**3 == pytest.approx(1.0)
    inner = [(length > low) & (length < 1.2 * low) for low in (60.0, 240.0)]
    slope = np.diff([np.log(np.mean(power[shell])) for shell in inner]) / np.diff([np.log(np.mean(length[shell])) for shell in inner])
    assert slope[0] == pytest.approx(-11 / 3, abs=0.2)


def test_random_walk_gives_the_spread_of_realisations(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(7)
    # a periodic box favours some directions, so that many share the test, away from the plane, where lines run along it
    sky = random_directions(400, rng)
    sky = sky[np.abs(sky[:, 2]) > 0.3]
    lines = np.concatenate([small_deflections_rad_ev(part, kolmogorov_box(64, rng), rng) for part in np.array_split(sky, 4)])
    assert np.mean(np.sum(lines**2, axis=1) / random_walk_rms_rad_ev(sky) ** 2) == pytest.approx(1.0, abs=0.25)
    walk = random_walk_rms_rad_ev(DIRECTIONS)
    monkeypatch.setattr(jf12, "STRIATION", 0.0)
    ends = backtrack(np.repeat(DIRECTIONS, 2000, axis=0), 1e4, "jf12", True, rng).directions.reshape(3, 2000, 3)
    spread = np.sqrt(np.mean(np.sum((ends - ends.mean(axis=1, keepdims=True)) ** 2, axis=-1), axis=1)) * 1e4
    assert spread == pytest.approx(walk, rel=0.08)
