"""What decides a run's weights, and what differs from it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cloudchamber.run.files import RunFiles
from cloudchamber.run.provenance import begin, differences, origins, read_provenance, run_identity, simulated, simulators_of
from cloudchamber.study import find_study

ORIGIN: dict[str, Any] = {"study": "toy", "seed": 1, "simulator": "decay", "settings": {"light_pe": 40.0}, "identity": "abc"}


def write(folder: Path, training: object) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "metrics.json").write_text(json.dumps({"training": training}))
    return folder


def test_differences_name_five_and_count_the_rest() -> None:
    assert differences({"a": 1, "b": 2}, {"a": 1, "b": 3, "c": 4}) == ["b was 2, is now 3", "c was absent, is now 4"]
    assert differences({str(i): i for i in range(8)}, {})[5:] == ["3 more"]


def test_words_of_documentation_decide_nothing() -> None:
    recipe = find_study("toy").recipe().to_json()
    assert run_identity(recipe, ORIGIN) == run_identity({**recipe, "doc": "other words"}, ORIGIN)
    changed = differences(run_identity(recipe, ORIGIN), run_identity({**recipe, "fit": {**recipe["fit"], "epochs": 3}}, ORIGIN | {"seed": 2}))
    assert changed == ["seed was 1, is now 2", "recipe.fit.epochs was 20, is now 3"]


def test_origins_are_followed_through_starts_and_members(tmp_path: Path) -> None:
    first = ORIGIN | {"seed": 7}
    fine = ORIGIN | {"seed": 8, "start": {"training": first}}
    whole = write(tmp_path / "whole", {"members": {"00": {"training": fine}, "01": {"training": ORIGIN}}})
    assert [origin["seed"] for origin in origins(whole)] == [8, 7, 1]
    assert simulated(whole) == fine
    other = write(tmp_path / "other", {"members": {"00": {"training": first}, "01": {"training": ORIGIN | {"settings": {"light_pe": 80.0}}}}})
    with pytest.raises(ValueError, match="learned from different simulators or settings"):
        simulated(other)


def test_simulators_are_those_of_all_members(tmp_path: Path) -> None:
    members = {str(number): {"sealed": "", "training": ORIGIN | {"simulator": name}} for number, name in enumerate(("hits", "windows", "hits"))}
    assert simulators_of(write(tmp_path / "one", ORIGIN)) == {"decay"}
    assert simulators_of(write(tmp_path / "many", {"study": "toy", "members": members})) == {"hits", "windows"}
    assert simulators_of(write(tmp_path / "converted", {"study": "toy"})) == set()


def test_a_folder_that_does_not_tell_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"metrics\.json' does not say what the run was trained on \(FileNotFoundError\)"):
        read_provenance(tmp_path)


def test_a_training_begins_once_for_one_identity(tmp_path: Path) -> None:
    files, recipe = RunFiles(tmp_path), find_study("toy").recipe()
    begin(files, recipe, ORIGIN)
    assert read_provenance(tmp_path) == ORIGIN
    begin(files, recipe, ORIGIN)
    with pytest.raises(ValueError, match=r"holds another run \(identity was abc, is now abd\): give the same, or another folder"):
        begin(files, recipe, ORIGIN | {"identity": "abd"})
