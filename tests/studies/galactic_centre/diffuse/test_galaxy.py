"""The Galaxy's profiles against the numbers they come from."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad

from cloudchamber.studies.galactic_centre.diffuse import galaxy
from cloudchamber.studies.galactic_centre.diffuse.sightlines import SUN_KPC

CM_IN_KPC = 3.0857e21


def test_vertical_columns() -> None:
    """Dickey & Lockman (1990): 6.2e20 cm^-2 of atomic hydrogen through the plane; Gaensler et al. (2008): some 25.6 pc cm^-3 of electrons on one side."""
    total = 2 * quad(galaxy.atomic_vertical, 0, 40, limit=200)[0]
    assert total == pytest.approx(galaxy.ATOMIC_COLUMN, rel=1e-6)
    ionised = 2 * galaxy.EXPONENTIALS_CM3[1][0] * galaxy.EXPONENTIALS_CM3[1][1]
    assert (total - ionised) * CM_IN_KPC == pytest.approx(6.2e20, rel=0.02)
    assert ionised / 2 * 1000 == pytest.approx(25.6, rel=0.01)


def test_midplane_density() -> None:
    assert galaxy.atomic_vertical(np.zeros(1))[0] == pytest.approx(0.566 + 0.014)


def test_radial_profiles() -> None:
    r = np.linspace(0, 20, 401)
    atomic, molecular = galaxy.atomic_surface(r), galaxy.molecular_surface(r)
    assert r[np.argmax(molecular)] == pytest.approx(4.5)
    assert np.all(atomic[r < 1] < 0.2) and np.ptp(atomic[(r > 6) & (r < 13)]) < 0.02 and atomic[-1] < 0.2
    assert galaxy.atomic_flare(np.array([SUN_KPC, SUN_KPC + 9.8])) == pytest.approx([1, np.e])
    assert galaxy.molecular_height_kpc(np.array([SUN_KPC, 4.5])) == pytest.approx([0.081, 0.081 * (4.5 / 8.2) ** 0.58])


def test_arms_wind_by_their_pitch_and_keep_the_mean() -> None:
    pitch, turn = np.radians(13.0), np.linspace(0, 2 * np.pi, 360, endpoint=False)
    assert np.mean(galaxy.arms(np.full(360, 6.0), turn, pitch, 0.7)) == pytest.approx(0, abs=1e-12)
    crest = [turn[np.argmax(galaxy.arms(np.full(360, r), turn, pitch, 0.7)[:90])] for r in (6.0, 6.3)]
    assert crest[1] - crest[0] == pytest.approx(np.log(6.3 / 6.0) / np.tan(pitch), abs=np.radians(1))
    assert abs(galaxy.arms(np.array([0.3]), np.zeros(1), pitch, 0.0)[0]) < 0.02


def test_cosmic_rays() -> None:
    r = np.array([0.0, 0.5, SUN_KPC, 20.0, 26.0])
    rays = galaxy.nuclei(r, 6.0)
    assert rays[2] == 1 and rays[1] / rays[0] > 0.98 and rays[4] / rays[3] == pytest.approx(np.exp(-1), rel=0.01)
    height = galaxy.halo(np.array([0.0, 4.0, 1e9]), 4.0)
    assert height[:2] == pytest.approx([1, 1 / np.cosh(1) ** 2]) and 0 <= height[2] < 1e-30


def test_mass_within_the_orbit() -> None:
    r = SUN_KPC * (np.arange(1000) + 0.5) / 1000
    assert galaxy.within_orbit_kpc2(np.ones(1000), r) == pytest.approx(np.pi * SUN_KPC**2)
