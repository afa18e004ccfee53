"""Streams as windows: those of the command, and files of a user's own."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
from astropy.table import QTable
from astropy.units import Quantity

from cloudchamber.cli import main
from cloudchamber.formats.recording import open_recording
from cloudchamber.schema import whole
from cloudchamber.store.read import Store
from cloudchamber.studies.bolometer.formats import rate_told, read_stream
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
        ("W", (700,), r"has no data set 'tod' of numbers, detectors x samples"),
        ("W", (3, 70), r"holds 70 samples, less than a window of 350: give --read.samples"),
    ],
)
def test_what_is_no_stream_is_refused(unit: str | None, shape: tuple[int, ...], told: str, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "own.h5", "w") as file:
        file.create_dataset("tod", data=np.zeros(shape))
        if unit is not None:
            file["tod"].attrs["units"] = unit
    with pytest.raises(ValueError, match=told):
        whole(read_stream(tmp_path / "own.h5", samples=350))


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
