"""Settings of recipes and simulators as flags: those of the one that is named, with its own defaults, and none where there is nothing to set."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import tyro

from cloudchamber.cli import COMMANDS, main
from cloudchamber.cli.commands import Sample, Simulate
from cloudchamber.cli.flags import with_settings
from cloudchamber.cli.learning import RECIPE_PARTS, Train
from cloudchamber.study import find_study, study_names


def parsed(command: type[Any], *words: str) -> Any:
    """What the words after the command's name become."""
    return tyro.cli(with_settings(command, ["", *words]), args=list(words))


def test_settings_of_recipe_and_simulator_are_flags(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["train", "toy", "--recipe", "matching", "--help"])
    shown = capsys.readouterr().out
    assert "--fit.epochs" in shown and "--model.steps" in shown and "--model.bins" not in shown
    with pytest.raises(SystemExit):
        main(["train", "toy", "--help"])
    assert "--model.bins" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["simulate", "toy", "--help"])
    assert "--settings.light-pe" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["train", "toy_sets", "--help"])
    assert "--model.body.width" in capsys.readouterr().out


@pytest.mark.parametrize("study", study_names())
def test_without_flags_every_recipe_and_simulator_is_its_own(study: str) -> None:
    """Parsing and building anew changes no default."""
    for name in find_study(study).recipes:
        recipe, found = find_study(study).recipe(name), parsed(Train, study, "data", "out", "--recipe", name)
        for part in RECIPE_PARTS:
            if hasattr(found, part):
                assert dataclasses.asdict(getattr(found, part)) == dataclasses.asdict(getattr(recipe, part)), f"{name}: {part}"
    for name in find_study(study).simulators:
        simulator = find_study(study).make_simulator(name)
        found = parsed(Simulate, study, "out", "--simulator", name)
        assert not hasattr(found, "settings") or dataclasses.asdict(found.settings) == dataclasses.asdict(simulator)


def test_a_flag_changes_its_setting_alone() -> None:
    recipe = find_study("airshower").recipe("flow")
    found = parsed(Train, "airshower", "data", "out", "--recipe", "flow", "--model.bins", "9", "--fit.epochs=3")
    assert found.model == dataclasses.replace(recipe.model, bins=9) and dataclasses.asdict(found.fit) == dataclasses.asdict(recipe.fit) | {"epochs": 3}
    assert parsed(Train, "airshower", "data", "out", "--recipe", "flow").model == recipe.model, "the next command line begins anew"


def test_settings_behind_a_protocol_are_open_too() -> None:
    """``body`` is annotated as any body: the flags are those of the one that the recipe has."""
    found = parsed(Train, "surface_array", "data", "out", "--recipe", "waveform_net", "--model.body.width", "32")
    assert found.model.body.width == 32 and isinstance(found.model, type(find_study("surface_array").recipe("waveform_net").model))


@pytest.mark.parametrize("words", [["--recipe", "matching"], ["--recipe=matching"]])
def test_the_recipe_is_read_from_either_way_of_writing(words: list[str]) -> None:
    assert hasattr(parsed(Train, "toy", "data", "out", *words).model, "steps")


def test_commands_without_settings_stay_as_they_are() -> None:
    assert with_settings(Sample, ["sample", "toy", "out"]) is Sample
    assert with_settings(Train, ["train"]) is Train and with_settings(Train, ["train", "no_study"]) is Train
    assert with_settings(Simulate, ["simulate", "toy", "out"]) is not Simulate
    assert {Train, Simulate} < set(COMMANDS.values())
    extended = with_settings(Train, ["train", "toy"])
    assert extended.__doc__ == Train.__doc__ and extended.__name__ == "Train"


def test_a_flag_of_another_recipe_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["train", "toy", "data", "out", "--recipe", "matching", "--model.bins", "5"])
    assert ended.value.code == 2 and "--model.bins" in capsys.readouterr().err
