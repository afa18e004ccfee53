from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from toy_study import SCHEMA, Decay

from cloudchamber import workflow
from cloudchamber.formats.tables import read_table, write_table
from cloudchamber.hub import load
from cloudchamber.schema import Schema, events_in
from cloudchamber.store.read import Store
from cloudchamber.study import find_study

FEW = {"fit": {"epochs": 2}}
PLUGIN = Path(__file__).parent / "plugin"


class FourTubes(Decay):
    """The toy's detector with one tube more."""

    @property
    def schema(self) -> Schema:
        return replace(SCHEMA, x=SCHEMA.x | {"light": replace(SCHEMA.x["light"], shape=(4,))})


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("toy") / "data"
    workflow.simulate("toy", folder, n=1000, seed=3, block_events=250)
    return folder


@pytest.fixture(scope="session")
def run(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("toy") / "run"
    workflow.train("toy", data, folder, seed=5)
    return folder


def same_events(first: Path, second: Path) -> bool:
    one, two = Store(first).read(), Store(second).read()
    return list(one) == list(two) and all(np.array_equal(one[name], two[name]) for name in one)


def wait_for(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)


def command(*words: object) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(PLUGIN), *sys.path])}
    return subprocess.Popen([sys.executable, "-m", "cloudchamber", *map(str, words)], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


# simulate


def test_events_do_not_depend_on_the_executor(data: Path, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as executor:
        done = workflow.simulate(
            find_study("toy"), tmp_path / "pool", 1000, seed=3, block_events=250, executor=executor, progress=lambda now, all, text: told.append((now, all))
        )
    assert same_events(data, tmp_path / "pool")
    assert told == [(250, 1000), (500, 1000), (750, 1000), (1000, 1000)]
    assert done.new_events == 1000 and done.rate > 0


def test_only_missing_blocks_are_made(data: Path, tmp_path: Path) -> None:
    shutil.copytree(data, tmp_path / "copy")
    lost = sorted((tmp_path / "copy").glob("shard-*.h5"))[2]
    lost.unlink()
    done = workflow.simulate("toy", tmp_path / "copy", 1000, seed=3, block_events=250)
    assert (done.new_events, done.events) == (250, 1000)
    assert same_events(data, tmp_path / "copy")


def test_a_store_grows_by_whole_blocks_only(tmp_path: Path) -> None:
    workflow.simulate("toy", tmp_path / "d", 30, block_events=20)
    with pytest.raises(ValueError, match=r"block 1 of .* holds 10 events"):
        workflow.simulate("toy", tmp_path / "d", 60, block_events=20)
    workflow.simulate("toy", tmp_path / "e", 40, block_events=20)
    assert workflow.simulate("toy", tmp_path / "e", 60, block_events=20).new_events == 20


def test_a_store_of_another_seed_or_setting_is_refused(data: Path) -> None:
    with pytest.raises(ValueError, match="seed: 3 there, 4 now"):
        workflow.simulate("toy", data, 1000, seed=4, block_events=250)
    with pytest.raises(ValueError, match="light_pe"):
        workflow.simulate("toy", data, 1000, seed=3, settings={"light_pe": 10.0}, block_events=250)


def test_wrong_requests_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no setting 'light'; it has: lifetime_low_us"):
        workflow.simulate("toy", tmp_path / "d", 10, settings={"light": 1.0})
    with pytest.raises(ValueError, match=r"unknown simulator 'decai' \(did you mean 'decay'"):
        workflow.simulate("toy", tmp_path / "d", 10, simulator="decai")
    with pytest.raises(ValueError, match="n=0"):
        workflow.simulate("toy", tmp_path / "d", 0)
    assert not (tmp_path / "d").exists()


def test_theta_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "theta.csv").write_text("lifetime_us,kind\n2.0,muon\n3.5,pion\n1.5,pion\n")
    workflow.simulate("toy", tmp_path / "d", theta=tmp_path / "theta.csv", block_events=2)
    table = Store(tmp_path / "d").read()
    np.testing.assert_array_equal(table["kind"], [0, 1, 1])
    np.testing.assert_allclose(table["lifetime_us"], [2.0, 3.5, 1.5])
    (tmp_path / "theta.csv").write_text("lifetime_us,kind\n2.0,kaon\n")
    with pytest.raises(ValueError, match=r"column 'kind': unknown 'kaon'.*allowed: muon, pion"):
        workflow.simulate("toy", tmp_path / "e", theta=tmp_path / "theta.csv")
    (tmp_path / "theta.csv").write_text("lifetime_us,kind\nnan,pion\n")
    with pytest.raises(ValueError, match="column 'lifetime_us' holds 1 NaN"):
        workflow.simulate("toy", tmp_path / "e", theta=tmp_path / "theta.csv")


def test_killed_workers_lose_nothing(tmp_path: Path) -> None:
    thread = threading.Thread(target=workflow.simulate, args=("toy", tmp_path / "d", 600_000), kwargs={"workers": 2, "block_events": 5000})
    thread.start()
    wait_for(lambda: len(list((tmp_path / "d").glob("shard-*.h5"))) >= 2)
    killed = multiprocessing.active_children()
    for child in killed:
        child.kill()
    thread.join(60)
    kept = Store(tmp_path / "d")
    kept.verify()
    assert killed and kept.n_events == 600_000
    workflow.simulate("toy", tmp_path / "whole", 600_000, block_events=5000)
    np.testing.assert_array_equal(Store(tmp_path / "whole").read(["light"])["light"], kept.read(["light"])["light"])


def test_a_killed_simulation_resumes(tmp_path: Path) -> None:
    words = ("simulate", "toy", tmp_path / "d", "--n", 400_000, "--block-events", 2000, "--workers", 1)
    process = command(*words)
    wait_for(lambda: len(list((tmp_path / "d").glob("shard-*.h5"))) >= 3)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = Store(tmp_path / "d").n_events
    assert 6000 <= before < 400_000
    done = workflow.simulate("toy", tmp_path / "d", before + 4000, block_events=2000)
    assert done.new_events == 4000
    workflow.simulate("toy", tmp_path / "whole", before + 4000, block_events=2000)
    assert same_events(tmp_path / "whole", tmp_path / "d")


# train


def test_a_run_folder_is_complete(run: Path, data: Path) -> None:
    there = {path.name for path in run.iterdir()}
    assert {"weights.safetensors", "recipe.json", "schema.json", "domain.json", "metrics.json", "log.csv", "loss.png"} <= there
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["training"]["identity"] == Store(data).dataset.identity
    assert metrics["training"]["events"] == {"training": 950, "validation": 50}
    assert metrics["training"]["seed"] == 5 and metrics["fit"]["epochs"] == 20
    assert load(run).domain["kind"] == ("muon", "pion")


def test_training_learns(run: Path) -> None:
    theta = {"lifetime_us": np.repeat([1.2, 3.8], 2000), "kind": np.tile([0, 1], 2000)}
    table = load(run).sample(theta, seed=1)
    short, long = table["decay_time_us"][:2000].mean(), table["decay_time_us"][2000:].mean()
    assert long > 1.5 * short
    muon, pion = table["light"][::2].sum(1).mean(), table["light"][1::2].sum(1).mean()
    assert 1.4 < pion / muon < 2.4


def test_same_seed_same_weights_and_another_run_is_refused(data: Path, tmp_path: Path) -> None:
    first = workflow.train("toy", data, tmp_path / "a", overrides=FEW, seed=2)
    again = workflow.train("toy", data, tmp_path / "a", overrides=FEW, seed=2)
    other = workflow.train("toy", data, tmp_path / "b", overrides=FEW, seed=2)
    assert first.validation_loss == again.validation_loss == other.validation_loss
    assert (tmp_path / "a/weights.safetensors").read_bytes() == (tmp_path / "b/weights.safetensors").read_bytes()
    with pytest.raises(ValueError, match=r"holds another run \(seed was 2, is now 3"):
        workflow.train("toy", data, tmp_path / "a", overrides=FEW, seed=3)
    with pytest.raises(ValueError, match="unknown key 'epoch'"):
        workflow.train("toy", data, tmp_path / "c", overrides={"fit": {"epoch": 3}})


def test_streaming_learns_as_memory_does(data: Path, tmp_path: Path) -> None:
    streamed = workflow.train("toy", data, tmp_path / "s", overrides={"fit": {"epochs": 8}}, memory_gb=0.0)
    memory = workflow.train("toy", data, tmp_path / "m", overrides={"fit": {"epochs": 8}})
    assert abs(streamed.validation_loss - memory.validation_loss) < 0.3


def test_a_limit_and_too_few_events(data: Path, tmp_path: Path) -> None:
    assert workflow.train("toy", data, tmp_path / "a", overrides=FEW, limit=100).events == 95
    with pytest.raises(ValueError, match=r"1 events .* simulate more"):
        workflow.train("toy", data, tmp_path / "b", limit=1)


def test_a_killed_training_resumes(data: Path, tmp_path: Path) -> None:
    words = ("train", "toy", data, tmp_path / "killed", "--fit.epochs", 60, "--limit", 500)
    process = command(*words)
    log = tmp_path / "killed/log.csv"
    wait_for(lambda: log.exists() and len(log.read_text().splitlines()) >= 3)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "killed/weights.safetensors").exists()
    with pytest.raises(ValueError, match="holds no finished run"):
        load(tmp_path / "killed")
    workflow.train("toy", data, tmp_path / "killed", overrides={"fit": {"epochs": 60}}, limit=500)
    workflow.train("toy", data, tmp_path / "whole", overrides={"fit": {"epochs": 60}}, limit=500)
    one, two = (load(tmp_path / name).model.state_dict() for name in ("killed", "whole"))
    assert all(np.array_equal(one[name].numpy(), two[name].numpy()) for name in one)


# validate


def test_validate_reports_checks_floors_peers_and_others(run: Path, data: Path, tmp_path: Path) -> None:
    workflow.train("toy", data, tmp_path / "matching", recipe="matching", overrides=FEW)
    found = workflow.validate(run, n=300, compare=[tmp_path / "matching"], out=tmp_path / "report")
    assert [check.name for check in found.checks] == ["mean decay time", "mean light", "light correlation"]
    assert all(check.passed and check.floor > 0 for check in found.checks)
    assert set(found.others) == {str(tmp_path / "matching"), "peer"}
    assert found.n == 300 and not found.failed
    page = found.report.read_text()
    assert "decay times" in page and "light correlation" in page
    written = json.loads((tmp_path / "report/metrics.json").read_text())
    assert written["checks"] == found.to_json()["checks"]


def test_a_protocol_joins_the_checks(run: Path, tmp_path: Path) -> None:
    told: list[str] = []
    found = workflow.validate(run, n=300, out=tmp_path / "report", protocol="quarters", progress=lambda done, total, text: told.append(text))
    assert [check.name for check in found.checks] == ["mean decay time", "mean light", "light correlation", "quartiles"]
    assert found.checks[-1].passed and [check.name for check in found.others["peer"]][-1] == "quartiles"
    assert told == ["quartiles"] and "three numbers that anyone can compare" in found.report.read_text()
    with pytest.raises(ValueError, match=r"unknown protocol 'halves'; there are: quarters"):
        workflow.validate(run, n=300, out=tmp_path / "none", protocol="halves")
    assert not (tmp_path / "none").exists()


def test_a_peer_of_another_detector_is_left_out(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = find_study("toy")
    monkeypatch.setattr("toy_study.STUDY", replace(study, simulators={"decay": study.simulators["decay"], "peer": FourTubes}))
    assert workflow.validate(run, n=100, out=tmp_path / "report").others == {}


def test_a_surrogate_of_something_else_fails(run: Path, tmp_path: Path) -> None:
    workflow.simulate("toy", tmp_path / "bright", 600, seed=9, settings={"light_pe": 90.0})
    found = workflow.validate(run, data=tmp_path / "bright", out=tmp_path / "report")
    assert found.n == 300
    assert [check.name for check in found.failed] == ["mean light"]


def test_the_training_data_are_refused(run: Path, data: Path) -> None:
    with pytest.raises(ValueError, match="was trained on the events of"):
        workflow.validate(run, data=data)


def test_the_training_data_are_known_again_when_the_simulator_got_a_new_setting(run: Path, data: Path, tmp_path: Path) -> None:
    old = shutil.copytree(run, tmp_path / "old")
    metrics = json.loads((old / "metrics.json").read_text())
    metrics["training"]["identity"] = "of a time before"
    light = metrics["training"]["settings"].pop("light_pe")
    (old / "metrics.json").write_text(json.dumps(metrics))
    (old / "run.json").unlink()
    assert workflow.upgrade(old)
    with pytest.raises(ValueError, match="was trained on the events of"):
        workflow.validate(old, data=data)
    metrics["training"]["settings"]["light_pe"] = light + 1
    (old / "metrics.json").write_text(json.dumps(metrics))
    (old / "training_events.npy").unlink()
    (old / "run.json").unlink()
    assert workflow.upgrade(old)
    assert workflow.validate(old, data=data, out=tmp_path / "report").n > 0


def test_validate_against_a_users_file(run: Path, tmp_path: Path) -> None:
    study = find_study("toy")
    workflow.simulate("toy", tmp_path / "d", 200, seed=8)
    table = Store(tmp_path / "d").read()
    del table["light"]
    table["lifetime_us"][0] = 15.0
    write_table(tmp_path / "mine.h5", table, study)
    found = workflow.validate(run, against=tmp_path / "mine.h5", out=tmp_path / "report")
    assert [check.name for check in found.checks] == ["mean decay time"]
    page = found.report.read_text()
    assert "light correlation (the truth has no column &#39;light&#39;)" in page
    assert "1 true events outside the trained domain" in page
    with pytest.raises(ValueError, match="no file or folder"):
        workflow.validate(run, against=tmp_path / "absent.h5")
    with pytest.raises(ValueError, match="not both"):
        workflow.validate(run, against=tmp_path / "mine.h5", data=tmp_path / "d")


# sample, export, convert


def test_sample_into_files_and_a_store(run: Path, tmp_path: Path) -> None:
    study = find_study("toy")
    for name in ("a.h5", "a.csv", "a.parquet"):
        assert workflow.sample(run, tmp_path / name, n=50, seed=4).events == 50
    tables = [read_table(tmp_path / name, study) for name in ("a.h5", "a.csv", "a.parquet")]
    workflow.sample(run, tmp_path / "store", n=50, seed=4)
    tables.append(Store(tmp_path / "store").read())
    for table in tables:
        assert list(table) == ["lifetime_us", "kind", "decay_time_us", "light"]
        for name in table:
            np.testing.assert_allclose(table[name], tables[0][name], rtol=1e-6)
    given = {name: tables[0][name] for name in ("lifetime_us", "kind")}
    np.testing.assert_array_equal(load(run).sample(given, seed=4)["light"], tables[0]["light"])


def test_sample_outside_the_domain(run: Path, tmp_path: Path) -> None:
    given = {"lifetime_us": [2.0, 9.0], "kind": ["muon", "pion"]}
    with pytest.raises(ValueError, match=r"column 'lifetime_us': 9 .*outside the trained"):
        workflow.sample(run, tmp_path / "a.h5", given=given)
    workflow.sample(run, tmp_path / "a.csv", given=given, outside="flag")
    assert "in_domain" in (tmp_path / "a.csv").read_text().splitlines()[0]
    with pytest.raises(ValueError, match="give either n"):
        workflow.sample(run, tmp_path / "a.h5")
    with pytest.raises(ValueError, match=r"cannot tell how to write 'a.xyz'; suffixes: .csv"):
        workflow.sample(run, tmp_path / "a.xyz", n=3)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv"]


def test_convert_between_store_and_formats(data: Path, tmp_path: Path) -> None:
    assert workflow.convert("toy", data, tmp_path / "a.times").events == 1000
    done = workflow.convert("toy", [tmp_path / "a.times", tmp_path / "a.times"], tmp_path / "store")
    assert done.columns == ("lifetime_us", "decay_time_us") and done.absent == ("kind", "light")
    back = Store(tmp_path / "store").read()
    assert events_in(back) == 2000
    np.testing.assert_allclose(np.sort(back["decay_time_us"])[::2], np.sort(Store(data).read()["decay_time_us"]))
    with pytest.raises(ValueError, match="no format 'rooot' to read; 'toy' has: times"):
        workflow.convert("toy", tmp_path / "a.times", tmp_path / "b.h5", format_from="rooot")
    (tmp_path / "broken.h5").write_bytes(b"not hdf5")
    with pytest.raises(ValueError, match="not a readable HDF5 file"):
        workflow.convert("toy", tmp_path / "broken.h5", tmp_path / "c.h5")


def test_convert_a_table_of_another_detector(tmp_path: Path) -> None:
    study, light = find_study("toy"), np.arange(12.0).reshape(3, 4)
    table = {"lifetime_us": np.ones(3), "kind": np.array([0, 1, 1]), "decay_time_us": np.ones(3), "light": light}
    for suffix in (".h5", ".csv"):
        write_table(tmp_path / f"four{suffix}", table, study)
        workflow.convert("toy", tmp_path / f"four{suffix}", tmp_path / f"store{suffix[1:]}")
        back = Store(tmp_path / f"store{suffix[1:]}")
        assert back.schema.x["light"].shape == (4,)
        np.testing.assert_array_equal(np.sort(back.read()["light"], axis=0), light)
    assert workflow.convert("toy", tmp_path / "storeh5", tmp_path / "again").absent == ()
    write_table(tmp_path / "three.h5", {**table, "light": light[:, :3]}, study)
    with pytest.raises(ValueError, match=r"four\.h5' and .*three\.h5' hold columns of different shapes"):
        workflow.convert("toy", [tmp_path / "three.h5", tmp_path / "four.h5"], tmp_path / "both")


def test_export_writes_a_file(run: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    assert workflow.export(run, tmp_path / "sub/toy.onnx").stat().st_size > 1000
    assert workflow.export(run, tmp_path / "toy.pt", "torchscript").stat().st_size > 1000


# demo, list


def test_demo_ends_with_the_report(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = replace(find_study("toy"), folder=tmp_path)
    shutil.copytree(run, study.pretrained / "flow")
    monkeypatch.setattr("toy_study.STUDY", study)
    said: list[str] = []
    done = workflow.demo("toy", tmp_path / "demo", events=200, samples=500, progress=lambda done, total, text: said.append(text))
    assert done.validation.report == tmp_path / "demo/index.html" and done.validation.report.exists()
    assert done.simulated_rate > 0 and done.sampled_rate > 0 and done.validation.n == 100
    assert said[-1] == "comparing them"


def test_list_shows_what_is_there() -> None:
    [toy] = [study for study in workflow.list_studies() if study.name == "toy"]
    assert toy.recipes == ("flow", "matching") and toy.packaged == () and "times" in toy.formats
