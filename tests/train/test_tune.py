"""The search itself, with an objective that is a formula."""

from __future__ import annotations

import math
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Literal

import pytest

from cloudchamber.parallel.executors import run
from cloudchamber.train.space import Choices, Range
from cloudchamber.train.tune import Report, listed, open_search, round_of, run_trials

SPACE = {"x": Range(-1.0, 1.0), "n": Range(1, 64, log=True), "act": Choices(("relu", "silu")), "widths": Choices(([4], [4, 4]))}
SCRIPT = """
import sys, time
from pathlib import Path
sys.path.insert(0, {tests!r})
import test_tune
folder = Path({folder!r})

def slow(place, settings, report):
    (place / "started").touch()
    if place.name == "trial-0002":
        time.sleep(600)
    return test_tune.bowl(place, settings, report)

search = test_tune.opened(folder)
test_tune.run_trials(search, test_tune.SPACE, slow, folder, 6, "random", 1, True)
"""


def bowl(folder: Path, settings: Mapping[str, Any], report: Report) -> float:
    return float(settings["x"] ** 2 + math.log(settings["n"]) ** 2)


def opened(folder: Path, setup: Mapping[str, Any] | None = None, prune_epochs: int | None = None, storage: str | None = None) -> Any:
    folder.mkdir(exist_ok=True)
    return open_search(storage or str(folder / "journal.log"), "bowl", setup or {"a": 1}, prune_epochs)


def test_random_settings_depend_on_seed_and_number_alone(tmp_path: Path) -> None:
    found = []
    for name, pieces in (("a", [6]), ("b", [2, 4, 6]), ("other", [6])):
        for trials in pieces:
            search = opened(tmp_path / name)
            run_trials(search, SPACE, bowl, tmp_path / name, trials, "random", 2 if name == "other" else 1, True)
        found.append([trial.settings for trial in listed(search)])
    assert found[0] == found[1] != found[2] and len(found[0]) == 6
    assert len({settings["x"] for settings in found[0]}) == 6
    for settings in found[0]:
        assert -1 <= settings["x"] <= 1 and isinstance(settings["n"], int) and settings["act"] in ("relu", "silu") and settings["widths"] in ([4], [4, 4])


@pytest.mark.parametrize("storage", [None, "sqlite"])
def test_tpe_closes_in_and_processes_share_the_trials(tmp_path: Path, storage: str | None) -> None:
    place = f"sqlite:///{tmp_path}/trials.sqlite" if storage else None
    opened(tmp_path, storage=place)
    with ThreadPoolExecutor(2) as pool:
        jobs = [pool.submit(run_trials, opened(tmp_path, storage=place), SPACE, bowl, tmp_path, 30, "tpe", 1, True) for _ in range(2)]
        for job in jobs:
            job.result()
    done = listed(opened(tmp_path, storage=place))
    complete = [trial for trial in done if trial.state == "complete"]
    assert len(complete) == 30 and len({trial.number for trial in complete}) == 30
    assert min(trial.loss for trial in complete) < 0.5


def test_a_killed_process_leaves_its_trial_to_others(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    process = subprocess.Popen([sys.executable, "-c", SCRIPT.format(tests=str(Path(__file__).parent), folder=str(folder))])
    end = time.monotonic() + 60
    while not (folder / "trial-0002/started").exists():
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.01)
    running = listed(opened(folder))[2]
    assert running.state == "running"
    # the trial is held, so another process leaves it alone
    run_trials(opened(folder), SPACE, bowl, folder, 4, "random", 1, True)
    assert [trial.state for trial in listed(opened(folder))] == ["complete", "complete", "running", "complete"]
    process.send_signal(signal.SIGKILL)
    process.wait()
    run_trials(opened(folder), SPACE, bowl, folder, 6, "random", 1, True)
    done = listed(opened(folder))
    assert [trial.state for trial in done] == ["complete"] * 6 and done[2].settings == running.settings
    run_trials(opened(tmp_path / "whole"), SPACE, bowl, tmp_path / "whole", 6, "random", 1, True)
    assert [trial.settings for trial in listed(opened(tmp_path / "whole"))] == [trial.settings for trial in done]


def test_trials_of_another_folder_are_left_alone(tmp_path: Path) -> None:
    search = opened(tmp_path / "here")
    search.ask()
    run_trials(search, SPACE, bowl, tmp_path / "there", 2, "random", 1, False)
    assert [trial.state for trial in listed(search)] == ["running", "complete"]
    run_trials(search, SPACE, bowl, tmp_path / "here", 2, "random", 1, True)
    assert [trial.state for trial in listed(search)] == ["complete", "complete"]


def test_bad_trials_stop_early(tmp_path: Path) -> None:
    def falling(folder: Path, settings: Mapping[str, Any], report: Report) -> float:
        number = int(folder.name[-1])
        for epoch in range(1, 5):
            report(epoch, 10.0 * (number == 6) + number + 1.0 / epoch)
        return number + 0.25

    search = opened(tmp_path, prune_epochs=2)
    run_trials(search, {"x": Range(0.0, 1.0)}, falling, tmp_path, 7, "random", 1, True)
    last = listed(search)[-1]
    assert last.state == "pruned" and last.loss == pytest.approx(16.5)
    assert [trial.state for trial in listed(search)][:5] == ["complete"] * 5


def test_failures_are_kept_apart(tmp_path: Path) -> None:
    def brittle(folder: Path, settings: Mapping[str, Any], report: Report) -> float:
        if folder.name == "trial-0001":
            raise FloatingPointError("the loss is nan")
        return 1.0

    heard = []
    search = opened(tmp_path)
    run_trials(search, SPACE, brittle, tmp_path, 3, "random", 1, True, lambda ended, trial: heard.append((ended, trial.state)))
    assert heard == [(1, "complete"), (2, "failed"), (3, "complete")]
    assert listed(search)[1].error == "the loss is nan" and math.isnan(listed(search)[1].loss)


def test_another_search_is_refused(tmp_path: Path) -> None:
    opened(tmp_path, {"epochs": 3, "data": "a"})
    with pytest.raises(ValueError, match=r"holds another search of 'bowl' \(epochs was 3, is now 4\)"):
        opened(tmp_path, {"epochs": 4, "data": "a"})


def test_rounds() -> None:
    assert [round_of(number, "random", True).start for number in (0, 4, 5, 9, 10, 19, 20, 39, 40)] == [0, 0, 5, 5, 10, 10, 20, 20, 40]
    assert round_of(39, "random", True).stop == 40 and round_of(7, "random", False).start == 0 and round_of(13, "tpe", False) == range(10, 15)


def rising(folder: Path, settings: Mapping[str, Any], report: Report) -> float:
    # those of odd numbers take longer, so that trials end in another order
    time.sleep(0.02 * (int(folder.name[-1]) % 2))
    for epoch in range(1, 4):
        report(epoch, settings["x"] ** 2 + 0.1 / epoch)
    return float(settings["x"] ** 2)


@pytest.mark.parametrize("sampler", ["random", "tpe"])
def test_trials_do_not_depend_on_who_is_first(tmp_path: Path, sampler: Literal["random", "tpe"]) -> None:
    found = []
    for workers in (1, 2, 7):
        search = opened(tmp_path / str(workers), prune_epochs=1)
        with ThreadPoolExecutor(workers) as pool:
            run_trials(search, SPACE, rising, tmp_path / str(workers), 22, sampler, 1, True, do=partial(run, executor=pool))
        found.append([(trial.state, trial.loss, trial.settings) for trial in listed(search)])
    assert found[0] == found[1] == found[2] and {trial[0] for trial in found[0]} == {"complete", "pruned"}
