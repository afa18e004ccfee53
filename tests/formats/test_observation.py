"""Files of observations: what they tell, and copies that are whole or not there."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from cloudchamber.formats.observation import injecting, open_observation
from cloudchamber.stream import start_s
from observations import write_observation


def test_what_a_file_tells(tmp_path: Path) -> None:
    found = open_observation(write_observation(tmp_path / "a.h5", 3, first=2))
    assert (found.name, found.unit, found.rate_hz, found.samples, found.dated) == ("tod", "K_CMB", 31.25, 600, True)
    assert found.names[0] == "000_002_QA_140_T" and found.places == (2, 3, 4) and set(found.wafers) == {"L02"} and set(found.bands) == {(140.0, 42.0)}
    assert float(found.start_s - start_s("2032-07-01")) == pytest.approx(66.6624, abs=1e-9)
    seconds = open_observation(write_observation(tmp_path / "b.h5", start_time=12.5, mjd_time=False))
    assert not seconds.dated and float(seconds.start_s) == 12.5


def test_a_copy_gets_a_data_set_that_tells_the_same(tmp_path: Path) -> None:
    path = write_observation(tmp_path / "a.h5")
    before = path.read_bytes()
    with injecting(open_observation(path), tmp_path / "b.h5", "cr", "tod", "power", {"field": "cr", "seed": 3}) as file:
        file.put([1, 3], 100, np.full((2, 50), 0.5))
    with h5py.File(path) as was, h5py.File(tmp_path / "b.h5") as now:
        added = np.zeros((4, 600), np.float32)
        added[[1, 3], 100:150] = 0.5
        assert np.array_equal(now["cr"][:], added) and np.array_equal(now["tod"][:], was["tod"][:] + added)
        for key in ("units", "sampling_rate_hz", "start_time", "mjd_time", "detectors"):
            assert now["cr"].attrs[key] == was["tod"].attrs[key]
        assert now["cr"].attrs["description"] == "power" and json.loads(now["tod"].attrs["cloudchamber"]) == [{"field": "cr", "seed": 3}]
        assert "rot_quaternion_0000" in now and now.attrs["det_idx"] == was.attrs["det_idx"]
    assert path.read_bytes() == before
    assert open_observation(tmp_path / "b.h5").fields == {"cr": ("cr",), "tod": ("cr",)}


def test_nothing_is_left_of_a_copy_that_was_interrupted(tmp_path: Path) -> None:
    path = write_observation(tmp_path / "a.h5")
    with pytest.raises(KeyboardInterrupt), injecting(open_observation(path), tmp_path / "b.h5", "cr", None, "power", {"field": "cr"}) as file:
        file.put([0], 0, np.ones((1, 10)))
        raise KeyboardInterrupt
    assert [each.name for each in tmp_path.iterdir()] == ["a.h5"]


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"units": "MJy_over_sr"}, r"a power is not known in 'MJy_over_sr', only in K_CMB, mK_CMB"),
        ({"mjd_time": None}, r"has no attribute 'mjd_time'"),
        ({"sampling_rate_hz": 0.0}, r"sampling_rate_hz is 0"),
        ({"start_time": "soon"}, r"start_time: 'soon' is no modified Julian date"),
        ({"start_time": "1.0"}, r"the modified Julian date 1\.0 is outside the years 2000 to 2100"),
        ({"detectors": "[{}]"}, r"its detectors cannot be read \(KeyError: 'name'\)"),
        ({"name": "one"}, r"two detectors are called 'one'"),
        ({"detectors": '[{"name": "a"}]'}, r"has 4 rows, and tells 1 detectors at 4 places"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_is_no_observation_is_refused(changed: dict[str, object], told: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=told):
        open_observation(write_observation(tmp_path / "a.h5", **changed))
