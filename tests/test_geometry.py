from __future__ import annotations

import json

import numpy as np
import pytest

from cloudchamber.geometry import Healpix, Wcs
from cloudchamber.physics.sphere import angular_distance_deg, unit_vectors
from cloudchamber.schema import Column, Schema

healpix = pytest.importorskip("healpix")
CAR = {"CTYPE1": "GLON-CAR", "CTYPE2": "GLAT-CAR", "CRVAL1": 0.0, "CRVAL2": 0.0, "CRPIX1": 20.5, "CRPIX2": 10.5, "CDELT1": -0.5, "CDELT2": 0.5}


def test_places_between_pixels() -> None:
    geometry = Wcs(20, 40, CAR)
    x, y = np.array([3.25, 11.0]), np.array([7.5, -0.4])
    lon, lat = geometry.lon_lat_at(x, y)
    np.testing.assert_allclose(geometry.xy_at(lon, lat), (x, y), atol=1e-9)
    assert geometry.place_of(lon, lat).tolist() == [8 * 40 + 3, 11]


@pytest.mark.parametrize("geometry", [
    Healpix(8), Healpix(8, "ring"), Healpix(16, base_pixel=4), Healpix(8, "ring", "icrs", pixels=(5, 700, 3)), Wcs(20, 40, CAR),
])  # fmt: skip
def test_each_pixel_holds_its_own_centre(geometry: Healpix | Wcs) -> None:
    lon, lat = geometry.lon_lat_deg()
    assert lon.shape == lat.shape == geometry.shape
    np.testing.assert_array_equal(geometry.place_of(lon, lat), np.arange(lon.size).reshape(geometry.shape))


def test_a_base_pixel_is_an_equal_area_image_whose_neighbours_touch() -> None:
    geometry = Healpix(128, base_pixel=4)
    numbers = geometry.numbers
    assert geometry.shape == (128, 128) and sorted(numbers.ravel()) == list(range(4 * 128**2, 5 * 128**2))
    lon, lat = geometry.lon_lat_deg()
    vectors = unit_vectors(lon, lat)
    size = np.rad2deg(np.sqrt(geometry.solid_angle_sr))
    for axis in (0, 1):
        apart = angular_distance_deg(np.take(vectors, range(127), axis), np.take(vectors, range(1, 128), axis))
        assert 0.7 * size < apart.min() and apart.max() < 1.4 * size
    # base pixel 4 lies about the origin of the coordinates
    assert geometry.place_of(np.array(0.01), np.array(0.01)) >= 0 and geometry.place_of(np.array(180.0), np.array(0.0)) == -1
    assert geometry.solid_angle_sr * 12 * 128**2 == pytest.approx(4 * np.pi, rel=1e-12)


def test_an_image_knows_its_pixels() -> None:
    geometry = Wcs(20, 40, CAR)
    lon, lat = geometry.lon_lat_deg()
    assert lon[0, 0] == pytest.approx(9.75) and lat[0, 0] == pytest.approx(-4.75) and lon[0, -1] == pytest.approx(350.25)
    assert geometry.frame == "galactic" and geometry.solid_angle_sr == pytest.approx(np.deg2rad(0.5) ** 2)
    assert geometry.place_of(np.array([0.2, 20.0]), np.array([0.2, 0.0])).tolist() == [10 * 40 + 19, -1]


def test_columns_keep_their_geometry_and_others_their_json() -> None:
    schema = Schema(x={"counts": Column(shape=(3, 16, 16), geometry=Healpix(16, base_pixel=4)), "image": Column(shape=(20, 40), geometry=Wcs(20, 40, CAR))})
    assert Schema.from_json(json.loads(json.dumps(schema.to_json()))) == schema
    assert "geometry" not in Schema(x={"a": Column()}).to_json()["x"]["a"]
    with pytest.raises(ValueError, match=r"pixels are \(16, 16\) needs a shape that ends so, got \(16, 15\)"):
        Column(shape=(16, 15), geometry=Healpix(16, base_pixel=4))


@pytest.mark.parametrize(("make", "message"), [
    (lambda: Healpix(12), "power of 2, got 12"),
    (lambda: Healpix(8, base_pixel=12), "one of 0 to 11"),
    (lambda: Healpix(8, "ring", base_pixel=4), "in nested order"),
    (lambda: Healpix(1, pixels=(12,)), "between 0 and 11"),
    (lambda: Wcs(3, 3, {"CTYPE1": "GLON-CAR"}), "'CTYPE2' is missing"),
])  # fmt: skip
def test_what_is_no_geometry_is_refused(make: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()  # type: ignore[operator]
