"""HiSPARC files, written in SAPPHiRE's layout with h5py, are read station by station."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np
import pytest

from cloudchamber.schema import events_in, whole
from cloudchamber.studies.surface_array.array.detector import Detector
from cloudchamber.studies.surface_array.formats import ReadFlag, hisparc, read_hdf5, read_hisparc
from cloudchamber.studies.surface_array.formats.hisparc import _most_probable

CLOCK = 1_410_000_000_123_456_789
PLACES = np.array([[0.0, 0.0], [400.0, 0.0], [0.0, 300.0], [350.0, 380.0]])
NUMBERS = np.array([(1, 2.0, 3.0, -999, -999), (2, 1.0, 2.0, 4.0, 5.0), (3, 6.0, 2.0, -999, -999), (4, 3.0, 3.0, -999, -999)])
EVENT = np.dtype(
    [
        ("event_id", "u4"), ("timestamp", "i4"), ("nanoseconds", "u4"), ("ext_timestamp", "u8"), ("data_reduction", "?"), ("trigger_pattern", "u4"),
        ("baseline", "i2", 4), ("std_dev", "i2", 4), ("n_peaks", "i2", 4), ("pulseheights", "i2", 4), ("integrals", "i4", 4), ("traces", "i4", 4),
        ("event_rate", "f4"), *((f"t{i}", "f4") for i in range(1, 5)), *((f"n{i}", "f4") for i in range(1, 5)), ("t_trigger", "f4"),
    ]
)  # fmt: skip
CONFIG = np.dtype([("gps_latitude", "f8"), ("gps_longitude", "f8"), ("gps_altitude", "f8")])
MIP = 3000


def trace(particles: float, start: int, samples: int = 2400, pulse: int = 20) -> np.ndarray:
    """ADC samples of a pulse that begins at ``start``, on a baseline of 200."""
    after = np.arange(samples) - start + 1.0
    shape = np.where(after > 0, after * np.exp(-np.maximum(after, 0) / pulse), 0)
    return np.clip(np.round(200 + particles * MIP * shape / shape.sum()), 0, 4095).astype(int)


def write(
    path: Path, numbers: np.ndarray = NUMBERS, blobs: dict[int, list[bytes]] | None = None, fields: Sequence[str] = EVENT.names, config: bool = True
) -> Path:
    """One coincidence of the stations; ``blobs`` replace those of a station, ``fields`` are those of the table of events."""
    with h5py.File(path, "w") as file:
        paths = [f"/hisparc/cluster_test/station_{station:.0f}" for station, *_ in numbers]
        for row, (_, *counted) in enumerate(numbers):
            group = file.create_group(paths[row])
            present = [n for n in counted if n >= 0]
            write_texts(group, "blobs", (blobs or {}).get(row) or [packed(trace(n, 400 + 8 * i)) for i, n in enumerate(present)])
            event = np.zeros(1, EVENT)
            event["ext_timestamp"], event["t_trigger"], event["baseline"] = CLOCK + 1000 * row, 1000.0 + 5 * row, 200
            event["traces"][0] = [i if i < len(present) else -1 for i in range(4)]
            event["integrals"][0] = [n * MIP if n >= 0 else -999 for n in counted]
            for i, n in enumerate(counted):
                event[f"n{i + 1}"] = n
            group["events"] = event[list(fields)]
            if config:
                north, east = PLACES[row][1] / 111_265.0, PLACES[row][0] / (111_550.0 * np.cos(np.deg2rad(52.356)))
                group["config"] = np.array([(0, 0, 0), (52.356 + north, 4.951 + east, 56.0)], CONFIG)
        coincidences = file.create_group("coincidences")
        coincidences["coincidences"] = np.array([(17, len(numbers))], [("id", "u4"), ("N", "u1")])
        write_pairs(coincidences, np.array([(station, 0) for station in range(len(numbers))], np.uint32))
        write_texts(coincidences, "s_index", [name.encode() for name in paths])
    return path


def packed(samples: np.ndarray) -> bytes:
    return zlib.compress(",".join(map(str, samples)).encode() + b",")


def write_texts(group: h5py.Group, name: str, texts: list[bytes]) -> None:
    place = group.create_dataset(name, (len(texts),), h5py.vlen_dtype(np.uint8))
    for i, text in enumerate(texts):
        place[i] = np.frombuffer(text, np.uint8)


def write_pairs(group: h5py.Group, *pairs: np.ndarray) -> None:
    """PyTables' lists of pairs, which h5py reads but writes only as HDF5 has it in memory: a length and an address."""
    kind = h5py.h5t.vlen_create(h5py.h5t.array_create(h5py.h5t.STD_U32LE, (2,)))
    place = h5py.h5d.create(group.id, b"c_index", kind, h5py.h5s.create_simple((len(pairs),)))
    place.write(h5py.h5s.ALL, h5py.h5s.ALL, np.array([(len(each), each.ctypes.data) for each in pairs], [("length", "u8"), ("address", "u8")]), mtype=kind)


def test_a_coincidence_becomes_an_event(tmp_path: Path) -> None:
    detector, table = Detector(), whole(read_hisparc(write(tmp_path / "data.h5")))
    assert (table["event_id"].tolist(), table["read_flags"].tolist()) == ([17], [0])
    place = np.column_stack([table["station_x_m"].values, table["station_y_m"].values])
    np.testing.assert_allclose(place - place[0], PLACES, atol=1)
    np.testing.assert_array_equal(place[2], 0)  # the strongest signal stands at the origin
    vem = (table["waveform"].values.astype(float) - detector.pedestal_counts).sum(axis=2) / detector.counts_per_vem
    np.testing.assert_allclose(vem, [[2, 3], [2.5, 3.5], [6, 2], [3, 3]], atol=0.03)
    # a trace starts 1000 ns, and 5 ns more a station, before its trigger; its pulse starts 1000 ns later, wherever the record was cut
    rise = np.argmax(table["waveform"].values[:, 0] > 10, axis=1)
    start = table["start_ns"].values + (table["origin_ns"][0] - CLOCK) + detector.step_ns * rise
    np.testing.assert_allclose(start, 995.0 * np.arange(4), atol=45)
    assert {"silent_x_m", "origin_x_m"} <= set(table) and whole(read_hdf5(tmp_path / "data.h5"))["event_id"].tolist() == [17]


def test_without_particle_numbers_the_group_tells_what_one_gives(tmp_path: Path) -> None:
    plain = [name for name in EVENT.names if not (name[0] == "n" and name[1:].isdigit())]
    path = write(tmp_path / "data.h5", fields=plain)
    with pytest.raises(ValueError, match=r"station_1 has 1 events and no columns n1 \.\. n4: .* set the group's attribute mip_integral"):
        whole(read_hisparc(path))
    told = whole(read_hdf5(path, mip_integral=MIP))
    with h5py.File(path, "a") as file:
        for group in file["hisparc/cluster_test"].values():
            group.attrs["mip_integral"] = MIP
    np.testing.assert_array_equal(whole(read_hisparc(path))["waveform"].values, told["waveform"].values)
    vem = (told["waveform"].values.astype(float) - 5.5).sum(axis=2) / 50
    with pytest.raises(ValueError, match=r"--read\.mip-integral must be above 0, got 0"):
        whole(read_hisparc(path, mip_integral=0.0))
    np.testing.assert_allclose(vem, [[2, 3], [2.5, 3.5], [6, 2], [3, 3]], rtol=0.03, atol=0.03)


def test_the_trigger_is_found_where_the_file_does_not_tell_it(tmp_path: Path) -> None:
    known = whole(read_hisparc(write(tmp_path / "known.h5")))
    found = whole(read_hisparc(write(tmp_path / "found.h5", fields=[name for name in EVENT.names if name != "t_trigger"])))
    shift = found["start_ns"].values - known["start_ns"].values + (found["origin_ns"][0] - known["origin_ns"][0])
    # two or three detectors are above threshold 20 to 70 ns after the first pulse starts, at 1000 ns
    assert (np.abs(shift) < 80).all()


def test_most_probable_integral_is_that_of_single_muons() -> None:
    draw = np.random.default_rng(3)
    muons = MIP * np.exp(0.12 * draw.normal(size=(2000, 4)))
    assert _most_probable(np.where(draw.random((2000, 4)) < 0.2, muons * 3, muons)) == pytest.approx(MIP, rel=0.08)
    assert _most_probable(np.full((3, 4), 1000)) is None


def test_broken_traces_are_left_out_and_flagged(tmp_path: Path) -> None:
    good = packed(trace(2, 400))
    table = whole(read_hisparc(write(tmp_path / "data.h5", blobs={0: [good, b"not zlib"], 2: [good, zlib.compress(b"200,nan,7")]})))
    assert len(table["waveform"].values) == 2 and table["read_flags"][0] == ReadFlag.BAD_SAMPLES
    saturated = np.where(np.arange(2400) == 410, 4095, trace(2, 400))
    late = np.where(np.arange(2400) > 2380, 3000, trace(1, 10))
    table = whole(read_hisparc(write(tmp_path / "data.h5", blobs={0: [packed(saturated)] * 2, 3: [packed(late)] * 2})))
    assert table["read_flags"][0] == ReadFlag.SATURATED | ReadFlag.CROPPED


def test_wrong_files_say_what_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "data.h5"
    with pytest.raises(FileNotFoundError, match="no such file"):
        whole(read_hisparc(path))
    with pytest.raises(ValueError, match=r"where /hisparc/cluster_test/station_1 stands is unknown: it needs a table 'config' .* or attributes x_m and y_m"):
        whole(read_hisparc(write(path, config=False)))
    with pytest.raises(ValueError, match="events has no column 'traces'"):
        whole(read_hisparc(write(path, fields=[name for name in EVENT.names if name != "traces"])))
    for gone, words in (("coincidences", "no /coincidences/coincidences: search for coincidences"), ("hisparc/cluster_test/station_1/blobs", "with traces")):
        write(path)
        with h5py.File(path, "a") as file:
            del file[gone]
        with pytest.raises(ValueError, match=words):
            whole(read_hisparc(path))
    path.write_bytes(write(path).read_bytes()[:3000])
    with pytest.raises(ValueError, match="not a readable HDF5 file in HiSPARC's layout"):
        whole(read_hisparc(path))


def many(path: Path, coincidences: int) -> Path:
    """The coincidence of ``write`` again and again, a second apart; each station's table is in order of time."""
    write(path)
    with h5py.File(path, "a") as file:
        for group in file["hisparc/cluster_test"].values():
            events = np.repeat(group["events"][:], coincidences)
            events["ext_timestamp"] += np.arange(coincidences, dtype=np.uint64) * 1_000_000_000
            del group["events"]
            group["events"] = events
        group = file["coincidences"]
        del group["coincidences"], group["c_index"]
        group["coincidences"] = np.array([(17 + i, 4) for i in range(coincidences)], [("id", "u4"), ("N", "u1")])
        write_pairs(group, *(np.array([(station, i) for station in range(4)], np.uint32) for i in range(coincidences)))
    return path


def test_coincidences_come_in_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = many(tmp_path / "data.h5", 5)
    together = whole(read_hisparc(path))
    assert together["event_id"].tolist() == [17, 18, 19, 20, 21] and np.diff(together["origin_ns"]).tolist() == [1_000_000_000] * 4
    monkeypatch.setattr(hisparc, "CHUNK_EVENTS", 2)
    parts = list(read_hisparc(path))
    assert [events_in(part) for part in parts] == [2, 2, 1]
    for name, values in whole(parts).items():
        assert np.array_equal(getattr(values, "values", values), getattr(together[name], "values", together[name])), name


def test_a_station_stands_where_its_settings_of_that_time_put_it(tmp_path: Path) -> None:
    path = many(tmp_path / "data.h5", 3)
    with h5py.File(path, "a") as file:
        group = file["hisparc/cluster_test/station_4"]
        nowhere, old = group["config"][:]
        del group["config"]
        moved = (old["gps_latitude"] + 100 / 111_265.0, old["gps_longitude"], old["gps_altitude"])
        seconds = CLOCK // 1_000_000_000
        # what counts is a row's time, not its place in the table, and a receiver that has no satellites says 0, 0
        dated = [("timestamp", "u4"), *CONFIG.descr]
        group["config"] = np.array([(seconds + 2, *moved), (seconds + 1, *nowhere), (seconds - 10_000, *old)], dated)
    y = whole(read_hisparc(path))["station_y_m"].values.reshape(3, 4)
    np.testing.assert_allclose(y[:, 3] - y[0, 3], [0, 0, 100], atol=0.5)
    np.testing.assert_allclose(y[:, :3], y[:1, :3].repeat(3, axis=0), atol=1e-6)
