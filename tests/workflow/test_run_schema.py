"""Files given to a run are read by the run's own columns: categories in another order, other categories, other shapes; and what may exist beyond a prior."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from cloudchamber.cli import main
from cloudchamber.hub import load
from cloudchamber.rng import rng
from cloudchamber.schema import Schema, Table
from cloudchamber.store.read import Store
from cloudchamber.store.write import StoreWriter
from cloudchamber.study import find_study

TOY = find_study("toy").simulator.schema
KINDS = ("kaon", "pion", "muon")
"""Of another simulator: one more than the study's default one has, and the others the other way around."""
TUBES = 4
OTHER = Schema(
    TOY.theta | {"kind": replace(TOY.theta["kind"], categories=KINDS)},
    TOY.x | {"light": replace(TOY.x["light"], shape=(TUBES,))},
)
LIGHT = (1000.0, 100.0, 10.0)


def events(n: int, seed: int, names: tuple[str, ...] = KINDS) -> Table:
    """Particles whose light tells their kind, coded as OTHER does."""
    random = rng(seed)
    kind = np.array([KINDS.index(name) for name in names])[random.integers(0, len(names), n)]
    lifetime = random.uniform(1.0, 4.0, n)
    light = np.array(LIGHT)[kind][:, None] * random.uniform(0.9, 1.1, (n, TUBES))
    return {"lifetime_us": lifetime, "kind": kind, "decay_time_us": lifetime * random.exponential(1.0, n), "light": light}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of another simulator's events, and a run that learned from it."""
    folder = tmp_path_factory.mktemp("other")
    with StoreWriter(folder / "data", OTHER, "other", {}, 1, events=400, blocks=1, order="random") as writer:
        writer.write_block(0, events(400, 1))
    main(["train", "toy", str(folder / "data"), str(folder / "run"), "--fit.epochs", "2", "--fit.batch-size", "40"])
    return folder


def written(path: Path, names: tuple[str, ...] = KINDS, n: int = 30) -> Path:
    table = events(n, 2, names)
    head = ["lifetime_us", "kind", "decay_time_us", *(f"light[{tube}]" for tube in range(TUBES))]
    rows = zip(table["lifetime_us"], np.array(KINDS)[table["kind"]], table["decay_time_us"], *table["light"].T, strict=True)
    path.write_text("\n".join([",".join(head), *(",".join(map(str, row)) for row in rows)]) + "\n")
    return path


def drawn(run: Path, table: Table, seed: int = 1) -> np.ndarray:
    """The light that a run draws at theta coded as its own."""
    return np.asarray(load(run).sample({name: table[name] for name in ("lifetime_us", "kind")}, seed)["light"])


def columns(path: Path) -> Table:
    with h5py.File(path) as file:
        assert file["kind"].attrs["categories"] == ",".join(KINDS)
        return {name: item[()] for name, item in file.items()}


def refused(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    assert ended.value.code == 2
    return capsys.readouterr().err.strip().splitlines()[-1]


@pytest.mark.parametrize("suffix", [".csv", ".h5", ".parquet", ".ecsv"])
def test_what_a_run_writes_it_reads(place: Path, tmp_path: Path, suffix: str) -> None:
    main(["sample", str(place / "run"), str(tmp_path / f"a{suffix}"), "--given", str(written(tmp_path / "theta.csv", n=120))])
    main(["sample", str(place / "run"), str(tmp_path / "b.h5"), "--given", str(tmp_path / f"a{suffix}")])
    theta, found = events(120, 2), columns(tmp_path / "b.h5")
    np.testing.assert_array_equal(found["kind"], theta["kind"])
    np.testing.assert_allclose(found["light"], drawn(place / "run", theta), rtol=1e-4)
    main(["validate", str(place / "run"), "--file", str(tmp_path / f"a{suffix}"), "--n", "50", "--out", str(tmp_path / "report")])
    assert json.loads((tmp_path / "report/metrics.json").read_text())["n"] == 50


def test_codes_of_another_order_keep_their_names(place: Path, tmp_path: Path) -> None:
    """A store and an HDF5 file of the study's default simulator: muon is 0 there and 2 here."""
    main(["simulate", "toy", str(tmp_path / "default"), "--n", "80", "--workers", "1"])
    main(["convert", "toy", str(tmp_path / "default"), "--out", str(tmp_path / "default.h5")])
    for number, source in enumerate(("default", "default.h5")):
        main(["sample", str(place / "run"), str(tmp_path / f"{number}.h5"), "--given", str(tmp_path / source)])
        found, there = columns(tmp_path / f"{number}.h5"), Store(tmp_path / "default").read()["kind"]
        np.testing.assert_array_equal(found["kind"], np.array([KINDS.index("muon"), KINDS.index("pion")])[there])
        np.testing.assert_allclose(found["light"], drawn(place / "run", found), rtol=1e-4)


def test_a_category_that_the_run_lacks_is_named(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = refused(capsys, "sample", run, tmp_path / "a.h5", "--given", written(tmp_path / "theta.csv"))
    assert "column 'kind': unknown 'kaon'; allowed: muon, pion" in told


def test_a_run_goes_on_only_from_columns_of_its_own_kind(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["simulate", "toy", str(tmp_path / "default"), "--n", "80", "--workers", "1"])
    told = refused(capsys, "train", "toy", tmp_path / "default", tmp_path / "finer", "--start", place / "run", "--fit.epochs", "1")
    assert "cannot start from a run whose column 'kind'" in told or "column 'light'" in told
    # with more categories at the end, events of the run's own go on
    more = Schema(OTHER.theta | {"kind": replace(OTHER.theta["kind"], categories=(*KINDS, "proton"))}, OTHER.x)
    with StoreWriter(tmp_path / "more", more, "other", {}, 2, events=80, blocks=1, order="random") as writer:
        writer.write_block(0, events(80, 4))
    main(["train", "toy", str(tmp_path / "more"), str(tmp_path / "finer"), "--start", str(place / "run"), "--fit.epochs", "1", "--fit.batch-size", "40"])
    assert load(tmp_path / "finer").schema.theta["kind"].categories == KINDS
    table = events(80, 4)
    table["kind"][7] = 3
    with StoreWriter(tmp_path / "protons", more, "other", {}, 2, events=80, blocks=1, order="random") as writer:
        writer.write_block(0, table)
    told = refused(capsys, "train", "toy", tmp_path / "protons", tmp_path / "none", "--start", place / "run", "--fit.epochs", "1")
    assert "the run to start from knows no 'proton'" in told


def test_what_lies_beyond_a_prior_is_converted_and_is_outside_the_trained_domain(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Packaged weights, whose own columns still have the bounds of a prior."""
    path = tmp_path / "beyond.csv"
    path.write_text("primary,lg_energy_ev,zenith_deg\nFe,18.5,30\nFe,20.5,70\n")
    main(["convert", "airshower", str(path), "--out", str(tmp_path / "store")])
    assert Store(tmp_path / "store").n_events == 2
    told = refused(capsys, "sample", "airshower", tmp_path / "a.h5", "--given", path)
    assert "column 'lg_energy_ev': 20.5 in event 1 (1 such event(s)) is outside the trained range [16.9996, 19.0003] lg(E/eV)" in told
    main(["sample", "airshower", str(tmp_path / "a.h5"), "--given", str(path), "--outside", "flag"])
    with h5py.File(tmp_path / "a.h5") as file:
        assert file["in_domain"][()].tolist() == [True, False] and file["n_electron"].shape == (2, 248)
    told = refused(capsys, "simulate", "airshower", tmp_path / "none", "--theta", path, "--settings.tables", "packaged", "--workers", "1")
    assert "column 'azimuth_deg'" in told
    path.write_text("primary,lg_energy_ev,zenith_deg,azimuth_deg\nFe,20.5,30,0\n")
    told = refused(capsys, "simulate", "airshower", tmp_path / "none", "--theta", path, "--settings.tables", "packaged", "--workers", "1")
    assert "'lg_energy_ev': 20.5 in event 0 is outside the allowed [15, 20] lg(E/eV) of this simulator" in told
    path.write_text("primary,lg_energy_ev,zenith_deg\nFe,1e19,30\n")
    assert "'lg_energy_ev': 1e+19 in event 0 is outside the allowed [9, 24]" in refused(capsys, "convert", "airshower", path, "--out", tmp_path / "none")
