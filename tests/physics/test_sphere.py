from __future__ import annotations

import healpix
import numpy as np
import pytest
from scipy.stats import kstest

from cloudchamber.physics.sphere import (
    EQUATORIAL_TO_GALACTIC,
    angular_distance_deg,
    equatorial_from_galactic,
    galactic_from_equatorial,
    lon_lat_deg,
    move,
    nested_pixels,
    pixel_centres,
    random_directions,
    random_rotation,
    rotation_about,
    tangent_basis,
    unit_vectors,
    von_mises_fisher,
)

LON, LAT = np.meshgrid(np.linspace(-180, 180, 13), np.linspace(-90, 90, 7))


def test_longitude_and_latitude_come_back() -> None:
    vectors = unit_vectors(LON, LAT)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=-1), 1.0, rtol=1e-15)
    lon, lat = lon_lat_deg(3.0 * vectors)
    np.testing.assert_allclose(lat, LAT, atol=1e-13)
    inside = (np.abs(LAT) < 90) & (np.abs(LON) < 180)
    np.testing.assert_allclose(lon[inside], LON[inside], atol=1e-13)
    np.testing.assert_allclose(unit_vectors([0, 90, 12], [0, 0, 90]), np.eye(3), atol=1e-16)


def test_distances_keep_their_digits_at_both_ends() -> None:
    # 1 - cos of a hundred-thousandth of a degree has no digits left
    np.testing.assert_allclose(angular_distance_deg(unit_vectors(10, 20), unit_vectors(10, [20 + 1e-5, -70])), [1e-5, 90], rtol=1e-9)
    np.testing.assert_allclose(180 - angular_distance_deg(unit_vectors(10, 0), unit_vectors(-170, 1e-5)), 1e-5, rtol=1e-7)


def test_rotations() -> None:
    np.testing.assert_allclose(rotation_about([0, 0, 2], np.pi / 2) @ [1, 0, 0], [0, 1, 0], atol=1e-16)
    generator = np.random.default_rng(1)
    axis, angle = random_directions(5, generator), generator.uniform(-3, 3, 5)
    matrices = rotation_about(axis, angle)
    for matrix, n, a in zip(matrices, axis, angle, strict=True):
        np.testing.assert_allclose(matrix @ matrix.T, np.eye(3), atol=1e-15)
        np.testing.assert_allclose(matrix @ n, n, atol=1e-15)
        np.testing.assert_allclose([np.linalg.det(matrix), np.trace(matrix)], [1, 1 + 2 * np.cos(a)], atol=1e-14)
    with pytest.raises(ValueError, match="axis of a length above 0"):
        rotation_about([0, 0, 0], 1.0)


def test_random_rotations_are_uniform() -> None:
    generator = np.random.default_rng(2)
    matrices = np.stack([random_rotation(generator) for _ in range(2000)])
    np.testing.assert_allclose(matrices @ np.swapaxes(matrices, 1, 2), np.broadcast_to(np.eye(3), (2000, 3, 3)), atol=1e-14)
    np.testing.assert_allclose(np.linalg.det(matrices), 1.0, rtol=1e-14)
    # the angle of a uniform rotation has the density (1 - cos a) / pi
    angle = np.arccos(np.clip((np.trace(matrices, axis1=1, axis2=2) - 1) / 2, -1, 1))
    assert kstest(angle, lambda a: (a - np.sin(a)) / np.pi).pvalue > 1e-6
    for entry in matrices.reshape(-1, 9).T:
        assert kstest(entry, "uniform", args=(-1, 2)).pvalue > 1e-6


def test_random_directions_are_uniform() -> None:
    vectors = random_directions(5000, np.random.default_rng(3))
    for component in vectors.T:
        assert kstest(component, "uniform", args=(-1, 2)).pvalue > 1e-6


def test_tangent_basis_is_right_handed_and_points_north() -> None:
    vectors = unit_vectors(LON, LAT)
    east, north = tangent_basis(vectors)
    np.testing.assert_allclose(np.cross(east, north), vectors, atol=1e-15)
    step = unit_vectors(LON, LAT + 1e-6) - unit_vectors(LON, LAT - 1e-6)
    inside = np.abs(LAT) < 90
    np.testing.assert_allclose(north[inside], (step / np.linalg.norm(step, axis=-1, keepdims=True))[inside], atol=1e-7)


def test_move_goes_the_angle_in_the_direction() -> None:
    generator = np.random.default_rng(4)
    start, angle, position = random_directions(50, generator), generator.uniform(0, np.pi, 50), generator.uniform(-np.pi, np.pi, 50)
    end = move(start, angle, position)
    np.testing.assert_allclose(np.deg2rad(angular_distance_deg(start, end)), angle, rtol=1e-12)
    east, north = tangent_basis(start)
    np.testing.assert_allclose(np.arctan2((end * east).sum(-1), (end * north).sum(-1)), position, atol=1e-12)
    # from the equator to the north and to the east
    np.testing.assert_allclose(move(unit_vectors([30, 30], 0), np.deg2rad(40), np.array([0, np.pi / 2])), unit_vectors([30, 70], [40, 0]), atol=1e-15)


@pytest.mark.parametrize("sigma", [0.01, 0.5, 3.0])
def test_von_mises_fisher_follows_its_density(sigma: float) -> None:
    generator, n = np.random.default_rng(5), 20000
    mean = random_directions(n, generator)
    drawn, kappa = von_mises_fisher(mean, sigma, generator), sigma**-2
    angle = np.deg2rad(angular_distance_deg(mean, drawn))
    assert kstest(angle, lambda a: np.expm1(-2 * kappa * np.sin(a / 2) ** 2) / np.expm1(-2 * kappa)).pvalue > 1e-6
    # the mean cosine is coth(kappa) - 1 / kappa
    versine = 2 * np.sin(angle / 2) ** 2
    assert abs(versine.mean() - (1 - 1 / np.tanh(kappa) + 1 / kappa)) < 5 * versine.std() / np.sqrt(n)
    east, north = tangent_basis(mean)
    assert kstest(np.arctan2((drawn * east).sum(-1), (drawn * north).sum(-1)), "uniform", args=(-np.pi, 2 * np.pi)).pvalue > 1e-6


def test_von_mises_fisher_without_width_stays_and_refuses_a_negative_one() -> None:
    mean = random_directions(3, np.random.default_rng(6))
    np.testing.assert_array_equal(von_mises_fisher(mean, np.zeros(3), np.random.default_rng(7)), mean)
    with pytest.raises(ValueError, match=r"sigma_rad must be at least 0, got -0.1"):
        von_mises_fisher(mean, [0.1, -0.1, 0.1], np.random.default_rng(7))


def test_galactic_coordinates_are_those_of_astropy_and_hipparcos() -> None:
    from astropy.coordinates import SkyCoord

    vectors = random_directions(200, np.random.default_rng(8))
    ra, dec = lon_lat_deg(vectors)
    theirs = SkyCoord(ra=ra, dec=dec, unit="deg", frame="icrs").galactic
    lon, lat = galactic_from_equatorial(ra, dec)
    # astropy goes through FK5, which lies some 0.02 arc seconds off
    assert angular_distance_deg(unit_vectors(lon, lat), unit_vectors(theirs.l.deg, theirs.b.deg)).max() < 0.1 / 3600
    published = [[-0.0548755604, -0.8734370902, -0.4838350155], [0.4941094279, -0.4448296300, 0.7469822445], [-0.8676661490, -0.1980763734, 0.4559837762]]
    np.testing.assert_allclose(EQUATORIAL_TO_GALACTIC, published, atol=6e-11)
    again = equatorial_from_galactic(lon, lat)
    np.testing.assert_allclose(unit_vectors(*again), vectors, atol=1e-14)
    assert np.all((again[0] >= 0) & (again[0] < 360))


@pytest.mark.parametrize("nside", [1, 8, 64])
def test_pixels_are_nested_and_hold_their_centres(nside: int) -> None:
    centres = pixel_centres(nside)
    assert centres.shape == (12 * nside**2, 3)
    np.testing.assert_allclose(np.linalg.norm(centres, axis=1), 1.0, rtol=1e-15)
    np.testing.assert_array_equal(nested_pixels(nside, centres), np.arange(12 * nside**2))
    # four children follow one another, in their parent
    np.testing.assert_array_equal(nested_pixels(nside, pixel_centres(2 * nside)), np.arange(48 * nside**2) // 4)
    assert healpix.nside2npix(nside) == len(centres)


def test_pixels_refuse_an_nside_without_nested_order() -> None:
    with pytest.raises(ValueError, match=r"nside must be a power of two, .* got 12"):
        pixel_centres(12)
