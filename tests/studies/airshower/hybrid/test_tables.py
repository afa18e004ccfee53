from __future__ import annotations

import fcntl
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from cloudchamber.cache import cache_folder
from cloudchamber.studies.airshower.hybrid.em_table import EmTable
from cloudchamber.studies.airshower.hybrid.interactions import LG_ENERGIES, PROJECTILES, SPECIES
from cloudchamber.studies.airshower.hybrid.tables import (
    FRAGMENT_LG_ENERGIES,
    PACKAGED,
    REPLAY_FROM,
    Size,
    build_tables,
    ensure_tables,
    load_tables,
    table_path,
)

COMMAND = "python -m cloudchamber.studies.airshower build-tables"


def test_packaged_table_is_small_and_whole():
    assert PACKAGED.stat().st_size < 3_000_000
    tables = load_tables(PACKAGED)
    assert tables.model == "Sibyll23d"
    assert tables.event_starts[0] == 0 and tables.event_starts[-1] == len(tables.codes) == len(tables.species)
    assert tables.first_event.shape == (len(PROJECTILES), LG_ENERGIES - REPLAY_FROM + 1)
    assert tables.first_event[-1, -1] == len(tables.event_starts) - 1 and np.all(np.diff(tables.first_event, axis=1) > 0)
    assert tables.species.max() < len(SPECIES)
    per_nucleus = tables.wounded.shape[2]
    assert tables.fragment_starts.shape == (len(FRAGMENT_LG_ENERGIES), 57 * per_nucleus + 1) and tables.fragment_starts[-1, -1] == len(tables.fragments)
    for which in range(len(FRAGMENT_LG_ENERGIES)):
        for mass in (4, 14, 56):
            for event in range(per_nucleus):
                slot = mass * per_nucleus + event
                left = tables.fragments[tables.fragment_starts[which, slot] : tables.fragment_starts[which, slot + 1]]
                assert left.sum(dtype=int) + tables.wounded[which, mass, event] == mass


def test_replayed_events_keep_their_energy_in_the_mean():
    tables = load_tables(PACKAGED)
    x = 10.0 ** (tables.codes / -4000.0)
    sums = np.add.reduceat(x * np.maximum(1.0, tables.thinning / x), tables.event_starts[:-1])
    assert abs(sums.mean() - 1.0) < 5.0 * sums.std() / np.sqrt(len(sums))


@pytest.mark.parametrize("damage", ["missing", "empty", "truncated", "no table"])
def test_broken_file_names_itself_and_the_cure(tmp_path, damage):
    path = tmp_path / "tables.npz"
    if damage == "empty":
        path.touch()
    elif damage == "truncated":
        path.write_bytes(PACKAGED.read_bytes()[:50_000])
    elif damage == "no table":
        np.savez(path, model=np.array("Sibyll23d"), codes=np.zeros(3))
    with pytest.raises(ValueError, match="cannot read the interaction table") as caught:
        load_tables(path)
    assert str(path) in str(caught.value) and COMMAND in str(caught.value)


def test_flipped_byte_is_found(tmp_path):
    whole = bytearray(PACKAGED.read_bytes())
    whole[len(whole) // 2] ^= 0xFF
    path = tmp_path / "tables.npz"
    path.write_bytes(whole)
    with pytest.raises(ValueError, match="cannot read the interaction table"):
        load_tables(path)


def test_broken_electromagnetic_table_names_itself_and_the_cure(tmp_path):
    path = tmp_path / "em.npz"
    path.write_bytes(b"no table")
    with pytest.raises(ValueError, match=r"em.npz.*python -m cloudchamber.studies.airshower build-em-table"):
        EmTable.load(path)


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("CLOUDCHAMBER_CACHE", str(tmp_path))
    return tmp_path


def test_cache_lies_where_the_environment_says(cache):
    assert cache_folder("airshower") == cache / "airshower" and table_path("Sibyll23e") == cache / "airshower" / "tables_Sibyll23e.npz"


def test_unknown_model_is_refused_and_nothing_is_left(cache, capfd):
    with pytest.raises(ValueError, match=f"table of 'Sibyll99' could not be built.*{COMMAND} --model Sibyll99"):
        ensure_tables("Sibyll99")
    told = capfd.readouterr().err.replace("\n", " ")
    assert "no event generator 'Sibyll99'" in told and "16 minutes on one core; --settings.tables packaged simulates at once" in told
    assert list(cache.rglob("*.npz")) == []


def test_a_second_worker_waits_for_the_first(cache):
    path = table_path("Sibyll23d")
    path.parent.mkdir(parents=True)
    found: list[Path] = []
    with open(path.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        second = threading.Thread(target=lambda: found.append(ensure_tables("Sibyll23d")))
        second.start()
        second.join(0.3)
        assert second.is_alive() and not found
        path.write_bytes(PACKAGED.read_bytes())
    second.join(30.0)
    assert found == [path] and path.read_bytes() == PACKAGED.read_bytes()


def test_command_explains_itself():
    shown = subprocess.run(
        [sys.executable, "-m", "cloudchamber.studies.airshower", "build-tables", "--help"], capture_output=True, text=True, check=True
    ).stdout
    assert "--workers" in shown and "--executor" in shown and "--model" in shown and "--size" in shown


@pytest.mark.slow
def test_table_does_not_depend_on_the_workers(tmp_path, cluster):
    size = Size(proton=4, pion=3, kaon=2, nucleus=2, mean=4, thinning=1e-3)
    told: list[tuple[int, int]] = []
    one = build_tables(tmp_path / "one.npz", size=size, workers=1, progress=lambda done, total: told.append((done, total)))
    two = build_tables(tmp_path / "two.npz", size=size, workers=3)
    three = build_tables(tmp_path / "three.npz", size=size, executor=f"dask://{cluster.address}")
    steps = LG_ENERGIES + len(FRAGMENT_LG_ENERGIES) + 1
    assert told == [(done, steps) for done in range(1, steps + 1)]
    with np.load(one) as first:
        for other in (two, three):
            with np.load(other) as second:
                assert first.files == second.files
                for name in first.files:
                    np.testing.assert_array_equal(first[name], second[name])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.npz", "three.npz", "two.npz"]
