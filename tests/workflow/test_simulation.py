"""``simulate``: blocks in any process, missing ones only, and what it refuses."""

from __future__ import annotations

import multiprocessing
import shutil
import signal
import threading
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from running import command, same_events, wait_for

from cloudchamber import workflow
from cloudchamber.store.read import Store
from cloudchamber.study import find_study


def test_events_do_not_depend_on_the_executor(decays: Path, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as executor:
        done = workflow.simulate(
            find_study("toy"), tmp_path / "pool", 1000, seed=3, block_events=250, executor=executor, progress=lambda now, all, text: told.append((now, all))
        )
    assert same_events(decays, tmp_path / "pool")
    assert told == [(0, 1000), (250, 1000), (500, 1000), (750, 1000), (1000, 1000)]
    assert done.new_events == 1000 and done.rate > 0


def test_only_missing_blocks_are_made(decays: Path, tmp_path: Path) -> None:
    shutil.copytree(decays, tmp_path / "copy")
    lost = sorted((tmp_path / "copy").glob("shard-*.h5"))[2]
    lost.unlink()
    done = workflow.simulate("toy", tmp_path / "copy", 1000, seed=3, block_events=250)
    assert (done.new_events, done.events) == (250, 1000)
    assert same_events(decays, tmp_path / "copy")


def test_a_store_grows_by_whole_blocks_only(tmp_path: Path) -> None:
    workflow.simulate("toy", tmp_path / "d", 30, block_events=20)
    with pytest.raises(ValueError, match=r"block 1 of .* holds 10 events"):
        workflow.simulate("toy", tmp_path / "d", 60, block_events=20)
    workflow.simulate("toy", tmp_path / "e", 40, block_events=20)
    assert workflow.simulate("toy", tmp_path / "e", 60, block_events=20).new_events == 20


def test_a_store_of_another_seed_or_setting_is_refused(decays: Path) -> None:
    with pytest.raises(ValueError, match="seed: 3 there, 4 now"):
        workflow.simulate("toy", decays, 1000, seed=4, block_events=250)
    with pytest.raises(ValueError, match="light_pe"):
        workflow.simulate("toy", decays, 1000, seed=3, settings={"light_pe": 10.0}, block_events=250)


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
