"""Layouts of maps: which extension is read, and what no layout is."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gamma_files as made
from cloudchamber.studies.galactic_centre.fits.layouts import maps_of, opened, the_maps

GAMMA = Path(os.environ.get("CLOUDCHAMBER_GAMMA_DATA", "nowhere"))
CUBE = np.arange(2 * 768, dtype=float).reshape(2, 768)


def read(path: Path, *preferred: str) -> Any:
    with opened(path) as file:
        maps = the_maps(path, file, None, preferred)
        return maps, [maps.values(place) for place in range(len(maps))]


def test_the_preferred_one_of_several(tmp_path: Path) -> None:
    path = made.write(
        tmp_path / "a.fits", made.healpix_hdu(CUBE, 8, "EXPOSURE"), made.healpix_hdu(CUBE + 1, 8, "COUNTS", nested=True), made.ebounds(np.array([1.0, 2, 3]))
    )
    maps, values = read(path, "COUNTS")
    assert maps.name == "COUNTS" and maps.sky.nested and maps.units == ("", "") and values[1][0] == 769 and maps.energies.edges_gev.tolist() == [1, 2, 3]
    with pytest.raises(ValueError, match="holds maps in 2 extensions, EXPOSURE, COUNTS: one of the name MASK or OTHER is read"):
        read(path, "MASK", "OTHER")
    with opened(path) as file:
        assert [maps.name for maps in maps_of(path, file, None)] == ["EXPOSURE", "COUNTS"]


def test_pixels_of_a_part(tmp_path: Path) -> None:
    hdu = made.healpix_hdu(CUBE[:, 100:300], 8)
    hdu.header.update({"FIRSTPIX": 100, "LASTPIX": 299})
    maps, _ = read(made.write(tmp_path / "a.fits", hdu))
    assert maps.sky.numbers.tolist() == list(range(100, 300)) and maps.energies is None


def test_sparse_maps_without_a_region_hold_the_whole_sky(tmp_path: Path) -> None:
    cards: dict[str, Any] = {"PIXTYPE": "HEALPIX", "ORDERING": "RING", "ORDER": 3, "COORDSYS": "C"}
    hdu = made.table("SKYMAP", {"PIX": np.array([5, 7]), "CHANNEL": np.array([0, 1], "i2"), "VALUE": np.array([2.0, 3.0])}, **cards)
    maps, values = read(made.write(tmp_path / "a.fits", hdu))
    assert maps.sky.frame == "icrs" and maps.sky.nside == 8 and np.flatnonzero(values[1]).tolist() == [7] and values[0].sum() == 2 and np.isfinite(values).all()
    hdu.header["HPX_REG"] = "HPX_PIXEL(NESTED,2,5)"
    with pytest.raises(ValueError, match=r"region 'HPX_PIXEL\(NESTED,2,5\)' of a SPARSE map is not read"):
        read(made.write(tmp_path / "b.fits", hdu))


def changed(**cards: Any) -> Callable[[Path], Path]:
    return lambda path: made.write(path, made.healpix_hdu(CUBE, **{"nside": 8} | cards))


SPARSE = {"PIXTYPE": "HEALPIX", "ORDERING": "RING", "NSIDE": 8, "COORDSYS": "GAL", "INDXSCHM": "SPARSE"}


@pytest.mark.parametrize(("write", "message"), [
    (changed(nside=16), "768 values, where nside 16 has 3072 pixels and no column PIXEL says which they are"),
    (changed(nside=12), "NSIDE is 12; allowed: a power of 2"),
    (changed(numbers=np.arange(768) + 1), "column PIX: pixels 1 to 768, where nside 8 has 0 to 767"),
    (changed(numbers=np.arange(768) // 2), "column PIX has 384 pixels twice"),
    (changed(INDXSCHM="EXPLICIT_EDEP"), "INDXSCHM 'EXPLICIT_EDEP' is not read"),
    (lambda path: made.write(path, made.table("A", {"PIX": np.arange(3)}, **SPARSE)), "SPARSE without the column VALUE"),
    (lambda path: made.write(path, made.table("A", {"PIX": np.arange(3), "VALUE": np.ones(3), "CHANNEL": np.arange(3) - 1}, **SPARSE)), "goes from -1 to 1"),
    (lambda path: made.write(path, made.table("A", {"PIX": np.arange(768)}, **SPARSE | {"INDXSCHM": "EXPLICIT"})), "no column of values beside PIX"),
    (lambda path: made.write(path, made.ebounds()), "holds no map: no HEALPix table and no image with world coordinates; it has: PRIMARY, EBOUNDS"),
    (lambda path: made.write_image(path, np.ones((2, 2, 9, 9)), made.image_header(pixels=9)), "an image of 4 axes"),
])  # fmt: skip
def test_what_is_no_layout(write: Callable[[Path], Path], message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        read(write(tmp_path / "a.fits"), "COUNTS")


@pytest.mark.parametrize(("card", "value", "message"), [
    ("NSIDE", "abc", "NSIDE is 'abc'; allowed: a whole number"),
    ("ORDERING", "SPIRAL", "ORDERING is 'SPIRAL'; allowed: RING, NESTED"),
    ("COORDSYS", "E", "COORDSYS is 'E'; allowed: G, GAL"),
])  # fmt: skip
def test_cards(card: str, value: str, message: str, tmp_path: Path) -> None:
    hdu = made.healpix_hdu(CUBE, 8)
    hdu.header[card] = value
    with pytest.raises(ValueError, match=message):
        read(made.write(tmp_path / "a.fits", hdu))


def test_text_is_no_map(tmp_path: Path) -> None:
    hdu = made.fits.BinTableHDU.from_columns([made.fits.Column("NAME", "5A", array=np.array(["a"] * 768))])
    hdu.header.update(made.healpix_hdu(CUBE, 8).header[-6:])
    with pytest.raises(ValueError, match="column NAME holds no numbers"):
        read(made.write(tmp_path / "a.fits", hdu))


@pytest.mark.filterwarnings("ignore::astropy.wcs.FITSFixedWarning")
@pytest.mark.parametrize("cards", [{"CTYPE1": "GLON-FOO", "CTYPE2": "GLAT-FOO"}, {"CDELT1": 0.0}, {"CTYPE2": "GLAT-TAN"}])
def test_coordinates_that_are_none(cards: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="extension 'PRIMARY': its coordinates cannot be used"):
        read(made.write_image(tmp_path / "a.fits", np.ones((9, 9)), made.image_header(pixels=9), **cards))


def test_damage(tmp_path: Path) -> None:
    whole = made.write(tmp_path / "a.fits", made.healpix_hdu(CUBE, 8)).read_bytes()
    for name, content in (("b.fits", whole[:9000]), ("c.fits", b"SIMPLE"), ("d.fits.gz", b"\x1f\x8b\x08\x00broken"), ("missing.fits", None)):
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=f"{name}' is not a readable FITS file"):
            read(tmp_path / name)


@pytest.mark.skipif(not GAMMA.is_dir(), reason="CLOUDCHAMBER_GAMMA_DATA names no folder of the Fermi-LAT's files")
def test_a_real_cube() -> None:
    maps, values = read(GAMMA / "gtbin_ccube_3c279.fits")
    assert maps.sky.frame == "icrs" and len(values) == 37 and maps.energies.edges_gev[[0, -1]] == pytest.approx([0.1, 500], rel=1e-3)
    # the blazar in its middle is the brightest
    lon, lat = maps.sky.centres()
    brightest = np.argmax(np.sum(values[12:], axis=0))
    assert np.hypot(lon[brightest] - (305.10 - 360), lat[brightest] - 57.06) < 0.3
