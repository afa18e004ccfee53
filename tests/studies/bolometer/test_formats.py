"""Streams as windows: those of the command, and files of a user's own."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
from astropy.io import fits
from astropy.table import QTable
from astropy.units import Quantity

from cloudchamber.cli import main
from cloudchamber.formats.recording import open_recording
from cloudchamber.schema import whole
from cloudchamber.store.read import Store
from cloudchamber.studies.bolometer.formats import head_of, rate_told, read_stream
from cloudchamber.workflow import simulate, stream

DATA = np.random.default_rng(1).normal(size=(3, 700)) * 1e-16


@pytest.mark.parametrize("name", ["tod.h5", "tod.fits"])
def test_a_written_stream_becomes_a_store_of_windows(name: str, tmp_path: Path) -> None:
    stream("bolometer", tmp_path / name, duration="40s", start="2012-03-01", detectors="1,5", settings={"thickness_um": 400.0})
    words = ("--format", "stream", "--read.samples", "500", "--out", str(tmp_path / "windows"))
    main(["convert", "bolometer", str(tmp_path / name), *words])
    table, recording = Store(tmp_path / "windows").read(), open_recording(tmp_path / name)
    data = recording.read(recording.first, recording.first + 6000)
    # a store of a file's events holds them in a random order
    windows = data.reshape(2, 12, 500).swapaxes(0, 1)
    assert np.array_equal(*(each[np.argsort(each[:, 0, 0])] for each in (table["power_w"], windows)))
    assert np.all(table["thickness_um"] == 400) and np.all(np.abs(table["phi_mv"] - (483 + 0.664 * 87 + 18)) < 1)


def test_a_rate_is_what_a_file_or_a_store_tells(tmp_path: Path) -> None:
    for name in ("tod.h5", "tod.fits"):
        stream("bolometer", tmp_path / name, duration="1s", start="2012-03-01", settings={"detector": {"decimation": 5}})
        assert rate_told(tmp_path / name) == 31.25
    simulate("bolometer", tmp_path / "windows", 1, simulator="windows", settings={"samples": 20, "detector": {"decimation": 8}})
    simulate("bolometer", tmp_path / "hits", 1)
    assert rate_told(tmp_path / "windows") == 156.25 / 8 and rate_told(tmp_path / "hits") is None
    for told, expected in (({}, None), ({"sampling_rate_hz": 19.0}, 19.0), ({"sampling_rate_hz": 0.0}, None)):
        with h5py.File(tmp_path / "own.h5", "w") as file:
            file.create_dataset("tod", data=DATA).attrs.update({"units": "W", **told})
        assert rate_told(tmp_path / "own.h5") == expected


def test_a_user_s_units_are_converted(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "own.h5", "w") as file:
        file.create_dataset("tod", data=1e18 * DATA).attrs["units"] = "aW"
    QTable({"time": np.arange(700.0), **{name: Quantity(1e15 * line, "fW") for name, line in zip("abc", DATA, strict=True)}}).write(tmp_path / "own.fits")
    for name in ("own.h5", "own.fits"):
        table = whole(read_stream(tmp_path / name, samples=350, phi_mv=500.0))
        assert np.allclose(table["power_w"].swapaxes(0, 1).reshape(3, 700), DATA, rtol=1e-6, atol=0)
        assert table["phi_mv"].tolist() == [500, 500] and "thickness_um" not in table


@pytest.mark.parametrize(
    ("unit", "shape", "told"),
    [
        ("K", (3, 700), r"tod is in W, got K, which is another kind of quantity"),
        ("", (3, 700), r"tod has no unit: say what it is in, such as W"),
        ("dB(mW)", (3, 700), r"tod is in dB\(mW\), a logarithm: give plain numbers in W"),
        ("W", (0, 700), r"tod has no detectors"),
        ("none", (3, 700), r"tod has no unit: say what it is in, such as W"),
        (None, (3, 700), r"tod has no attribute 'units'"),
        ("W", (700,), r"needs floating-point numbers, detectors x samples \(of one detector 1 x samples\), got 700 of float64"),
        ("W", (3, 70), r"holds 70 samples, less than a window of 350: give --read.samples$"),
        ("W", (700, 3), r"holds 3 samples, .* has 700 detectors, are those the samples\? turn the array"),
    ],
)
def test_what_is_no_stream_is_refused(unit: str | None, shape: tuple[int, ...], told: str, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "own.h5", "w") as file:
        file.create_dataset("tod", data=np.zeros(shape))
        if unit is not None:
            file["tod"].attrs["units"] = unit
    with pytest.raises(ValueError, match=told):
        whole(read_stream(tmp_path / "own.h5", samples=350))


@pytest.mark.parametrize(
    ("data", "attributes", "told"),
    [
        (DATA.astype("i2"), {}, "got 3 x 700 of int16"),
        (DATA, {"scale_factor": 1e-17}, "has the attribute 'scale_factor', 1e-17, which is not applied here"),
        (DATA, {"detectors": '[{"name": "a"}, {"name": "a"}, {"name": "b"}]'}, "has 3 rows, and tells 3 detectors of 2 names"),
        (DATA, {"start_time": 2455197.5, "mjd_time": True}, "is a Julian date: take 2400000.5 away"),
        (DATA, {"start_time": np.nan, "mjd_time": True}, "date nan, which lies outside the years"),
    ],
)
def test_heads_that_cannot_be_are_refused(data: np.ndarray, attributes: dict[str, object], told: str, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "own.h5", "w") as file:
        file.create_dataset("tod", data=data).attrs.update({"units": "W", **attributes})
    with pytest.raises(ValueError, match=told):
        whole(read_stream(tmp_path / "own.h5", samples=350))


def test_attributes_may_be_arrays_of_one(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "own.h5", "w") as file:
        file.create_dataset("tod", data=DATA).attrs.update({"units": np.array([b"W"]), "sampling_rate_hz": np.array([19.0])})
    assert rate_told(tmp_path / "own.h5") == 19


def own_fits(path: Path, times: dict[str, Quantity] | None = None, names: str = "abc", **head: float) -> Path:
    table = QTable({**(times or {}), **{name: Quantity(line, "W") for name, line in zip(names, DATA, strict=False)}}, meta=head)
    table.write(path)
    return path


def test_times_of_a_fits_table_are_its_own(tmp_path: Path) -> None:
    seconds = Quantity(100 + np.arange(700) / 10, "s")
    assert head_of(own_fits(tmp_path / "a.fits", {"TIME": seconds}, MJDREF=51544.0, SAMPRATE=10.0), True, 3) == (("a", "b", "c"), 10.0, 100.0)
    assert head_of(own_fits(tmp_path / "b.fits", MJDREFI=51545, MJDREFF=0.5), True, 3)[2] == 1.5 * 86_400
    assert head_of(own_fits(tmp_path / "c.fits", {"TIME": seconds}), True, 3)[1:] == (None, None)
    with h5py.File(tmp_path / "own.h5", "w") as file:
        file.create_dataset("tod", data=DATA).attrs.update({"units": "W", "start_time": 51545.0, "mjd_time": True})
        file["time"] = seconds.value
    assert head_of(tmp_path / "own.h5", False, 3)[2] == 86_400
    days = Quantity(51545 + np.arange(700) / 864_000, "d")
    assert head_of(own_fits(tmp_path / "d.fits", {"MJD": days}, SAMPRATE=10.0), True, 3)[2] == pytest.approx(86_400)


def test_gaps_and_other_rates_are_refused(tmp_path: Path) -> None:
    even = np.arange(700) / 10
    gap = own_fits(tmp_path / "gap.fits", {"TIME": Quantity(np.where(even < 50, even, even + 7), "s")}, SAMPRATE=10.0)
    with pytest.raises(ValueError, match="TIME: the sample 500 lies 70 samples from where an even 10 Hz puts it"):
        whole(read_stream(gap, samples=350))
    with pytest.raises(ValueError, match=r"12 Hz puts it \(all of them: 10 Hz in the mean\)"):
        head_of(own_fits(tmp_path / "rate.fits", {"TIME": Quantity(even, "s")}), True, 3, given_hz=12.0)
    with h5py.File(tmp_path / "own.h5", "w") as file:
        file.create_dataset("tod", data=DATA).attrs.update({"units": "W"})
        file["time"] = np.where(even < 50, even, np.nan)
    with pytest.raises(ValueError, match="time: the sample 0 lies nan samples"):
        whole(read_stream(tmp_path / "own.h5", samples=350))


def test_of_fits_tables_one_is_meant(tmp_path: Path) -> None:
    one = own_fits(tmp_path / "one.fits")
    with fits.open(one) as file:
        twice = fits.HDUList([file[0], file[1], file[1].copy()])
        twice.writeto(tmp_path / "two.fits")
        twice[2].name = "TOD"
        twice.writeto(tmp_path / "named.fits")
    with pytest.raises(ValueError, match="has 2 binary tables, and not one of them is called TOD"):
        whole(read_stream(tmp_path / "two.fits", samples=350))
    assert len(whole(read_stream(tmp_path / "named.fits", samples=350))["power_w"]) == 2
    (tmp_path / "cut.fits").write_bytes(one.read_bytes()[:12_000])
    with pytest.raises(ValueError, match="is cut off: it has 12000 bytes, and its table ends at 25440"):
        whole(read_stream(tmp_path / "cut.fits", samples=350))
    one.rename(tmp_path / "one.fts")
    with pytest.raises(ValueError, match=r"it is FITS: call it \.fits"):
        whole(read_stream(tmp_path / "one.fts", samples=350))


def test_phi_of_another_table_of_sunspots_is_not_the_file_s(tmp_path: Path) -> None:
    table = tmp_path / "ssn.csv"
    table.write_text("year,sunspot_number\n2011,80\n2012,70\n2013,60\n")
    stream("bolometer", tmp_path / "tod.h5", duration="10s", start="2012-03-01", detectors="1", settings={"sun": {"sunspots": str(table)}})
    assert whole(read_stream(tmp_path / "tod.h5", samples=500))["phi_mv"] == pytest.approx(276 + 3.63 * 73.3 + 18, abs=2)
    table.write_text("year,sunspot_number\n2011,8\n2012,7\n2013,6\n")
    with pytest.raises(ValueError, match=r"was made with another '.*ssn.csv' than the one that is there, so that its phi is not known: give --read.phi-mv"):
        whole(read_stream(tmp_path / "tod.h5", samples=500))
    table.unlink()
    with pytest.raises(ValueError, match="was made with a table that is not there"):
        whole(read_stream(tmp_path / "tod.h5", samples=500))
    assert whole(read_stream(tmp_path / "tod.h5", samples=500, phi_mv=500.0))["phi_mv"].tolist() == [500, 500, 500]


def test_fits_columns_that_are_no_numbers_a_row_are_refused(tmp_path: Path) -> None:
    columns = {"a": Quantity(DATA[0], "W"), "b": Quantity(np.tile(DATA[1][:, None], (1, 2)), "W")}
    QTable(columns).write(tmp_path / "own.fits")
    with pytest.raises(ValueError, match=r"column 'b' is in the FITS format 2D: a detector's column has a number a row"):
        whole(read_stream(tmp_path / "own.fits", samples=350))
