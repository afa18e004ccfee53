from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from cloudchamber.cli import main
from cloudchamber.formats.hdf5 import read_hdf5
from cloudchamber.formats.tables import write_table
from cloudchamber.physics.exposure import exposure_at
from cloudchamber.physics.sphere import galactic_from_equatorial, unit_vectors
from cloudchamber.schema import check_table, events_in, whole
from cloudchamber.studies.cosmic_ray_sky import formats
from cloudchamber.studies.cosmic_ray_sky.columns import SEEN, X
from cloudchamber.studies.cosmic_ray_sky.formats import FORMATS, read_sky, write_sky
from cloudchamber.studies.cosmic_ray_sky.skies.toy import Toy
from cloudchamber.study import Format, find_study

BY_NAME = {each.name: each for each in FORMATS}
HEADER = "ra_deg,dec_deg,energy_eev\n"
ROWS = [(201.4, -43.0, 60.0), (10.0, -60.0, 45.5), (300.0, 20.0, 100.0)]


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def listed(path: Path, rows: list[tuple[float, ...]] = ROWS, header: str = HEADER) -> Path:
    return write(path, header + "".join(",".join(map(str, row)) + "\n" for row in rows))


def read(format: Format, path: Path) -> dict:
    assert format.read is not None
    return format.read(path)


def test_an_equatorial_list_becomes_one_galactic_sky(tmp_path: Path) -> None:
    table = check_table(whole(read(BY_NAME["auger"], listed(tmp_path / "list.csv"))), {name: X[name] for name in SEEN})
    assert events_in(table) == 1
    lon, lat = galactic_from_equatorial(*np.array(ROWS).T[:2])
    assert np.allclose(table["lon_deg"].values, lon, atol=1e-4) and np.allclose(table["lat_deg"].values, lat, atol=1e-4)
    assert np.allclose(table["energy_ev"].values, [60e18, 45.5e18, 100e18])
    assert np.allclose(table["exposure"].values, exposure_at(unit_vectors(lon, lat), "auger"), rtol=1e-5)


def test_spaces_galactic_names_and_a_column_of_observatories(tmp_path: Path) -> None:
    path = write(tmp_path / "list.txt", "# a comment\nglon glat energy observatory\n350.0 10.0 60 Auger\n-20 -30 70 Auger\n")
    table = whole(read_sky(path))
    assert np.allclose(table["lon_deg"].values, [-10.0, -20.0]) and np.all(table["exposure"].values != 1.0)
    assert np.array_equal(table["exposure"].values, whole(read_sky(path, observatory="auger"))["exposure"].values)


def test_the_list_of_2022_has_no_header(tmp_path: Path) -> None:
    path = write(tmp_path / "events.dat", "#yr jd utc th ph ra dec E expo\n2004 2453006.5 1072915200 47.7 120.0 267.2 -11.4 62.2 0.5\n")
    table = whole(read(BY_NAME["auger2022"], path))
    assert np.allclose(table["lon_deg"].values, 15.5, atol=0.1) and np.allclose(table["energy_ev"].values, 62.2e18)


def test_skies_survive_the_file(tmp_path: Path) -> None:
    simulator = Toy(n=30, exposure="ta", signal=(5, 10))
    theta = simulator.prior(3, np.random.default_rng(1))
    skies = simulator.simulate(theta, np.random.default_rng(2))
    write_sky(tmp_path / "skies.csv", skies)
    table = whole(read_sky(tmp_path / "skies.csv"))
    for name in SEEN:
        assert np.array_equal(table[name].offsets, skies[name].offsets)
        assert np.allclose(table[name].values, skies[name].values, rtol=1e-6)


@pytest.mark.parametrize("at_once", [1, 7, 35, 90, 1000])
def test_lists_of_many_skies_come_in_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    simulator = Toy(n=30, exposure="ta", signal=(5, 10))
    write_sky(tmp_path / "skies.csv", simulator.simulate(simulator.prior(5, np.random.default_rng(1)), np.random.default_rng(2)))
    together = whole(read_sky(tmp_path / "skies.csv"))
    monkeypatch.setattr(formats, "RAYS_AT_ONCE", at_once)
    parts = list(read_sky(tmp_path / "skies.csv"))
    assert len(parts) == {1: 5, 1000: 1}.get(at_once, len(parts)) and 1 <= len(parts) <= 5
    assert at_once == 1000 or len(parts) > 1
    for name in SEEN:
        back = whole(parts)[name]
        assert np.array_equal(back.offsets, together[name].offsets) and np.array_equal(back.values, together[name].values)


def test_skies_that_are_mixed_in_the_list_are_sorted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "RAYS_AT_ONCE", 2)
    rows = [(sky, ra, -43.0, 60.0) for sky, ra in ((1, 10), (0, 20), (1, 30), (0, 40), (2, 50))]
    table = whole(read_sky(listed(tmp_path / "list.csv", rows, "sky," + HEADER), observatory="auger"))
    assert table["lon_deg"].offsets.tolist() == [0, 2, 4, 5]
    expected, _ = galactic_from_equatorial(np.array([20.0, 40, 10, 30, 50]), np.full(5, -43.0))
    assert np.allclose(table["lon_deg"].values, expected, atol=1e-4)


def test_the_last_cosmic_ray_of_a_long_list_is_named_by_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "RAYS_AT_ONCE", 2)
    rows = [(sky, 10.0, -20.0, energy) for sky, energy in enumerate([60.0, 60.0, 60.0, 60.0, -60.0])]
    with pytest.raises(ValueError, match="'energy_eev', cosmic ray 5: -60; allowed"):
        whole(read_sky(listed(tmp_path / "list.csv", rows, "sky," + HEADER), observatory="auger"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        (HEADER, "no cosmic rays"),
        (HEADER + "10,20\n", "line 2: 2 cells, the header has 3"),
        (HEADER + "10,95,60\n", "'dec_deg', cosmic ray 1: 95; allowed: from -90 to 90"),
        (HEADER + "400,-20,60\n", "'ra_deg', cosmic ray 1: 400"),
        (HEADER + "10,-20,-60\n", "'energy_eev', cosmic ray 1: -60; allowed: from 1e-06 to 10000 EeV"),
        (HEADER + "10,-20,6e19\n", "are these eV"),
        ("ra,dec,energy_ev\n10,-20,60\n", "are these EeV"),
        (HEADER + "10,-20,nan\n", "finite"),
        (HEADER + "10,-20,high\n", "'high' is no number"),
        (HEADER + "10,80,60\n", "where 'auger' sees the sky"),
        ("x,y,energy\n1,2,3\n", "no directions"),
        ("ra,dec,size\n1,2,3\n", "no energies"),
        (HEADER + "".join(f"{i / 10},{-i / 20},60\n" for i in range(20)), "are these radians"),
        (HEADER + "".join(f"{i * 1.2},{-4 * i},60\n" for i in range(20)), "are these hours"),
        (HEADER.replace("ra_deg", "ra_deg [rad]") + "1,-20,60\n", "is in rad, and is read in deg"),
        (HEADER.replace("energy_eev", "energy_eev [eV]") + "1,-20,60\n", "is in eV, and is read in EeV"),
    ],
)
def test_bad_lists_are_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        whole(read(BY_NAME["auger"], write(tmp_path / "list.csv", text)))


def test_an_unknown_exposure_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="does not say how the sky was exposed"):
        whole(read_sky(listed(tmp_path / "list.csv")))


def test_binary_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(ValueError, match="not text"):
        whole(read_sky(tmp_path / "list.csv"))


@pytest.mark.skipif("CLOUDCHAMBER_SKY_DATA" not in os.environ, reason="CLOUDCHAMBER_SKY_DATA names no folder of event lists")
def test_the_published_list_of_2014() -> None:
    path = Path(os.environ["CLOUDCHAMBER_SKY_DATA"]) / "auger2014_231.csv"
    table = whole(read(BY_NAME["auger"], path))
    assert len(table["energy_ev"].values) == 231 and table["energy_ev"].values.min() >= 52e18


def test_rounding_makes_cosmic_rays_alike_and_joined_lists_do(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    coarse = [
        (float(ra), float(dec), float(energy)) for ra, dec, energy in zip(*random.integers([[0], [-60], [40]], [[360], [20], [45]], (3, 900)), strict=True)
    ]
    assert len(set(coarse)) < 898 and len(whole(read_sky(listed(tmp_path / "a.csv", coarse), observatory="auger"))["lon_deg"].values) == 900
    fine = [(*row[:2], float(energy)) for row, energy in zip(coarse, random.uniform(40, 90, 900), strict=True)]
    with pytest.raises(ValueError, match=r"1 pair\(s\) of cosmic rays are the same in direction and energy, the first in rows 8 and 901"):
        whole(read_sky(listed(tmp_path / "a.csv", [*fine, fine[7]]), observatory="auger"))
    # the same cosmic ray in two skies is no fault
    skies = [(sky, *row) for sky in (0, 1) for row in fine]
    assert events_in(whole(read_sky(listed(tmp_path / "a.csv", skies, "sky," + HEADER), observatory="auger"))) == 2


def test_a_models_mark_stands_beside_each_cosmic_ray(tmp_path: Path) -> None:
    simulator, random = Toy(n=30, exposure="ta", signal=(5, 10)), np.random.default_rng(2)
    skies = simulator.simulate(simulator.prior(3, random), random)
    write_table(tmp_path / "marked.h5", {name: skies[name] for name in SEEN} | {"in_domain": np.array([True, False, True])}, find_study("cosmic_ray_sky"))
    main(["convert", "cosmic_ray_sky", str(tmp_path / "marked.h5"), "--out", str(tmp_path / "marked.csv")])
    assert whole(read_sky(tmp_path / "marked.csv"))["in_domain"].tolist() == [True, False, True]
    main(["convert", "cosmic_ray_sky", str(tmp_path / "marked.csv"), "--out", str(tmp_path / "back.h5")])
    assert whole(read_hdf5(tmp_path / "back.h5"))["in_domain"].tolist() == [True, False, True]
