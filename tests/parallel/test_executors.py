"""The same blocks wherever they are made: in this process, in others, on a Dask scheduler with real workers, of which one is killed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
from jobs import Deadly, dies_once, own_process, slow_square

from cloudchamber import workflow
from cloudchamber.cli import main
from cloudchamber.parallel.executors import WorkerLostError, run
from cloudchamber.store.read import Store
from dask_cluster import Cluster, environment


def contents(store: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in store.iterdir() if path.suffix == ".h5"}


def test_jobs_come_back_wherever_they_are_done() -> None:
    wanted = [(number, number * number) for number in range(12)]
    assert list(run(slow_square, range(12))) == wanted
    assert list(run(slow_square, range(12), workers=2, ordered=True, most=3)) == wanted
    assert sorted(run(slow_square, range(12), workers=2, most=3)) == wanted
    assert list(run(slow_square, [], workers=2)) == []


def test_long_lists_wait_where_they_are_made() -> None:
    asked: list[int] = []

    def jobs() -> Iterator[int]:
        for number in range(100):
            asked.append(number)
            yield number

    results = run(slow_square, jobs(), workers=2, most=4, ordered=True)
    next(results)
    assert len(asked) <= 6
    results.close()


def test_a_job_whose_worker_dies_is_done_again(tmp_path: Path) -> None:
    jobs = [(tmp_path, number) for number in range(6)]
    assert list(run(dies_once, jobs, workers=2, ordered=True)) == [(job, job[1]) for job in jobs]
    with pytest.raises(WorkerLostError, match=r"^block 3, seed 7: 4 workers died of it, one after the other"):
        list(run(Deadly.done, map(Deadly, range(6)), workers=2))


def test_jobs_that_ask_for_it_have_a_process_of_their_own() -> None:
    for executor in ("processes", ProcessPoolExecutor(1, get_context("spawn"))):
        assert len({process for _, process in run(own_process, range(3), executor, fresh=True)} | {os.getpid()}) == 4


def test_unknown_places_are_refused() -> None:
    with pytest.raises(ValueError, match=r"no executor 'moon'; there are: processes, dask, dask://HOST:PORT, and YAML files"):
        list(run(slow_square, range(3), "moon"))
    with pytest.raises(ConnectionError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:1 within 10 s"):
        list(run(slow_square, range(3), "dask://127.0.0.1:1"))


def test_a_cluster_makes_the_same_store_though_a_worker_is_killed(cluster: Cluster, tmp_path: Path) -> None:
    words = ["simulate", "toy", "--n", "6000", "--block-events", "20", "--seed", "4"]
    main([*words[:2], str(tmp_path / "serial"), *words[2:], "--workers", "1"])

    def kill() -> None:
        while len(list((tmp_path / "dask").glob("*.h5"))) < 40:
            time.sleep(0.01)
        cluster.workers[0].send_signal(signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    main([*words[:2], str(tmp_path / "dask"), *words[2:], "--executor", f"dask://{cluster.address}"])
    killer.join()
    assert cluster.workers[0].wait() == -signal.SIGKILL
    assert contents(tmp_path / "dask") == contents(tmp_path / "serial") and Store(tmp_path / "dask").n_events == 6000
    assert not [path for path in (tmp_path / "dask").iterdir() if path.name.startswith(".shared")]


def test_workers_that_do_not_see_the_folder_send_their_blocks(cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # the client's mark is not there, as on a machine with a disk of its own
    monkeypatch.setattr("cloudchamber.parallel.blocks.Destination.__enter__", lambda self: self)
    workflow.simulate("toy", tmp_path / "sent", 900, block_events=100, executor=f"dask://{cluster.address}")
    workflow.simulate("toy", tmp_path / "serial", 900, block_events=100)
    assert contents(tmp_path / "sent") == contents(tmp_path / "serial")


def test_a_block_that_kills_each_worker_ends_with_its_name(cluster: Cluster, tmp_path: Path) -> None:
    for _ in range(3):
        cluster.add()
    with pytest.raises(WorkerLostError, match=r"^block 3, seed 7: 4 workers died of it"):
        list(run(Deadly.done, map(Deadly, range(6)), f"dask://{cluster.address}"))
    with pytest.raises(WorkerLostError, match=r"^block 3, seed 7: 4 workers died of it"):
        list(run(Deadly.done, map(Deadly, range(6)), f"dask://{cluster.address}", fresh=True))


def test_a_scheduler_that_goes_away_is_told(cluster: Cluster, tmp_path: Path) -> None:
    # a process of its own, as the client's threads have much to say about it
    words = [sys.executable, "-m", "cloudchamber", "simulate", "toy", str(tmp_path / "lost"), "--n", "60000", "--block-events", "20"]
    process = subprocess.Popen([*words, "--executor", f"dask://{cluster.address}"], env=environment(), stderr=subprocess.PIPE, text=True)
    while len(list((tmp_path / "lost").glob("*.h5"))) < 40:
        time.sleep(0.01)
    cluster.scheduler.kill()
    _, said = process.communicate(timeout=120)
    assert process.returncode == 2, said
    assert re.search(r"went away; finished blocks are kept|was cancelled on the cluster", " ".join(said.split()))
    # what was made is there, and the same command makes the rest
    assert len(list((tmp_path / "lost").glob("*.h5"))) >= 40


def test_models_sample_and_infer_on_a_cluster(cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cloudchamber.workflow.sampling.BLOCK_EVENTS", 100)
    monkeypatch.setattr("cloudchamber.workflow.inference.CHUNK_EVENTS", 64)
    workflow.simulate("toy_sets", tmp_path / "hits", 300, seed=3)
    run_folder = workflow.train("toy_sets", tmp_path / "hits", tmp_path / "run", seed=5, overrides={"fit": {"epochs": 1}}).folder
    for where, executor in (("here", "processes"), ("there", f"dask://{cluster.address}")):
        main(["infer", str(run_folder), str(tmp_path / "hits"), "--out", str(tmp_path / where), "--outside", "flag", "--executor", executor])
    one, other = ((tmp_path / where / "answers.csv").read_bytes() for where in ("here", "there"))
    assert one == other
    workflow.simulate("toy", tmp_path / "toy", 300, seed=3)
    flow = workflow.train("toy", tmp_path / "toy", tmp_path / "flow", seed=5, overrides={"fit": {"epochs": 1}}).folder
    for where, executor in (("a.h5", None), ("b.h5", f"dask://{cluster.address}")):
        workflow.sample(flow, tmp_path / where, 350, executor=executor)
    main(["convert", "toy", str(tmp_path / "a.h5"), "--out", str(tmp_path / "a")])
    main(["convert", "toy", str(tmp_path / "b.h5"), "--out", str(tmp_path / "b")])
    np.testing.assert_array_equal(Store(tmp_path / "a").read()["light"], Store(tmp_path / "b").read()["light"])


def test_a_local_cluster_is_started_and_ended(tmp_path: Path) -> None:
    pytest.importorskip("distributed")

    def words(out: str) -> list[str]:
        return ["simulate", "toy", str(tmp_path / out), "--n", "500", "--block-events", "100", "--workers", "2"]

    script = "from cloudchamber.cli import main; import sys\nif __name__ == '__main__': main(sys.argv[1:])"
    (tmp_path / "main.py").write_text(script)
    done = subprocess.run([sys.executable, str(tmp_path / "main.py"), *words("dask"), "--executor", "dask"], env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    main(words("processes"))
    assert contents(tmp_path / "dask") == contents(tmp_path / "processes")


def test_an_executor_of_ones_own_is_given_a_job_once() -> None:
    with ProcessPoolExecutor(1, get_context("spawn")) as own, pytest.raises(WorkerLostError, match=r"^block 3, seed 7: its worker died \(out of memory\?\)"):
        list(run(Deadly.done, [Deadly(3)], own))
