"""Templates of users: by name from arrays, HEALPix tables and cubes, and what is none."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import healpix
import numpy as np
import pytest
from scipy.integrate import quad

import gamma_files as made
from cloudchamber.studies.galactic_centre.fits.sky import face_directions
from cloudchamber.studies.galactic_centre.fits.templates import integral, read_templates

GAMMA = Path(os.environ.get("CLOUDCHAMBER_GAMMA_DATA", "nowhere"))
POINTS = np.geomspace(0.5, 20, 12)


def bump(lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
    return 1 + np.exp(-((lon - 5) ** 2 + (lat + 3) ** 2) / 200)


def near(lon: np.ndarray) -> np.ndarray:
    return (lon + 180) % 360 - 180


def sky(nside: int, nested: bool, frame: str) -> np.ndarray:
    """The bump in each pixel of a map."""
    lon, lat = healpix.pix2ang(nside, np.arange(12 * nside**2), nest=nested, lonlat=True)
    if frame == "icrs":
        there = made.SkyCoord(lon, lat, unit="deg", frame="icrs").galactic
        lon, lat = there.l.deg, there.b.deg
    return bump(near(lon), lat)


def test_arrays_by_name(tmp_path: Path) -> None:
    fine = np.random.default_rng(1).random((64, 64)).astype(np.float16)
    np.savez(tmp_path / "a.npz", gas=fine, halo=bump(*face_directions(64)), table=np.arange(5))
    found = read_templates(tmp_path / "a.npz", 32)
    assert list(found) == ["gas", "halo"] and found["gas"].dtype == float
    np.testing.assert_allclose(found["gas"][3, 7], fine.astype(float)[6:8, 14:16].mean())
    np.testing.assert_allclose(read_templates(tmp_path / "a.npz", 64, ["halo"])["halo"], bump(*face_directions(64)))
    np.testing.assert_allclose(read_templates(tmp_path / "a.npz", 128, ["halo"])["halo"], bump(*face_directions(128)), atol=5e-3)
    with pytest.raises(ValueError, match=r"has no template 'hallo' \(did you mean 'halo'\?\); it has: gas, halo"):
        read_templates(tmp_path / "a.npz", 32, ["hallo"])
    with pytest.raises(ValueError, match="has no template 'table'; it has: gas, halo"):
        read_templates(tmp_path / "a.npz", 32, ["table"])


@pytest.mark.parametrize(
    ("nside", "nested", "frame"), [(32, True, "galactic"), (128, False, "galactic"), (16, True, "galactic"), (64, False, "icrs"), (32, True, "icrs")]
)
def test_healpix_tables(nside: int, nested: bool, frame: str, tmp_path: Path) -> None:
    path = made.write(
        tmp_path / "a.fits", made.healpix_hdu(np.stack([sky(nside, nested, frame), np.ones(12 * nside**2)]), nside, nested=nested, frame=frame, first="T")
    )
    found = read_templates(path, 32)
    assert list(found) == ["T1", "T2"]
    np.testing.assert_allclose(found["T1"], bump(*face_directions(32)), atol=0.04)
    np.testing.assert_allclose(found["T2"], 1)
    unit = made.write(tmp_path / "b.fits", made.healpix_hdu(np.ones((1, 768)), 8, units={"CHANNEL1": "ph m-2 s-1 sr-1"}))
    np.testing.assert_allclose(read_templates(unit, 32)["CHANNEL1"], 1e-4)


def cube(path: Path, size: float = 1.0, pixels: int = 95, **cards: str) -> Path:
    x, y = np.meshgrid(np.arange(pixels) - (pixels - 1) / 2, np.arange(pixels) - (pixels - 1) / 2)
    values = ((POINTS * 1e3)[:, None, None] ** -2.4 * bump(-size * x, size * y)).astype("f4")
    return made.write_image(path, values, made.image_header("CAR", size=size, pixels=pixels), made.energies(POINTS), **cards)


@pytest.mark.parametrize("unit", ["", "photons/cm2/s/sr/MeV", "ph cm-2 s-1 sr-1 MeV-1"])
def test_cubes_are_integrated(unit: str, tmp_path: Path) -> None:
    found = read_templates(cube(tmp_path / "model_v1.fits", **({"BUNIT": unit} if unit else {})), 32, edges_gev=[1.0, 1.8, 6.0])
    assert list(found) == ["model_v1"]
    truth = np.array([quad(lambda e: e**-2.4, 1000 * low, 1000 * high)[0] for low, high in ((1, 1.8), (1.8, 6))])
    np.testing.assert_allclose(found["model_v1"], truth[:, None, None] * bump(*face_directions(32)), rtol=5e-3)
    bins = made.write(
        tmp_path / "b.fits", made.healpix_hdu(np.ones((3, 768)), 8, units={f"CHANNEL{place}": "ph cm-2 s-1 sr-1" for place in (1, 2, 3)}), made.ebounds()
    )
    np.testing.assert_allclose(read_templates(bins, 16, edges_gev=[1.0, 3.3, 6.0])["b"].mean(axis=(1, 2)), [2, 1])


def test_integral() -> None:
    values = np.stack([POINTS**-1.0, np.where(POINTS < 3, POINTS**-2.0, 9 * POINTS**-4.0), np.zeros(12)], axis=1)
    found = integral(POINTS, values, 0.7, 11.0)
    lg = [
        quad(lambda e, column=column: np.exp(np.interp(np.log(e), np.log(POINTS), np.log(values[:, column]))), 0.7, 11, limit=400, points=POINTS[1:11])[0]
        for column in (0, 1)
    ]
    np.testing.assert_allclose(found[:2], lg, rtol=1e-6)
    assert found[0] == pytest.approx(np.log(11 / 0.7)) and found[2] < 1e-200


def test_what_is_not_covered(tmp_path: Path) -> None:
    path = cube(tmp_path / "a.fits", pixels=61)
    with pytest.warns(UserWarning, match=r"template a: no value in \d+ pixels further than 25 deg from the Galactic Centre, taken as 0"):
        found = read_templates(path, 32, edges_gev=[1.0, 6.0])["a"]
    lon, lat = face_directions(32)
    assert (found[0][np.maximum(abs(lon), abs(lat)) < 29] > 0).all() and (found[0][np.maximum(abs(lon), abs(lat)) > 32] == 0).all()
    with pytest.raises(ValueError, match=r"template a: no value \(not there, NaN or UNSEEN\) in \d+% of the pixels within 25 deg"):
        read_templates(cube(tmp_path / "a.fits", pixels=31), 32, edges_gev=[1.0, 6.0])


def arrays(**given: np.ndarray) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        np.savez(folder / "a.npz", **given)
        return folder / "a.npz"

    return write


def tables(value: float = 1.0, unit: str = "", frame: str | None = "galactic") -> Callable[[Path], Path]:
    values = np.ones((1, 768))
    values[0, 400] = value
    return lambda folder: made.write(folder / "a.fits", made.healpix_hdu(values, 8, frame=frame, units={"CHANNEL1": unit} if unit else None))


@pytest.mark.parametrize(("write", "message"), [
    (arrays(a=np.ones(5)), r"holds no template: no array of \(nside, nside\) numbers; it has: a"),
    (arrays(a=np.ones((12, 12))), "array a: 12 x 12 pixels; allowed: a power of 2"),
    (arrays(a=np.full((8, 8), np.nan)), "array a: 64 of 64 pixels have no finite value"),
    (arrays(a=-np.ones((8, 8))), "array a: a template must not be negative, got -1"),
    (arrays(a=np.zeros((8, 8))), "template a: it is 0 everywhere"),
    (tables(-3.0), "template CHANNEL1, CHANNEL1: must be finite and not negative, got -3 to 1"),
    (tables(np.inf), "must be finite and not negative, got 1 to inf"),
    (tables(unit="K"), "unit 'K', which is no intensity; allowed: photons cm-2 s-1 sr-1, or none"),
    (tables(unit="ph cm-2 s-1 sr-1 MeV-1"), r"dN/dE without energies \(ENERGIES or BANDS\)"),
    (tables(frame=None), "no COORDSYS: say with frame which it is"),
    (lambda folder: cube(folder / "a.fits"), "a cube is integrated over energy: say with edges_gev between which energies"),
])  # fmt: skip
def test_refused(write: Callable[[Path], Path], message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        read_templates(write(tmp_path), 8)


def test_energies_and_units_of_cubes(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"energies from 0\.5 to 20 GeV, which do not hold the bins from 1 to 50 GeV"):
        read_templates(cube(tmp_path / "a.fits"), 8, edges_gev=[1.0, 50.0])
    with pytest.raises(ValueError, match="unit 'K', which is no intensity"):
        read_templates(cube(tmp_path / "b.fits", BUNIT="K"), 8, edges_gev=[1.0, 5.0])
    (tmp_path / "c.npz").write_bytes(b"PK broken")
    with pytest.raises(ValueError, match=r"c\.npz' is not a readable \.npz file"):
        read_templates(tmp_path / "c.npz", 8)


@pytest.mark.skipif(not GAMMA.is_dir(), reason="CLOUDCHAMBER_GAMMA_DATA names no folder of the Fermi-LAT's files")
def test_real_files() -> None:
    found = read_templates(GAMMA / "templates_nside128_face4.npz", 128, ["template_Opi", "template_iso"])
    lon, lat = face_directions(128)
    assert found["template_Opi"].shape == (128, 128) and found["template_Opi"][np.abs(lat) < 1].mean() > 5 * found["template_Opi"][np.abs(lat) > 10].mean()
    with pytest.raises(ValueError, match=r"no value .* in 94% of the pixels within 25 deg"):
        read_templates(GAMMA / "gll_iem_v06_gc.fits.gz", 128, edges_gev=[1, 6])
    with pytest.warns(UserWarning, match=r"further than 3\.5 deg"):
        model = read_templates(GAMMA / "gll_iem_v06_gc.fits.gz", 128, edges_gev=[1, 6], within_deg=3.5)["gll_iem_v06_gc"][0]
    # photons cm-2 s-1 sr-1, as in the published model
    assert model[(np.abs(lon) < 5) & (np.abs(lat) < 1)].mean() == pytest.approx(1.1e-4, rel=0.05)
    assert model[(np.abs(lon) < 5) & (np.abs(lat) > 2) & (np.abs(lat) < 3.5)].mean() == pytest.approx(2.2e-5, rel=0.1)
