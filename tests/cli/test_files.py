"""``convert`` and what it is told of files: whose columns they have, and what they do not tell themselves."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from cloudchamber import workflow
from cloudchamber.cli import main
from cloudchamber.schema import Schema
from cloudchamber.store.read import Store
from cloudchamber.store.write import StoreWriter
from cloudchamber.study import find_study

KINDS = ("kaon", "pion", "muon")
FEW = {"fit": {"epochs": 1, "batch_size": 20}}
AIRSHOWERS = Path(os.environ.get("CLOUDCHAMBER_AIRSHOWER_DATA", "nowhere"))


def refused(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    assert ended.value.code == 2
    return capsys.readouterr().err.strip().splitlines()[-1]


def test_convert_like_a_run_or_a_store(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    toy = find_study("toy").simulator.schema
    other = Schema(toy.theta | {"kind": replace(toy.theta["kind"], categories=KINDS)}, toy.x | {"light": replace(toy.x["light"], shape=(2,))})
    random = np.random.default_rng(1)
    table = {"lifetime_us": random.uniform(1, 3, 40), "kind": np.arange(40) % 3, "decay_time_us": random.random(40), "light": random.random((40, 2))}
    with StoreWriter(tmp_path / "data", other, "other", {}, 1, events=40, blocks=1, order="random") as writer:
        writer.write_block(0, table)
    workflow.train("toy", tmp_path / "data", tmp_path / "run", overrides=FEW)
    path = tmp_path / "a.csv"
    path.write_text("lifetime_us,kind,light[0],light[1]\n2.5,kaon,1,2\n1.5,muon,3,4\n")
    assert "unknown 'kaon'; allowed: muon, pion" in refused(capsys, "convert", "toy", path, "--out", tmp_path / "none")
    for like in ("run", "data"):
        main(["convert", "toy", str(path), "--out", str(tmp_path / f"like-{like}"), "--like", str(tmp_path / like)])
        store = Store(tmp_path / f"like-{like}")
        assert store.schema.theta["kind"].categories == KINDS and sorted(store.read()["kind"]) == [0, 2] and store.schema.x["light"].shape == (2,)
    # a store has its own columns, whatever it is turned into
    main(["convert", "toy", str(tmp_path / "like-run"), "--out", str(tmp_path / "back.csv")])
    assert sorted(line.split(",")[1] for line in (tmp_path / "back.csv").read_text().splitlines()) == ["kaon", "kind", "muon"]
    assert "no study and no run folder" in refused(capsys, "convert", "toy", path, "--out", tmp_path / "none", "--like", tmp_path / "nowhere")


def test_read_options_reach_the_reader_and_are_noted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["simulate", "toy", str(tmp_path / "data"), "--n", "60", "--workers", "1"])
    workflow.train("toy", tmp_path / "data", tmp_path / "run", overrides=FEW)
    np.savetxt(tmp_path / "a.times", np.random.default_rng(1).uniform(1.5, 3.0, (60, 2)))
    np.savetxt(tmp_path / "tubes.txt", np.random.default_rng(2).uniform(5.0, 30.0, (60, 3)))
    tubes = str(tmp_path / "tubes.txt")
    main(["convert", "toy", "--read.kind", "pion", str(tmp_path / "a.times"), "--out", str(tmp_path / "store"), f"--read.light={tubes}"])
    store = Store(tmp_path / "store")
    assert set(store.read()["kind"]) == {1} and store.read()["light"].max() > 5
    assert store.settings["read"] == f"kind pion, light {tubes}"
    main(["sample", str(tmp_path / "run"), str(tmp_path / "a.h5"), "--given", str(tmp_path / "a.times"), "--read.kind", "muon"])
    with h5py.File(tmp_path / "a.h5") as file:
        assert set(file["kind"][()]) == {0} and len(file["light"]) == 60
    words = ["validate", tmp_path / "run", "--file", tmp_path / "a.times", "--n", "30", "--out", tmp_path / "report", "--read.kind", "pion"]
    main([*map(str, words), "--read.light", tubes])
    assert "read with kind pion" in " ".join((tmp_path / "report/index.html").read_text().split())


def test_infer_reads_with_options_and_notes_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = np.random.default_rng(1).uniform((20.0, -80.0), (120.0, 20.0), (40, 2))
    (tmp_path / "list.txt").write_text("\n".join(f"{ra:.4f} {dec:.4f} 60" for ra, dec in rows) + "\n")
    words = ["infer", "cosmic_ray_sky", tmp_path / "list.txt", "--out", tmp_path / "found", "--read.names", "ra,dec,energy_eev", "--json", "--outside", "flag"]
    assert "give --read.observatory auger|ta|both|uniform" in refused(capsys, *words)
    main([*map(str, words), "--read.observatory", "auger"])
    assert json.loads(capsys.readouterr().out)["facts"]["read options"] == "names ra,dec,energy_eev, observatory auger"


@pytest.mark.skipif(not AIRSHOWERS.is_dir(), reason="CLOUDCHAMBER_AIRSHOWER_DATA names no folder of CORSIKA's files")
@pytest.mark.filterwarnings("ignore:.*their numbers differ")
def test_a_real_file_of_corsika_with_its_companion_or_told_by_hand(tmp_path: Path) -> None:
    path, dat = AIRSHOWERS / "corsika_77500_particle_vertical.long", AIRSHOWERS / "corsika_77500_particle"
    main(["convert", "airshower", str(path), "--out", str(tmp_path / "one"), "--read.dat", str(dat)])
    theta = ("--read.primary", "photon", "--read.lg-energy-ev", "13", "--read.zenith-deg", "0")
    main(["convert", "airshower", str(path), "--out", str(tmp_path / "two"), *theta])
    one, two = (Store(tmp_path / name).read() for name in ("one", "two"))
    assert one["primary"].tolist() == two["primary"].tolist() == [5] and np.isclose(one["lg_energy_ev"][0], 13.0)
    for name in ("n_electron", "energy_deposit_gev_per_g_cm2"):
        np.testing.assert_allclose(one[name], two[name])
