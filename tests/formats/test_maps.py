"""FITS files of maps: our own come back, those of others are sorted and converted, and what would need resampling is refused."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cloudchamber.formats.maps import read_maps, write_maps
from cloudchamber.geometry import Healpix, Wcs
from cloudchamber.schema import Column, Table, concatenate, whole

fits = pytest.importorskip("astropy.io.fits")
healpix = pytest.importorskip("healpix")
CAR = {"CTYPE1": "GLON-CAR", "CTYPE2": "GLAT-CAR", "CRVAL1": 0.0, "CRVAL2": 0.0, "CRPIX1": 4.5, "CRPIX2": 3.5, "CDELT1": -0.5, "CDELT2": 0.5}
COLUMNS = {
    "norm": Column(unit="GeV"),
    "kind": Column(categories=("disk", "halo")),
    "counts": Column(shape=(2, 8, 8), geometry=Healpix(8, base_pixel=4)),
    "flux": Column(shape=(6, 8), unit="cm-2 s-1", geometry=Wcs(6, 8, CAR)),
}
FULL = {"counts": Column(shape=(12 * 16**2,), geometry=Healpix(16))}


def events(n: int = 3) -> Table:
    random = np.random.default_rng(1)
    return {"norm": random.random(n), "kind": random.integers(0, 2, n), "counts": random.poisson(3, (n, 2, 8, 8)), "flux": random.random((n, 6, 8))}


def test_events_come_back(tmp_path: Path) -> None:
    table = events(5)
    write_maps(tmp_path / "a.fits", [{name: values[part] for name, values in table.items()} for part in (slice(0, 2), slice(2, 5))], COLUMNS)
    back = whole(read_maps(tmp_path / "a.fits", COLUMNS))
    for name in ("norm", "counts", "flux"):
        np.testing.assert_allclose(back[name], table[name], rtol=1e-6)
    assert back["kind"].tolist() == [COLUMNS["kind"].categories[code] for code in table["kind"]]
    with fits.open(tmp_path / "a.fits") as file:
        assert file["counts 0"].header["INDXSCHM"] == "EXPLICIT" and file["flux 0"].header["BUNIT"] == "cm-2 s-1"


def foreign(path: Path, values: np.ndarray, **cards: object) -> Path:
    """A map as other programs write it, in ring order."""
    hdu = fits.BinTableHDU.from_columns([fits.Column("SIGNAL", "D", array=values, unit=cards.pop("unit", None))])
    hdu.header.update({"PIXTYPE": "HEALPIX", "ORDERING": "RING", "NSIDE": 16, "COORDSYS": "G", "FIRSTPIX": 0} | cards)
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(path, overwrite=True)
    return path


def test_pixels_of_another_order_are_sorted(tmp_path: Path) -> None:
    lon, lat = healpix.pix2ang(16, np.arange(3072), nest=False, lonlat=True)
    [event] = read_maps(foreign(tmp_path / "a.fits", 1000 * lon + lat), FULL)
    own_lon, own_lat = FULL["counts"].geometry.lon_lat_deg()
    np.testing.assert_allclose(event["counts"][0], 1000 * own_lon + own_lat, rtol=1e-9)
    part = {"counts": Column(shape=(16, 16), geometry=Healpix(16, base_pixel=4))}
    [event] = read_maps(tmp_path / "a.fits", part)
    lon, lat = part["counts"].geometry.lon_lat_deg()
    np.testing.assert_allclose(event["counts"][0], 1000 * lon + lat, rtol=1e-9)


def test_units_are_converted_or_refused(tmp_path: Path) -> None:
    column = {"counts": replace(FULL["counts"], unit="cm-2 s-1")}
    [event] = read_maps(foreign(tmp_path / "a.fits", np.ones(3072), unit="m-2 s-1"), column)
    np.testing.assert_allclose(event["counts"], 1e-4)
    for unit, message in ((None, "no unit"), ("GeV", "is none that becomes the column's"), ("blorb", "is none that becomes")):
        with pytest.raises(ValueError, match=message):
            list(read_maps(foreign(tmp_path / "b.fits", np.ones(3072), unit=unit), column))


@pytest.mark.parametrize(("change", "message"), [
    ({"NSIDE": 32}, "nside 32, where the column has 16"),
    ({"COORDSYS": "EQU"}, "COORDSYS is 'EQU', where the column is galactic"),
    ({"ORDERING": "SPIRAL"}, "ORDERING is 'SPIRAL'"),
])  # fmt: skip
def test_maps_that_lie_elsewhere_are_refused(change: dict[str, object], message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        list(read_maps(foreign(tmp_path / "a.fits", np.ones(3072), **change), FULL))


def test_missing_pixels_and_values_are_named(tmp_path: Path) -> None:
    values = np.ones(3072)
    values[7] = -1.6375e30
    with pytest.raises(ValueError, match="1 of 3072 pixels have no value"):
        list(read_maps(foreign(tmp_path / "a.fits", values), FULL))
    with pytest.raises(ValueError, match=r"2072 of the column's 3072 pixels are not there, such as"):
        list(read_maps(foreign(tmp_path / "a.fits", np.ones(1000)), FULL))
    (tmp_path / "b.fits").write_bytes(b"SIMPLE")
    with pytest.raises(ValueError, match=r"not a readable FITS file|holds no map"):
        list(read_maps(tmp_path / "b.fits", FULL))


def test_images_of_other_pixels_are_refused(tmp_path: Path) -> None:
    columns = {"flux": COLUMNS["flux"]}

    def write(shape: tuple[int, ...] = (6, 8), **cards: object) -> Path:
        hdu = fits.PrimaryHDU(np.ones(shape), fits.Header(CAR | {"BUNIT": "cm-2 s-1"} | cards))
        hdu.writeto(tmp_path / "a.fits", overwrite=True)
        return tmp_path / "a.fits"

    assert concatenate(list(read_maps(write(), columns)))["flux"].shape == (1, 6, 8)
    for path, message in ((lambda: write((8, 6)), r"an image of \(8, 6\) pixels"), (lambda: write(CDELT1=-0.6), "pixel size differ"),
                          (lambda: write(CTYPE1="RA---CAR", CTYPE2="DEC--CAR"), "coordinates are icrs"),
                          (lambda: write(CTYPE1="ELON-CAR", CTYPE2="ELAT-CAR"), "axes are ELON-CAR and ELAT-CAR in deg"),
                          (lambda: write(CTYPE1="GLAT-CAR", CTYPE2="GLON-CAR"), "axes are GLAT-CAR and GLON-CAR"),
                          (lambda: write(CUNIT1="arcsec", CUNIT2="arcsec"), "allowed: GLON and GLAT, or RA and DEC, in deg")):  # fmt: skip
        with pytest.raises(ValueError, match=message):
            list(read_maps(path(), columns))


GAMMA = Path(os.environ.get("CLOUDCHAMBER_GAMMA_DATA", "nowhere"))


@pytest.mark.skipif(not GAMMA.is_dir(), reason="CLOUDCHAMBER_GAMMA_DATA names no folder of the Fermi-LAT's files")
def test_real_cubes_are_read() -> None:
    sky = {"counts": Column(shape=(17, 49152), geometry=Healpix(64, "nested", "icrs"))}
    [event] = read_maps(GAMMA / "fermi_3fhl_counts_cube_hpx.fits.gz", sky)
    with fits.open(GAMMA / "fermi_3fhl_counts_cube_hpx.fits.gz") as file:
        assert event["counts"].sum() == sum(file["SKYMAP"].data[name].sum() for name in file["SKYMAP"].columns.names)
    header = {"CTYPE1": "GLON-CAR", "CTYPE2": "GLAT-CAR", "CRVAL1": 0.0, "CRVAL2": 0.0, "CRPIX1": 200.5, "CRPIX2": 100.5, "CDELT1": -0.05, "CDELT2": 0.05}
    cube = {"counts": Column(shape=(11, 200, 400), geometry=Wcs(200, 400, header))}
    [event] = read_maps(GAMMA / "fermi-3fhl-gc-counts-cube.fits.gz", cube)
    with fits.open(GAMMA / "fermi-3fhl-gc-counts-cube.fits.gz") as file:
        np.testing.assert_array_equal(event["counts"][0], file[0].data)
