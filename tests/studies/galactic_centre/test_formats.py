"""Counts maps as others write them, through the command line."""

from __future__ import annotations

from pathlib import Path

import healpix
import numpy as np
import pytest

from cloudchamber.cli import main
from cloudchamber.formats.hdf5 import read_hdf5
from cloudchamber.geometry import Healpix
from cloudchamber.rng import rng
from cloudchamber.schema import Table, whole
from cloudchamber.studies.galactic_centre.sky.instrument import relative_exposure
from cloudchamber.studies.galactic_centre.sky.random_sky import RandomSky
from gamma_files import EDGES_GEV, ebounds, energies, healpix_hdu, image_header, write, write_image

PLACE = (3.4, -4.2)
FACE = Healpix(128, base_pixel=4)


def converted(path: Path, out: Path, *words: str) -> Table:
    main(["convert", "galactic_centre", str(path), "--out", str(out), *words])
    return whole(read_hdf5(out))


@pytest.mark.parametrize(("nside", "nested"), [(128, False), (128, True), (256, True)])
def test_a_healpix_file_keeps_every_photon_where_it_is(nside: int, nested: bool, tmp_path: Path) -> None:
    cube = np.random.default_rng(1).poisson(3.0, (3, 12 * nside**2)).astype(float)
    cube[1, healpix.ang2pix(nside, *PLACE, nest=nested, lonlat=True)] += 1000
    found = converted(write(tmp_path / "c.fits", healpix_hdu(cube, nside, nested=nested), ebounds()), tmp_path / "c.h5", "--read.exposure", "4e11")
    counts = found["counts"][0]
    assert np.unravel_index(counts[1].argmax(), counts[1].shape) == np.unravel_index(FACE.place_of(np.array(PLACE[0]), np.array(PLACE[1])), (128, 128))
    lon, lat = healpix.pix2ang(nside, np.arange(12 * nside**2), nest=nested, lonlat=True)
    assert counts.sum() == cube[:, FACE.place_of(lon, lat) >= 0].sum()
    # one number for all directions: that of the centre is the mean of what the survey's course makes of it
    np.testing.assert_allclose(found["exposure_cm2_s"], 4e11, rtol=0.03)


def test_an_image_and_an_exposure_cube_are_read_as_the_fermi_tools_write_them(tmp_path: Path) -> None:
    header = image_header("CAR", size=0.1, pixels=800)
    lon, lat = np.meshgrid(np.arange(800), np.arange(800))
    cube = np.random.default_rng(2).poisson(1.0, (3, 800, 800)).astype(np.int32)
    assert lon.shape == lat.shape == cube.shape[1:]
    counts = write_image(tmp_path / "ccube.fits", cube, header, ebounds())
    sky = healpix.pix2ang(64, np.arange(12 * 64**2), lonlat=True)
    face = Healpix(64, base_pixel=4)
    place = face.place_of(*sky)
    course = np.where(place >= 0, relative_exposure(64).ravel()[place], 1.0)
    exposure = np.array([factor * 3e11 * course for factor in (1.0, 1.1, 1.1, 1.05)])
    cards = {"units": None, "first": "ENERGY"}
    path = write(tmp_path / "expcube.fits", healpix_hdu(exposure, 64, "HPXEXPOSURES", frame=None, **cards), energies(np.array([1.0, 2.0, 4.0, 6.0])))
    found = converted(counts, tmp_path / "c.h5", "--read.exposure", str(path))
    assert found["counts"].shape == (1, 3, 128, 128)
    assert np.all((found["exposure_cm2_s"] > 2.95e11) & (found["exposure_cm2_s"] < 3.35e11))


def test_a_simulated_sky_comes_back_as_it_was(tmp_path: Path) -> None:
    sky = RandomSky()
    x = sky.simulate(sky.prior(1, rng(3)), rng(4))
    cube = np.zeros((3, 12 * 128**2))
    cube[:, Healpix(128, base_pixel=4).numbers.ravel()] = x["counts"][0].reshape(3, -1)
    path = write(tmp_path / "sky.fits", healpix_hdu(cube, 128, nested=True), ebounds(EDGES_GEV))
    found = converted(path, tmp_path / "sky.h5", "--read.exposure", f"{float(x['exposure_cm2_s'].mean())}")
    np.testing.assert_array_equal(found["counts"], x["counts"])
