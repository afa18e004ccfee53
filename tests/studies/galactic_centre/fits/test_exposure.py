"""Exposures: numbers, HEALPix maps and cubes, in cm2 s in bins of energy."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import healpix
import numpy as np
import pytest
from scipy.integrate import quad

import gamma_files as made
from cloudchamber.studies.galactic_centre.fits.exposure import INDEX, read_exposure
from cloudchamber.studies.galactic_centre.fits.sky import face_directions

POINTS = np.geomspace(0.5, 10, 9)
EDGES = [1.0, 1.8, 6.0]


def shape(dec: np.ndarray) -> np.ndarray:
    return 3e11 * (1 + 0.3 * np.sin(np.radians(dec)))


def healpix_values(frame: str, nside: int = 32) -> np.ndarray:
    """That of the declination times the root of the energy, in a map of a frame."""
    lon, lat = healpix.pix2ang(nside, np.arange(12 * nside**2), lonlat=True)
    dec = lat if frame == "icrs" else made.SkyCoord(lon, lat, unit="deg", frame="galactic").icrs.dec.deg
    return np.sqrt(POINTS)[:, None] * shape(dec)


def expected() -> np.ndarray:
    dec = made.in_frame(*face_directions(16), "icrs")[1]
    means = [quad(lambda e: e ** (0.5 - INDEX), *pair)[0] / quad(lambda e: e**-INDEX, *pair)[0] for pair in pairwise(EDGES)]
    return np.array(means)[:, None, None] * shape(dec)


def hpx(path: Path, frame: str, said: bool = True, **cards: Any) -> Path:
    hdu = made.healpix_hdu(cards.pop("values", healpix_values(frame)), 32, "HPXEXPOSURES", frame=frame if said else None, first="ENERGY", **cards)
    return made.write(path, hdu, made.energies(POINTS))


def cube(path: Path, scale: float = 1.0, **cards: Any) -> Path:
    header = made.image_header("CAR", size=1.0, pixels=95)
    x, y = np.meshgrid(np.arange(95) - 47, np.arange(95) - 47)
    dec = made.in_frame(-1.0 * x, 1.0 * y, "icrs")[1]
    values = (np.sqrt(POINTS)[:, None, None] * shape(dec) * scale).astype("f4")
    return made.write_image(path, values, header, made.energies(POINTS), **{"CTYPE3": "log_Energy", "CRVAL3": 6.2, "CRPIX3": 1} | cards)


@pytest.mark.parametrize("write", [
    lambda path: hpx(path, "icrs"), lambda path: hpx(path, "galactic"), lambda path: hpx(path, "icrs", said=False), cube,
    lambda path: cube(path, 1e-4, BUNIT="m2 s"), lambda path: cube(path, BUNIT="cm^2 s"),
])  # fmt: skip
def test_layouts(write: Callable[[Path], Path], tmp_path: Path) -> None:
    found = read_exposure(write(tmp_path / "a.fits"), 16, EDGES, "icrs")
    np.testing.assert_allclose(found, expected(), rtol=2e-3)


def test_numbers_and_one_map(tmp_path: Path) -> None:
    assert read_exposure(4e11, 16, EDGES).shape == (2, 16, 16) and read_exposure(4e11, 16, EDGES)[1, 3, 3] == 4e11
    one = made.write(tmp_path / "a.fits", made.healpix_hdu(np.full((1, 12 * 64), 2e7), 8, units={"CHANNEL1": "m2 s"}))
    np.testing.assert_allclose(read_exposure(one, 16, EDGES), 2e11)


def test_the_nearest_energy_holds_where_less_than_half_of_a_bin_lacks(tmp_path: Path) -> None:
    path = made.write(tmp_path / "a.fits", made.healpix_hdu(np.full((2, 12 * 64), 1e11) * [[1], [2]], 8), made.energies(np.array([1.3, 3.5])))
    found = read_exposure(path, 8, [1.0, 1.8, 6.0])
    assert 1e11 < found[0].mean() < 1.2e11 and 1.6e11 < found[1].mean() < 2e11
    with pytest.raises(ValueError, match=r"is there from 1\.3 to 3\.5 GeV, which does not hold the bins from 0\.5 to 1 GeV"):
        read_exposure(path, 8, [0.5, 1.0])


@pytest.mark.parametrize(("act", "message"), [
    (lambda path: hpx(path, "galactic", said=False), "no COORDSYS, and in the frame icrs the exposure would scatter by .* write COORDSYS"),
    (lambda path: hpx(path, "icrs", values=-healpix_values("icrs")), "ENERGY2: an exposure of -.*; allowed: 0 or more"),
    (lambda path: hpx(path, "icrs", units={"ENERGY3": "MeV"}), "ENERGY3: unit 'MeV' is none that becomes cm2 s"),
    (lambda path: made.write(path, made.healpix_hdu(np.ones((2, 768)), 8)), "2 maps without energies"),
])  # fmt: skip
def test_refused(act: Callable[[Path], Path], message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        read_exposure(act(tmp_path / "a.fits"), 16, EDGES, "icrs")


def test_a_number_that_is_none() -> None:
    with pytest.raises(ValueError, match="exposure: -1 cm2 s is outside the allowed"):
        read_exposure(-1.0, 16, EDGES)
