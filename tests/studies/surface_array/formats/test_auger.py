"""Auger events, written in the Open Data's format from a known shower, are read so that the fit finds it back."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cloudchamber.schema import check_table, concatenate
from cloudchamber.studies.surface_array.array.detector import Detector
from cloudchamber.studies.surface_array.fit.reconstruct import reconstruct
from cloudchamber.studies.surface_array.formats import FROM_FILE, ReadFlag, read_auger, schema_of

ZENITH_DEG, AZIMUTH_DEG, ENERGY_EEV = 54.12, 53.76, 56.8
CORE_M = np.array([-21_430.0, 8_710.0, 1402.0])
S800 = 150.0
"""VEM/m2 in the fit's own units: so that the 24 strongest tanks have at least 5 VEM."""
LIGHT_M_NS = 0.299792458


def direction() -> np.ndarray:
    zenith, azimuth = np.deg2rad([ZENITH_DEG, AZIMUTH_DEG])
    return np.array([np.sin(zenith) * np.cos(azimuth), np.sin(zenith) * np.sin(azimuth), np.cos(zenith)])


def ldf(r: np.ndarray) -> np.ndarray:
    """Telescope Array's lateral distribution at this zenith angle, relative to 800 m: what the fit assumes."""
    eta = 3.97 - 1.79 * (1 / np.cos(np.deg2rad(ZENITH_DEG)) - 1)

    def f(r: Any) -> Any:
        return (r / 90) ** -1.2 * (1 + r / 90) ** -(eta - 1.2) * (1 + (r / 1000) ** 2) ** -0.6

    return f(r) / f(800.0)


def document(stations: int = 24, traces: bool = True) -> dict[str, Any]:
    """The event of a shower on a triangular grid of 1.5 km with heights that differ by 100 m; the strongest ``stations`` are selected, one far off is not."""
    draw, n = np.random.default_rng(5), direction()
    column, row = np.meshgrid(np.arange(-8, 9), np.arange(-8, 9))
    x, y = (1500.0 * (column + row / 2)).ravel() - 21_000.0, (1500.0 * np.sqrt(0.75) * row).ravel() + 8_000.0
    z = 1400.0 + 0.004 * (x + 21_000) + draw.uniform(-30, 30, len(x))
    from_core = np.column_stack([x, y, z]) - CORE_M
    r = np.sqrt(np.maximum((from_core**2).sum(axis=1) - (from_core @ n) ** 2, 0))
    # the early side sees more of an inclined shower, which has crossed less air there
    early = np.exp(0.5 * (1 / n[2] - 1) * (from_core[:, :2] @ n[:2]) / 1000)
    signal = 3 * S800 * ldf(r) * early * draw.lognormal(0, 0.08, len(r))
    curvature = np.exp(2 - 0.032 * ZENITH_DEG) * 1.3 / np.sqrt(S800)
    time = 4.1e8 - from_core @ n / LIGHT_M_NS + 0.67 * curvature * (1 + r / 30) ** 1.5 / np.sqrt(ldf(r)) + draw.normal(0, 20, len(r))
    found = []
    for number in np.argsort(-signal)[: stations + 1]:
        selected = number != np.argsort(-signal)[stations]
        start = int(draw.integers(220, 260))
        after = 25.0 * np.arange(1, 768 - start + 1)
        shape = np.zeros(768)
        shape[start:] = after * np.exp(-after / (60 + r[number] / 15))
        station = {"id": 100 + int(number), "name": "Anon", "x": x[number], "y": y[number], "z": z[number], "t": time[number], "dt": 20.0}
        station |= {"signal": signal[number], "dsignal": np.sqrt(signal[number]), "isSelected": int(selected), "sat": 0, "signalStartBin": start}
        station |= {"signalStopBin": 760} | {f"pmt{i}": (shape * (0.9 + 0.1 * i)).tolist() if traces and i < 3 else [] for i in (1, 2, 3)}
        found.append(station if selected else station | {"t": station["t"] + 30_000, "x": station["x"] + 20_000})
    sdrec = {"theta": ZENITH_DEG, "phi": AZIMUTH_DEG, "energy": ENERGY_EEV, "x": CORE_M[0], "y": CORE_M[1], "z": CORE_M[2], "nbstat": stations}
    return {"meta": {"release": 3}, "info": {"id": 81847956000}, "flags": {"sd1500": 1}, "sdrec": sdrec, "stations": found}


def write(path: Path, content: Any) -> Path:
    path.write_text(json.dumps(content))
    return path


def test_the_fit_finds_the_shower_back(tmp_path: Path) -> None:
    table = read_auger(write(tmp_path / "Auger_081847956000.json", document()))
    checked = check_table(table, {name: schema_of(table).columns[name] for name in table})
    assert checked["event_id"].tolist() == [81847956000] and checked["read_flags"].tolist() == [0]
    assert len(checked["station_x_m"].values) == 24
    fit = reconstruct(table)
    zenith, azimuth = np.deg2rad([fit["fit_zenith_deg"][0], fit["fit_azimuth_deg"][0]])
    found = np.array([np.sin(zenith) * np.cos(azimuth), np.sin(zenith) * np.sin(azimuth), np.cos(zenith)])
    assert np.rad2deg(np.arccos(found @ direction())) < 1.0
    core = np.array([fit["fit_core_x_m"][0] + table["origin_x_m"][0], fit["fit_core_y_m"][0] + table["origin_y_m"][0]])
    assert np.hypot(*(core - CORE_M[:2])) < 150
    assert fit["fit_stations"][0] >= 22


def test_the_observatory_s_own_reconstruction_becomes_theta(tmp_path: Path) -> None:
    table = read_auger(write(tmp_path / "event.json", document()))
    assert (table["zenith_deg"][0], table["azimuth_deg"][0], table["energy_ev"][0]) == pytest.approx((ZENITH_DEG, AZIMUTH_DEG, ENERGY_EEV * 1e18))
    np.testing.assert_allclose([table["core_x_m"][0] + table["origin_x_m"][0], table["core_y_m"][0] + table["origin_y_m"][0]], CORE_M[:2], atol=0.01)
    assert "energy_ev" not in read_auger(write(tmp_path / "other.json", {"stations": document()["stations"]}))


@pytest.mark.parametrize("traces", [True, False])
def test_records_hold_the_signal_and_start_at_its_time(tmp_path: Path, traces: bool) -> None:
    source = document(traces=traces)
    for station in source["stations"]:
        station["z"] = 1400.0
    table, detector = read_auger(write(tmp_path / "event.json", source)), Detector()
    selected = [station for station in source["stations"] if station["isSelected"]]
    area = table["waveform"].values.astype(float) - detector.pedestal_counts
    np.testing.assert_array_equal(table["waveform"].values[:, 0], table["waveform"].values[:, 1])
    whole = table["waveform"].values.max(axis=(1, 2)) < detector.saturation_counts
    assert whole.sum() >= 20
    signal = np.array([station["signal"] for station in selected])
    np.testing.assert_allclose(area.sum(axis=2)[whole, 0] / detector.counts_per_vem, signal[whole], rtol=0.01, atol=0.03)
    quiet = detector.pre_samples - detector.window_samples
    start = table["start_ns"].values + quiet * detector.step_ns + table["origin_ns"][0]
    np.testing.assert_allclose(start, [station["t"] for station in selected], atol=1e-3)
    assert np.abs(area[:, :, :quiet]).max() <= 0.5
    assert bool(table["read_flags"][0] & ReadFlag.NO_TRACE) is not traces


def test_the_strongest_station_is_the_origin(tmp_path: Path) -> None:
    source = document()
    strongest = max(source["stations"], key=lambda station: station["signal"])
    table = read_auger(write(tmp_path / "event.json", source))
    assert (table["origin_x_m"][0], table["origin_y_m"][0]) == (strongest["x"], strongest["y"])
    at = np.argmax(table["waveform"].values.sum(axis=(1, 2)))
    assert (table["station_x_m"].values[at], table["station_y_m"].values[at]) == (0, 0)
    assert 0 <= table["start_ns"].values.min() < 1
    assert len(table["silent_x_m"].values) == 0


def test_saturated_and_twice_listed_stations_are_kept_and_flagged(tmp_path: Path) -> None:
    source = document()
    source["stations"][0]["sat"] = 1
    source["stations"].append(source["stations"][1])
    table = read_auger(write(tmp_path / "event.json", source))
    assert table["waveform"].values[0].max() == 4095 and len(table["waveform"].values) == 25
    assert table["read_flags"][0] == ReadFlag.SATURATED | ReadFlag.DUPLICATE
    assert np.isfinite(reconstruct(table)["fit_zenith_deg"]).all()


@pytest.mark.parametrize(("key", "value"), [("x", None), ("t", float("nan")), ("signal", "much"), ("signal", -3.0), ("y", 1e9)])
def test_a_station_that_makes_no_sense_is_left_out(tmp_path: Path, key: str, value: Any) -> None:
    source = document()
    source["stations"][3][key] = value
    table = read_auger(write(tmp_path / "event.json", source))
    assert len(table["waveform"].values) == 23
    assert table["read_flags"][0] == ReadFlag.BAD_STATION
    assert reconstruct(table)["fit_zenith_deg"][0] == pytest.approx(ZENITH_DEG, abs=1)


def test_one_bad_event_does_not_spoil_the_others(tmp_path: Path) -> None:
    none = document() | {"stations": []}
    lone = document()
    lone["stations"] = lone["stations"][:1]
    contents = {"Auger_1.json": json.dumps(document()), "Auger_2.json": "{", "Auger_3.json": json.dumps(none), "Auger_4.json": json.dumps(lone)}
    (tmp_path / "folder").mkdir()
    with zipfile.ZipFile(tmp_path / "events.zip", "w") as archive:
        for name, text in contents.items():
            archive.writestr(name, text)
            (tmp_path / "folder" / name).write_text(text)
    write(tmp_path / "events.json", [document(), 7, none, lone])
    for name in ("events.zip", "folder", "events.json"):
        table = read_auger(tmp_path / name)
        assert np.diff(table["waveform"].offsets).tolist() == [24, 0, 0, 1]
        assert table["read_flags"].tolist() == [0, ReadFlag.UNREADABLE | ReadFlag.NO_STATION, ReadFlag.NO_STATION, 0]
        fit = reconstruct(table)
        assert np.isfinite(fit["fit_zenith_deg"]).all() and abs(fit["fit_zenith_deg"][0] - ZENITH_DEG) < 1


def test_wrong_files_say_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.json: no such file"):
        read_auger(tmp_path / "none.json")
    (tmp_path / "cut.json").write_text('{"stations": [')
    with pytest.raises(ValueError, match=r"cut\.json' is not JSON \(damaged or cut short\?\)"):
        read_auger(tmp_path / "cut.json")
    with pytest.raises(ValueError, match=r"event fd\.json: no list 'stations' of objects"):
        read_auger(write(tmp_path / "fd.json", {"fdrec": {}}))
    with pytest.raises(ValueError, match="holds no event"):
        read_auger(write(tmp_path / "empty.json", []))
    source = document()
    for station in source["stations"]:
        station["x"] = None
    with pytest.raises(ValueError, match=r"none of 25 stations has x, y, t and signal as finite numbers; the first is \{.*\"x\": null"):
        read_auger(write(tmp_path / "nowhere.json", source))
    assert set(FROM_FILE) <= set(read_auger(write(tmp_path / "fine.json", document())))


def test_many_events_come_in_chunks_that_hold_what_one_table_would(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "events"
    folder.mkdir()
    for number in range(5):
        write(folder / f"Auger_{number}.json", document())
    source = document()
    del source["sdrec"]["energy"]
    write(folder / "Auger_5.json", source)
    (folder / "Auger_6.json").write_text("{")
    (folder / "._Auger_0.json").write_text("{}")
    together = read_auger(folder)
    assert isinstance(together, dict) and len(together["start_ns"]) == 7
    monkeypatch.setattr("cloudchamber.studies.surface_array.formats.auger.CHUNK_EVENTS", 2)
    parts = read_auger(folder)
    assert not isinstance(parts, dict)
    chunks = list(parts)
    assert [len(part["start_ns"]) for part in chunks] == [2, 2, 2, 1]
    for name, values in concatenate(chunks).items():
        np.testing.assert_array_equal(getattr(values, "values", values), getattr(together[name], "values", together[name]), err_msg=name)
    assert "energy_ev" not in together
