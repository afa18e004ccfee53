"""Files of streams: read by others, whole at any moment, and refused where they were changed."""

from __future__ import annotations

import json
import resource
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from astropy.io import fits

from cloudchamber.formats.recording import Contents, Recording, create, open_recording

CONTENTS = Contents(("a", "b", "c"), (0, 1, 4), "W", "power", 156.25, 1000, 250, 100, {"seed": 3, "study": "toy"}, "0.1.0")
DATA = np.random.default_rng(1).normal(size=(3, 250)).astype(np.float32)


def written(path: Path, blocks: tuple[int, ...] = (2, 0, 1)) -> Recording:
    recording = create(path, CONTENTS)
    for block in blocks:
        start, stop = CONTENTS.samples_of(block)
        recording.write(block, DATA[:, start - 1000 : stop - 1000])
    return recording


@pytest.mark.parametrize("name", ["a.h5", "a.fits"])
def test_what_is_written_is_read(name: str, tmp_path: Path) -> None:
    written(tmp_path / name)
    found = open_recording(tmp_path / name)
    assert found.contents == CONTENTS and found.done().all()
    assert np.array_equal(found.read(1050, 1230), DATA[:, 50:230])
    with pytest.raises(ValueError, match="holds the samples 1000 to 1250, not 1200 to 1251"):
        found.read(1200, 1251)


@pytest.mark.parametrize("name", ["a.h5", "a.fits"])
def test_a_file_that_may_not_be_so_large_is_refused(name: str, tmp_path: Path) -> None:
    were = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8_000_000, were[1]))
    try:
        with pytest.raises(OSError, match=r"could not write it \(File too large\)"):
            create(tmp_path / name, replace(CONTENTS, samples=1_000_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, were)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["a.h5", "a.fits"])
def test_blocks_that_are_missing_are_told(name: str, tmp_path: Path) -> None:
    found = written(tmp_path / name, (1,))
    assert found.done().tolist() == [False, True, False]
    assert np.array_equal(found.read(1100, 1200), DATA[:, 100:200])
    with pytest.raises(ValueError, match="is not complete"):
        found.read(1100, 1201)
    with pytest.raises(ValueError, match=r"block 2 .* has 3 x 50 numbers, got 3 x 100"):
        found.write(2, DATA[:, :100])


def test_hdf5_is_as_litebird_sim_reads_it(tmp_path: Path) -> None:
    written(tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5") as file:
        assert np.array_equal(file["tod"][:], DATA) and file["blocks"][:].tolist() == [1, 1, 1]
        told = dict(file["tod"].attrs)
        assert (told["units"], told["sampling_rate_hz"], told["mjd_time"], told["description"]) == ("W", 156.25, True, "power")
        assert float(told["start_time"]) == pytest.approx(51544 + 1000 / 156.25 / 86_400, abs=1e-11)
        assert [each["name"] for each in json.loads(told["detectors"])] == ["a", "b", "c"]
        assert file.attrs["seed"] == 3


@pytest.mark.parametrize(("kind", "unit"), [("<f8", "W"), ("<f4", "aW")])
def test_data_that_were_written_anew_are_refused(kind: str, unit: str, tmp_path: Path) -> None:
    written(tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5", "r+") as file:
        told = dict(file["tod"].attrs)
        del file["tod"]
        file.create_dataset("tod", data=DATA.astype(kind)).attrs.update(told | {"units": unit})
    with pytest.raises(ValueError, match=rf"was changed since `cloudchamber stream` wrote it: tod has .* in {unit}"):
        open_recording(tmp_path / "a.h5")


@pytest.mark.parametrize(("key", "value"), [("TUNIT2", "aW"), ("TFORM2", "1J")])
def test_a_fits_head_that_was_changed_is_refused(key: str, value: str, tmp_path: Path) -> None:
    written(tmp_path / "a.fits")
    fits.setval(tmp_path / "a.fits", key, value=value, extname="TOD")
    with pytest.raises(ValueError, match="was changed since `cloudchamber stream` wrote it"):
        open_recording(tmp_path / "a.fits")


def test_fits_is_a_table(tmp_path: Path) -> None:
    written(tmp_path / "a.fits")
    with fits.open(tmp_path / "a.fits") as file:
        file.verify("exception")
        table = file["TOD"]
        assert np.array_equal(np.stack([table.data[name] for name in "abc"]), DATA)
        assert (table.header["TUNIT1"], table.header["SAMPRATE"], file["BLOCKS"].data["complete"].tolist()) == ("W", 156.25, [1, 1, 1])


@pytest.mark.parametrize("name", ["a.h5", "a.fits"])
def test_a_file_that_was_cut_off_is_refused(name: str, tmp_path: Path) -> None:
    written(tmp_path / name)
    with (tmp_path / name).open("r+b") as file:
        file.truncate((tmp_path / name).stat().st_size - 2900)
    with pytest.raises(ValueError, match=r"cut off|is no file of a stream"):
        open_recording(tmp_path / name)
