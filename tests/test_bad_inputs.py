"""Bad inputs at every door: each ends in one line that says what is wrong, with exit code 2, before anything is made."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

import cloudchamber as cc
from bad_inputs import arrays, damage, flags, folders, likely, maps, physics, streams, tables
from bad_inputs.case import Case, World
from cloudchamber import workflow
from cloudchamber.cli import main

CASES = [*tables.cases(), *damage.cases(), *flags.cases(), *folders.cases(), *likely.cases(), *maps.cases(), *physics.cases(), *streams.cases()]
CALLS = arrays.cases()
FEW = {"fit": {"epochs": 2}}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    base = tmp_path_factory.mktemp("good")
    workflow.simulate("toy", base / "decays", n=1000, seed=3, block_events=250)
    workflow.simulate("toy_sets", base / "hits", n=400, seed=3, block_events=100)
    workflow.train("toy", base / "decays", base / "run", seed=5, overrides=FEW)
    workflow.train("toy_sets", base / "hits", base / "classes", seed=5, overrides=FEW)
    random = np.random.default_rng(1)
    a = random.normal(size=400)
    cc.fit({"a": a}, {"x": a[:, None] + random.normal(size=(400, 2))}, overrides=FEW).save(base / "own")
    (base / "space.json").write_text(json.dumps({"model.hidden": {"choices": [8, 16]}}))
    return World(base / "decays", base / "hits", base / "run", base / "classes", base / "own", base / "space.json")


def there(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))


def test_there_are_many() -> None:
    assert len(CASES) + len(CALLS) >= 300
    names = [case.name for case in CASES]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_bad_input_is_refused_in_one_line(
    case: Case, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = case.command(world, tmp_path)
    before = there(tmp_path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(words)
    shown = capsys.readouterr()
    told = [line for line in shown.err.splitlines() if line.startswith("error: ")]
    assert ended.value.code == 2 and shown.out == ""
    # what began is announced, line by line, where stderr is no terminal
    rest = [line for line in shown.err.splitlines() if line not in told and not re.fullmatch(r"[a-z][\w ,]* \.\.\.", line)]
    assert len(told) == 1 and (case.leaves or not rest)
    assert re.search(case.told, told[0]), told[0]
    assert "Traceback" not in told[0] and "fault of cloudchamber" not in told[0]
    assert case.leaves or there(tmp_path) == before


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.name)
def test_a_bad_array_is_refused(call: arrays.Call, world: World, tmp_path: Path) -> None:
    with pytest.raises((ValueError, TypeError, OSError)) as error:
        call.do(world, tmp_path)
    assert re.search(call.told, str(error.value)), str(error.value)
    assert "\n" not in str(error.value).strip()
