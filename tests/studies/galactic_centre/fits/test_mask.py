"""Masks: maps of 1 and 0, and catalogues with a radius around each point."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import healpix
import numpy as np
import pytest

import gamma_files as made
from cloudchamber.studies.galactic_centre.fits.mask import read_mask
from cloudchamber.studies.galactic_centre.fits.sky import face_directions


def disk(lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
    """Within 10 deg of the centre."""
    return np.cos(np.radians(lon)) * np.cos(np.radians(lat)) > np.cos(np.radians(10))


def test_maps(tmp_path: Path) -> None:
    lon, lat = healpix.pix2ang(128, np.arange(12 * 128**2), nest=True, lonlat=True)
    of_healpix = made.write(tmp_path / "a.fits", made.healpix_hdu(1.0 * disk(lon, lat)[None], 128, nested=True))
    x, y = np.meshgrid(np.arange(300) - 149.5, np.arange(300) - 149.5)
    of_image = made.write_image(tmp_path / "b.fits", disk(0.2 * x, 0.2 * y).astype("i2"), made.image_header())
    for path in (of_healpix, of_image):
        used, own = read_mask(path, 32), disk(*face_directions(32))
        assert not (used & ~own).any() and 0.75 < used.sum() / own.sum() < 1


def test_catalogues(tmp_path: Path) -> None:
    lon, lat = np.array([3.0, -20.0, 120.0]), np.array([-2.0, 10.0, 50.0])
    ra, dec = made.in_frame(lon, lat, "icrs")
    galactic = made.write(tmp_path / "a.fits", made.table("CATALOGUE", {"GLON": lon % 360, "GLAT": lat}))
    equatorial = made.write(tmp_path / "b.fits", made.table("CATALOGUE", {"RAJ2000": ra, "DEJ2000": dec}))
    l_face, b_face = face_directions(64)
    apart = made.SkyCoord(lon, lat, unit="deg").separation(made.SkyCoord(l_face[..., None], b_face[..., None], unit="deg")).deg
    for path in (galactic, equatorial):
        np.testing.assert_array_equal(read_mask(path, 64, 1.5), (apart >= 1.5).all(axis=-1))
    with pytest.raises(ValueError, match=r"'CATALOGUE': a catalogue masks a radius around each point, in \(0, 20\] deg, got None"):
        read_mask(galactic, 64)
    broken = made.write(tmp_path / "c.fits", made.table("CATALOGUE", {"GLON": lon, "GLAT": lat + 60}))
    with pytest.raises(ValueError, match="columns GLON, GLAT must be finite, and latitudes lie in"):
        read_mask(broken, 64, 1.0)


@pytest.mark.parametrize(("write", "message"), [
    (lambda path: made.write(path, made.healpix_hdu(np.full((1, 768), 0.5), 8)), r"CHANNEL1: a value of 0\.5 in a mask; allowed: 1 \(used\), 0 \(masked\)"),
    (lambda path: made.write(path, made.healpix_hdu(np.zeros((1, 768)), 8)), "this mask leaves no pixel of the region"),
    (lambda path: made.write(path, made.healpix_hdu(np.ones((2, 768)), 8)), "2 maps, CHANNEL1, CHANNEL2, where a mask is one"),
])  # fmt: skip
def test_refused(write: Callable[[Path], Path], message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        read_mask(write(tmp_path / "a.fits"), 8)
