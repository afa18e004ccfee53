"""Pixels of files: centres, the pixel that holds a direction, values between centres."""

from __future__ import annotations

import healpix
import numpy as np
import pytest

import gamma_files as made
from cloudchamber.formats.maps import image_wcs
from cloudchamber.geometry import Frame, Healpix
from cloudchamber.studies.galactic_centre.fits.sky import Image, Interpolation, Pixels, face_directions

SKIES: dict[str, Pixels | Image] = {
    "nested": Pixels(16, True, "galactic"),
    "ring": Pixels(32, False, "icrs"),
    "some": Pixels(16, False, "icrs", np.random.default_rng(1).permutation(12 * 256)[:2000]),
    "car": Image(image_wcs("", made.image_header("CAR", size=1.0, pixels=60))),
    "zea": Image(image_wcs("", made.image_header("ZEA", "icrs", 1.0, 60))),
}


def smooth(lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
    """A function of the direction without a seam or a pole."""
    lon, lat = np.radians(lon), np.radians(lat)
    return 2 + np.cos(lat) * np.cos(lon) + 0.5 * np.cos(lat) * np.sin(lon) + 0.3 * np.sin(lat)


@pytest.mark.parametrize("name", SKIES)
def test_centres(name: str) -> None:
    sky = SKIES[name]
    lon, lat = sky.centres()
    assert lon.shape == (len(sky),) and sky.holding(lon, lat).tolist() == list(range(len(sky)))
    values = smooth(lon, lat)
    np.testing.assert_allclose(Interpolation(sky, lon, lat)(values), values, rtol=1e-6)


@pytest.mark.parametrize("name", SKIES)
def test_between_centres(name: str) -> None:
    sky, random = SKIES[name], np.random.default_rng(2)
    lon, lat = random.uniform(-25, 25, 2000), random.uniform(-25, 25, 2000)
    places, weights = sky.between(lon, lat)
    np.testing.assert_allclose(weights.sum(axis=0), 1)
    assert weights.min() > -1e-9
    values = Interpolation(sky, lon, lat)(smooth(*sky.centres()))
    assert np.isnan(values).tolist() == (sky.holding(lon, lat) < 0).tolist()
    np.testing.assert_allclose(values, np.where(np.isnan(values), np.nan, smooth(lon, lat)), atol={"some": 0.1, "zea": 0.01}.get(name, 2e-3))
    whole = (places >= 0).all(axis=0)
    assert whole.mean() > 0.1


def test_the_whole_sky_with_its_poles() -> None:
    random = np.random.default_rng(3)
    lon, lat = random.uniform(0, 360, 5000), np.degrees(np.arcsin(random.uniform(-1, 1, 5000)))
    for nested in (True, False):
        sky = Pixels(32, nested, "galactic")
        np.testing.assert_allclose(Interpolation(sky, lon, lat)(smooth(*sky.centres())), smooth(lon, lat), atol=0.02)


def test_values_that_lack_are_left_out() -> None:
    sky = Pixels(16, True, "galactic")
    lon, lat = sky.centres()
    values = smooth(lon, lat)
    values[4 * 256] = np.nan
    at = Interpolation(sky, lon, lat)(values)
    assert np.flatnonzero(np.isnan(at)).tolist() == [4 * 256]
    near, there = Interpolation(sky, lon + 1.0, lat + 1.0)(values), sky.holding(lon + 1.0, lat + 1.0)
    assert np.isnan(near).tolist() == (there == 4 * 256).tolist()


@pytest.mark.parametrize("frame", ["galactic", "icrs"])
def test_sizes(frame: Frame) -> None:
    places = np.arange(3600)
    for kind in ("CAR", "ZEA"):
        image = Image(image_wcs("", made.image_header(kind, frame, 0.5, 60)))
        sizes = np.degrees(np.degrees(image.solid_angles_sr(places)))
        lat = image.wcs.lon_lat_deg()[1].ravel()
        if kind == "ZEA":
            np.testing.assert_allclose(sizes, 0.25, rtol=1e-3)
        elif frame == "galactic":
            np.testing.assert_allclose(sizes, 0.25 * np.cos(np.radians(lat)), rtol=1e-3)
            np.testing.assert_allclose(image.sides_deg(places), 0.5, rtol=1e-3)
    beyond = Image(image_wcs("", made.image_header("AIT", frame, 6.0, 80)))
    assert np.isnan(beyond.solid_angles_sr(np.array([0])))[0] and np.isnan(beyond.centres()[0][0]) and beyond.holding(np.zeros(1), np.zeros(1))[0] >= 0
    assert Pixels(64, True, frame).side_deg == pytest.approx(0.9161, abs=1e-4)


def test_points_of_the_face() -> None:
    lon, lat = face_directions(16)
    own = Healpix(16, base_pixel=4).lon_lat_deg()
    np.testing.assert_allclose((lon % 360, lat), (own[0] % 360, own[1]), atol=1e-9)
    lon, lat = face_directions(16, 4)
    pixel = healpix.ang2pix(16, lon, lat, nest=True, lonlat=True).reshape(16, 4, 16, 4)
    assert (pixel == Healpix(16, base_pixel=4).numbers[:, None, :, None]).all()
