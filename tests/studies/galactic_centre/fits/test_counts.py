"""Counts maps land on base pixel 4, whatever layout and frame they come in, and what would need resampling is refused."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import healpix
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gamma_files as made
from cloudchamber.geometry import Healpix
from cloudchamber.studies.galactic_centre.fits.counts import Counts, read_counts
from cloudchamber.studies.galactic_centre.fits.exposure import read_exposure
from cloudchamber.studies.galactic_centre.fits.sky import face_directions

NSIDE = 64
GAMMA = Path(os.environ.get("CLOUDCHAMBER_GAMMA_DATA", "nowhere"))


def near_centre(nside: int, nested: bool, frame: str, within: float) -> np.ndarray:
    """Numbers of pixels around the Galactic Centre."""
    centre = healpix.ang2vec(*made.in_frame(0.0, 0.0, frame), lonlat=True)
    pixels = np.stack(healpix.pix2vec(nside, np.arange(12 * nside**2), nest=nested), axis=-1)
    return np.flatnonzero(pixels @ np.array(centre) > np.cos(np.radians(within)))


def explicit(path: Path, nside: int, nested: bool, frame: str, *hdus: Any, **cards: Any) -> Path:
    numbers = np.random.default_rng(1).permutation(near_centre(nside, nested, frame, 28))
    return made.write(
        path, made.healpix_hdu(made.healpix_cube(nside, nested, frame)[:, numbers], nside, nested=nested, frame=frame, numbers=numbers, **cards), *hdus
    )


def sparse(path: Path) -> Path:
    cube = made.healpix_cube(128, True)
    channel, pixel = np.nonzero(cube)
    columns = {"PIX": pixel.astype("i8"), "CHANNEL": channel.astype("i2"), "VALUE": cube[channel, pixel]}
    cards = {"PIXTYPE": "HEALPIX", "ORDERING": "NESTED", "NSIDE": 128, "COORDSYS": "GAL", "INDXSCHM": "SPARSE", "HPX_REG": "DISK(0.0,0.0,28.0)"}
    return made.write(path, made.table("COUNTS", columns, **cards, BANDSHDU="COUNTS_BANDS"), made.bands("COUNTS_BANDS"))


def image(path: Path, kind: str, frame: str, *hdus: Any, **cards: Any) -> Path:
    header = made.image_header(kind, frame)
    return made.write_image(path, made.image_cube(header), header, *hdus, **cards)


LAYOUTS: dict[str, Callable[[Path], Path]] = {
    "gtbin ring": lambda path: made.write(path, made.healpix_hdu(made.healpix_cube(64), 64), made.ebounds()),
    "gtbin nested, finer": lambda path: made.write(path, made.healpix_hdu(made.healpix_cube(256, True), 256, nested=True), made.ebounds()),
    "healpy rows of 1024": lambda path: made.write(
        path, made.healpix_hdu(made.healpix_cube(128).reshape(3, -1, 1024).astype("f4"), 128, "xtension", first="I_STOKES"), made.ebounds()
    ),
    "explicit": lambda path: explicit(path, 128, False, "galactic", made.ebounds(), index="PIXEL", INDXSCHM="EXPLICIT"),
    "gammapy explicit": lambda path: explicit(path, 64, True, "galactic", made.bands("BOUND"), INDXSCHM="EXPLICIT", BANDSHDU="BOUND", name="COUNTS"),
    "gammapy implicit": lambda path: made.write(
        path, made.healpix_hdu(made.healpix_cube(64, True), 64, nested=True, INDXSCHM="IMPLICIT", BUNIT=""), made.bands("SKYMAP_BANDS", unit="TeV", scale=1e-3)
    ),
    "gammapy sparse": sparse,
    "equatorial": lambda path: explicit(path, 512, False, "icrs", made.ebounds()),
    "gtbin cube": lambda path: image(path, "CAR", "galactic", made.ebounds(), CTYPE3="Energy", CRVAL3=1e3, CDELT3=800.0, CRPIX3=1, CUNIT3="MeV"),
    "equatorial cube": lambda path: image(path, "ZEA", "icrs", made.ebounds()),
    "gammapy cube": lambda path: image(path, "TAN", "galactic", made.bands("PRIMARY_BANDS"), BANDSHDU="PRIMARY_BANDS", BUNIT=""),
}


def expected() -> np.ndarray:
    lon, lat, energy = made.photons()
    counts = np.zeros((3, NSIDE * NSIDE), int)
    np.add.at(counts, (energy, Healpix(NSIDE, base_pixel=4).place_of(lon, lat)), 1)
    return counts.reshape(3, NSIDE, NSIDE)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(layout: str, tmp_path: Path) -> None:
    found = read_counts(LAYOUTS[layout](tmp_path / "a.fits"), NSIDE)
    truth = expected()
    np.testing.assert_allclose(found.edges_gev, made.EDGES_GEV, rtol=1e-6)
    assert found.counts.dtype == np.int32 and found.counts.sum(axis=(1, 2)).tolist() == truth.sum(axis=(1, 2)).tolist()
    at = np.unravel_index(Healpix(NSIDE, base_pixel=4).place_of(*(np.array([each]) for each in made.SOURCE))[0], (NSIDE, NSIDE))
    assert truth[1][at] >= 50 and found.counts[1].argmax() == truth[1].argmax()
    if layout not in ("equatorial", "gtbin cube", "equatorial cube", "gammapy cube"):
        np.testing.assert_array_equal(found.counts, truth)
        np.testing.assert_allclose(found.share[found.seen], 1)
    else:
        near = tuple(slice(each - 1, each + 2) for each in at)
        assert found.counts[1][near].sum() == pytest.approx(truth[1][near].sum(), abs=6)
        assert found.share[found.seen].mean() == pytest.approx(1, abs=0.01) and found.share[found.seen].std() < 0.02
    lon, lat = Healpix(NSIDE, base_pixel=4).lon_lat_deg()
    assert found.seen[np.cos(np.radians(lon)) * np.cos(np.radians(lat)) > np.cos(np.radians(26))].all()
    assert (
        found.seen.all() == (layout in ("gtbin ring", "gtbin nested, finer", "healpy rows of 1024", "gammapy implicit"))
        and not found.counts[:, ~found.seen].any()
    )


@settings(max_examples=8, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**31), finer=st.sampled_from([1, 2, 4]))
def test_nested_and_ring_are_one(seed: int, finer: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder, nside = tmp_path_factory.mktemp("a"), 8 * finer
    nested = np.random.default_rng(seed).poisson(0.7, (2, 12 * nside**2)).astype(float)
    ring = nested[:, healpix.ring2nest(nside, np.arange(12 * nside**2))]
    edges = np.array([1.0, 2.0, 4.0])
    one, other = (
        read_counts(made.write(folder / f"{name}.fits", made.healpix_hdu(cube, nside, nested=name == "n"), made.ebounds(edges)), 8)
        for name, cube in (("n", nested), ("r", ring))
    )
    np.testing.assert_array_equal(one.counts, other.counts)
    assert one.counts.sum(axis=(1, 2)).tolist() == nested[:, 4 * nside**2 : 5 * nside**2].sum(axis=1).tolist()


def ring(path: Path, change: Callable[[np.ndarray], object] | None = None, nside: int = 64, **cards: Any) -> Path:
    cube = made.healpix_cube(nside)
    if change is not None:
        change(cube)
    edges = made.ebounds(cards.pop("edges", made.EDGES_GEV))
    return made.write(path, made.healpix_hdu(cube, nside, **cards), edges)


CENTRE = int(healpix.ang2pix(64, 10.0, 5.0, lonlat=True))


def test_energies_are_summed(tmp_path: Path) -> None:
    found = read_counts(ring(tmp_path / "a.fits"), NSIDE, [1.0, 3.3])
    np.testing.assert_array_equal(found.counts[0], expected()[:2].sum(axis=0))
    one = made.write(tmp_path / "b.fits", made.healpix_hdu(made.healpix_cube(64)[1:2], 64))
    found = read_counts(one, NSIDE, (2, 20))
    np.testing.assert_array_equal(found.counts[0], expected()[1])
    assert found.edges_gev.tolist() == [2, 20]


@pytest.mark.parametrize("value", [np.nan, -1.6375e30, np.float32(-1.6375e30)])
def test_what_is_not_seen(value: float, tmp_path: Path) -> None:
    found = read_counts(ring(tmp_path / "a.fits", lambda cube: cube.__setitem__((2, CENTRE), value)), NSIDE)
    at = np.unravel_index(Healpix(NSIDE, base_pixel=4).place_of(np.array([10.0]), np.array([5.0]))[0], (NSIDE, NSIDE))
    assert (~found.seen).sum() == 1 and not found.seen[at] and not found.counts[:, at[0], at[1]].any()
    finer = int(healpix.ang2pix(256, 10.0, 5.0, lonlat=True))
    found = read_counts(ring(tmp_path / "b.fits", lambda cube: cube.__setitem__((0, finer), value), 256), NSIDE)
    assert (~found.seen).sum() == 1 and not found.seen[at]


def test_exposure(tmp_path: Path) -> None:
    here = read_counts(ring(tmp_path / "a.fits"), NSIDE, exposure=3e11)
    assert here.exposure_cm2_s is not None and np.all(here.exposure_cm2_s == 3e11) and here.exposure_cm2_s.shape == (3, NSIDE, NSIDE)
    exposure = made.write(
        tmp_path / "e.fits", made.healpix_hdu(np.ones((2, 12 * 256)), 16, "HPXEXPOSURES", frame=None, first="ENERGY"), made.energies(np.array([1.0, 6.0]))
    )
    found = read_counts(ring(tmp_path / "a.fits"), NSIDE, exposure=exposure)
    assert found.exposure_cm2_s is not None and np.allclose(found.exposure_cm2_s, 1) and found.seen.all() and found.counts.sum() == here.counts.sum()


REFUSED: dict[str, tuple[Callable[[Path], Counts], str]] = {
    "coarse": (lambda p: read_counts(ring(p), 128), "nside 64, where 128 is needed: counts cannot be divided"),
    "turned": (
        lambda p: read_counts(ring(p, frame="icrs"), 64),
        r"HEALPix pixels in icrs coordinates of 0\.916 deg, where ours of nside 64 are 0\.916 deg: counts cannot be resampled; allowed: up to 0\.458 deg",
    ),
    "coarse image": (lambda p: read_counts(image(p, "CAR", "galactic", made.ebounds()), 256), r"an image's pixels of 0\.2 deg, where ours of nside 256"),
    "no frame": (lambda p: read_counts(ring(p, frame=None), 64), "no COORDSYS: say with frame which it is, galactic or icrs"),
    "another frame": (lambda p: read_counts(ring(p), 64, frame="icrs"), "its coordinates are galactic, where frame says icrs"),
    "wrong frame": (lambda p: read_counts(ring(p), 64, frame="ecliptic"), "frame: 'ecliptic'; allowed: galactic, icrs"),
    "negative": (lambda p: read_counts(ring(p, lambda c: c.__setitem__((1, CENTRE), -2)), 64), "'SKYMAP', CHANNEL2: 1 pixels have no count, such as -2"),
    "fraction": (lambda p: read_counts(ring(p, lambda c: c.__setitem__((0, CENTRE), 1.5)), 64), "CHANNEL1: 1 pixels have no count, such as 1.5"),
    "unit": (lambda p: read_counts(ring(p, units={"CHANNEL2": "cm2 s"}), 64), r"CHANNEL2: unit 'cm2 s', where counts have none; allowed: ct, count"),
    "too many": (lambda p: read_counts(ring(p, lambda c: c.__setitem__((0, CENTRE), 3e9)), 64), r"3e\+09 counts in a pixel; allowed: up to 2147483647"),
    "energies": (lambda p: read_counts(ring(p), 64, [1, 2, 6]), "edges at 1, 1.8, 3.3, 6 GeV, which do not make up those wanted, 1, 2, 6 GeV: 2 lacks"),
    "no energies": (lambda p: read_counts(made.write(p, made.healpix_hdu(made.healpix_cube(64), 64)), 64), "no energies .* say with edges_gev"),
    "unknown energies": (
        lambda p: read_counts(made.write(p, made.healpix_hdu(made.healpix_cube(64), 64)), 64, [1, 6]),
        r"no energies \(EBOUNDS or BANDS\), 3 maps \(CHANNEL1, CHANNEL2, CHANNEL3\), 1 bins wanted; allowed: one map, one bin",
    ),
    "points": (
        lambda p: read_counts(made.write(p, made.healpix_hdu(made.healpix_cube(64), 64), made.energies(np.array([1.0, 2, 3]))), 64),
        "counts at energies, where they are of bins",
    ),
    "little": (
        lambda p: read_counts(made.write_image(p, np.ones((3, 40, 40), "i4"), made.image_header(pixels=40), made.ebounds()), 64),
        r"counts are there for \d% of the sky within 25 deg of the Galactic Centre; at least 50% must be",
    ),
    "elsewhere": (
        lambda p: read_counts(made.write_image(p, np.ones((3, 40, 40), "i4"), made.image_header("AIT", pixels=40), made.ebounds(), CRVAL1=120.0), 64),
        "none of its pixels lies within 28.9 deg of the Galactic Centre",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str, tmp_path: Path) -> None:
    act, message = REFUSED[case]
    with pytest.raises(ValueError, match=message):
        act(tmp_path / "a.fits")


@pytest.mark.skipif(not GAMMA.is_dir(), reason="CLOUDCHAMBER_GAMMA_DATA names no folder of the Fermi-LAT's files")
def test_real_files() -> None:
    found = read_counts(GAMMA / "fermi_3fhl_counts_cube_hpx.fits.gz", 32, exposure=GAMMA / "fermi_3fhl_exposure_cube_hpx.fits.gz")
    assert found.seen.all() and found.edges_gev[[0, -1]] == pytest.approx([10, 2000]) and found.exposure_cm2_s is not None
    # counts of the border's pixels are in or out by chance
    assert found.counts.sum() == pytest.approx(195995, rel=3e-4) and found.exposure_cm2_s[0].mean() == pytest.approx(3.2e11, rel=0.03)
    # least at the celestial equator, so it falls with the declination of this southern region
    dec = made.in_frame(*face_directions(32), "icrs")[1]
    assert np.corrcoef(dec.ravel(), found.exposure_cm2_s[0].ravel())[0, 1] < -0.8
    cube, exposure = (GAMMA / f"fermi-3fhl-gc-{name}-cube.fits.gz" for name in ("counts", "exposure"))
    with pytest.raises(ValueError, match="counts and exposure are there for 9% of the sky within 25 deg"):
        read_counts(cube, 128, exposure=exposure)
    # the two files hold one exposure, in other pixels, frames and energies
    whole, part = (read_exposure(GAMMA / name, 128, [10, 100, 500], "icrs") for name in ("fermi_3fhl_exposure_cube_hpx.fits.gz", exposure.name))
    there = np.isfinite(part[0]) & (part[0] > 0)
    assert there.mean() > 0.05 and part[0][there].mean() == pytest.approx(3.2e11, rel=0.03)
    np.testing.assert_allclose(whole[:, there], part[:, there], rtol=5e-3)
    with pytest.raises(ValueError, match="none of its pixels lies"):
        read_counts(GAMMA / "gtbin_ccube_3c279.fits", 128)
