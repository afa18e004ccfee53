"""Inverse Compton against quad, the light against published energy densities, symmetries."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad

from cloudchamber.studies.galactic_centre.diffuse import galaxy
from cloudchamber.studies.galactic_centre.diffuse.inverse_compton import KNOTS_KPC, Electrons, compton_map, electrons_in_plane, light_ev_cm3
from cloudchamber.studies.galactic_centre.diffuse.sightlines import FAR_KPC, SUN_KPC, pixels

FLAT = np.zeros(len(KNOTS_KPC))
LAW = Electrons(10.0, 1.5, 0.5, 4.0, FLAT)


@pytest.mark.parametrize(("x", "y"), [(31, 32), (40, 45), (20, 41), (5, 50), (60, 60)])
def test_against_quad(x: int, y: int) -> None:
    """Of two pixels the ratio to the middle one, each integrated by itself."""
    nside, at = 64, pixels(64)

    def column(x: int, y: int) -> float:
        lon, lat = np.radians(at.lon_deg[x, y]), np.radians(at.lat_deg[x, y])

        def along(t: float) -> float:
            radius, z = np.hypot(SUN_KPC - t * np.cos(lon), t * np.sin(lon)), t * np.tan(abs(lat))
            general, bulge = light_ev_cm3(radius, z)
            return float(electrons_in_plane(radius, LAW) * galaxy.halo(z, LAW.height_kpc) * (general + 0.3 * bulge))

        return quad(along, 0, FAR_KPC, limit=200, points=[SUN_KPC * np.cos(lon)])[0] / float(np.cos(lat))

    assert compton_map(LAW, 0.3, nside)[x, y] == pytest.approx(column(x, y), rel=3e-3)


def test_symmetric() -> None:
    image = compton_map(LAW, 1.0, 32)
    assert np.all(image > 0)
    # across the plane, and across the centre's meridian
    np.testing.assert_array_equal(image, image[::-1, ::-1].T)
    np.testing.assert_array_equal(image, image.T)


def test_light_here_and_in_the_centre() -> None:
    """Porter et al. (2017): about 1 eV cm^-3 with the microwave background at the Sun, of order 10 in the inner kpc."""
    general, bulge = light_ev_cm3(np.array([SUN_KPC, 0.5]), 0.0)
    assert general[0] == pytest.approx(1.06) and bulge[0] < 0.05
    assert 4 < general[1] + 0.5 * bulge[1] < 15
    assert light_ev_cm3(8.2, 50.0)[0] == pytest.approx(0.26)


def test_electrons() -> None:
    r = np.array([0.0, 2.5, SUN_KPC, 12.0])
    assert electrons_in_plane(r, LAW._replace(hole=1.0))[0] == 0
    assert electrons_in_plane(r, LAW._replace(hole=0.0))[2] == 1
    knots = FLAT.copy()
    knots[1] = 0.7
    np.testing.assert_allclose(electrons_in_plane(r, LAW._replace(knots=knots)) / electrons_in_plane(r, LAW), [1, np.exp(0.7), 1, 1])


def test_thin_halo_is_a_thin_band_and_the_bulge_shines_in_the_middle() -> None:
    at = pixels(64)
    thin, thick = (compton_map(LAW._replace(height_kpc=h), 0.1, 64) for h in (0.5, 5.0))
    high, low = np.abs(at.lat_deg) > 15, np.abs(at.lat_deg) < 3
    assert thin[high].mean() / thin[low].mean() < 0.6 * thick[high].mean() / thick[low].mean()
    gain = compton_map(LAW, 1.0, 64) / compton_map(LAW, 0.0, 64)
    assert gain[np.hypot(at.lon_deg, at.lat_deg) < 3].min() - 1 > 1.5 * (gain[np.abs(at.lon_deg) > 25].max() - 1)
