"""Every door that `--help` and `cloudchamber list` name can be opened: what the registries hold, through the command line, on tiny data."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import numpy as np
import pytest

from cloudchamber.cli import COMMANDS, main
from cloudchamber.formats.tables import general_formats, write_table
from cloudchamber.hub import packaged_recipes
from cloudchamber.schema import events_in, take
from cloudchamber.store.read import Store
from cloudchamber.study import Format, find_study, study_names

STUDIES = study_names()
EVENTS, TEST_EVENTS, FEW_EVENTS = 40, 44, 6
TINY = ("--fit.epochs", "1", "--fit.batch-size", "12", "--fit.warmup-epochs", "0")


def doors(**of: Callable[[str], Any]) -> Any:
    """(study, name) for every name that ``of`` finds in a study."""
    [(kind, found)] = of.items()
    pairs = [(study, name) for study in STUDIES for name in found(study)]
    return pytest.mark.parametrize(("study", kind), pairs, ids=["/".join(pair) for pair in pairs])


def simulators(study: str) -> tuple[str, ...]:
    return tuple(find_study(study).simulators)


def recipes(study: str) -> tuple[str, ...]:
    return tuple(find_study(study).recipes)


@cache
def formats(study: str) -> dict[str, Format]:
    found = find_study(study)
    # the study's own come first, as they do where a file is read
    return {f.name: f for f in (*general_formats(found.simulator.schema), *found.formats)}


def view_of(study: str, recipe: str) -> str:
    """The first simulator that has the recipe's columns."""
    made = find_study(study).recipe(recipe)
    return next(name for name in simulators(study) if {*made.given, *made.target} <= set(find_study(study).make_simulator(name).schema.columns))


def infers(study: str, recipe: str) -> bool:
    return set(find_study(study).recipe(recipe).target) <= set(find_study(study).make_simulator(view_of(study, recipe)).schema.theta)


def choices(command: str) -> Iterator[tuple[str, ...]]:
    """The words of every choice that an option of a command offers."""
    for name, kind in get_type_hints(COMMANDS[command]).items():
        flag = "--" + name.replace("_", "-")
        if get_origin(kind) is Literal:
            yield from ((flag, choice) for choice in get_args(kind))
        elif kind is bool:
            yield from ((flag,), (f"--no-{flag[2:]}",))


def opened(*words: object) -> None:
    """The command ends well, and leaves no error."""
    main([str(word) for word in words])


def refused(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    with pytest.raises(SystemExit) as ended:
        opened(*words)
    assert ended.value.code == 2
    return capsys.readouterr().err.strip().splitlines()[-1]


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("doors")


def simulated(place: Path, study: str, simulator: str, n: int = FEW_EVENTS, seed: int = 1) -> Path:
    out = place / f"{study}-{simulator}-{n}-{seed}"
    if not out.exists():
        quick = find_study(study).quick if simulator == simulators(study)[0] else {}
        settings = [word for name, value in quick.items() for word in (f"--settings.{name}", value)]
        opened("simulate", study, out, "--n", n, "--seed", seed, "--simulator", simulator, "--workers", 1, *settings)
    return out


def data(place: Path, study: str, recipe: str = "") -> Path:
    """Events that the recipe, the default one without a name, learns from."""
    return simulated(place, study, view_of(study, recipe or find_study(study).default_recipe), EVENTS)


def trained(place: Path, study: str, recipe: str) -> Path:
    out = place / f"run-{study}-{recipe}"
    if not out.exists():
        opened("train", study, data(place, study, recipe), out, "--recipe", recipe, *TINY)
    return out


@doors(simulator=simulators)
def test_simulate(study: str, simulator: str, place: Path) -> None:
    assert Store(simulated(place, study, simulator)).n_events >= FEW_EVENTS


@doors(recipe=recipes)
def test_train_and_what_follows(study: str, recipe: str, place: Path, tmp_path: Path) -> None:
    """Each recipe trains, is exported, and answers: events as a file, or answers about a file."""
    run = trained(place, study, recipe)
    assert (run / "run.json").is_file()
    theta = list(find_study(study).simulator.schema.theta)
    if infers(study, recipe):
        opened("infer", run, simulated(place, study, view_of(study, recipe), 2), "--out", tmp_path / "found", "--draws", 2, "--outside", "flag")
        assert json.loads((tmp_path / "found/findings.json").read_text())["answered"] == 2
    elif set(find_study(study).recipe(recipe).given) <= set(theta):
        opened("sample", run, tmp_path / "drawn", "--given", data(place, study))
        assert Store(tmp_path / "drawn").n_events == EVENTS


@doors(recipe=recipes)
def test_export(study: str, recipe: str, place: Path, tmp_path: Path) -> None:
    for kind in get_args(get_type_hints(COMMANDS["export"])["out_format"]):
        opened("export", trained(place, study, recipe), tmp_path / f"model.{kind}", "--out-format", kind)
        assert (tmp_path / f"model.{kind}").stat().st_size > 1000


@doors(recipe=lambda study: [name for name in recipes(study) if find_study(study).recipe(name).search])
def test_tune(study: str, recipe: str, place: Path, tmp_path: Path) -> None:
    """The study's own search space: one trial of one epoch, and its settings train."""
    opened("tune", study, data(place, study, recipe), tmp_path / "t", "--recipe", recipe, "--trials", 1, "--fit.epochs", 1)
    opened("train", study, data(place, study, recipe), tmp_path / "r", "--recipe", recipe, "--overrides", tmp_path / "t/best.json", *TINY)


@pytest.mark.parametrize("study", STUDIES)
def test_runs_into_runs(study: str, place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Fine-tuning, an ensemble, an upgrade, a teacher."""
    recipe = find_study(study).default_recipe
    run = trained(place, study, recipe)
    opened("train", study, data(place, study), tmp_path / "finer", "--start", run, "--fit.epochs", 1, "--seed", 2)
    opened("ensemble", run, tmp_path / "finer", "--out", tmp_path / "both")
    opened("upgrade", run, tmp_path / "both")
    assert capsys.readouterr().out.count("up to date") == 2
    assert "takes no teacher" in refused(capsys, "train", study, data(place, study), tmp_path / "taught", "--recipe", recipe, "--teacher", run, *TINY)


@pytest.mark.parametrize("study", STUDIES)
def test_validate(study: str, place: Path, tmp_path: Path) -> None:
    test = simulated(place, study, simulators(study)[0], TEST_EVENTS, 2)
    opened("validate", trained(place, study, find_study(study).default_recipe), "--data", test, "--n", TEST_EVENTS // 2, "--out", tmp_path)
    assert json.loads((tmp_path / "metrics.json").read_text())["n"] >= 20 and (tmp_path / "index.html").is_file()


@pytest.mark.slow
@doors(protocol=lambda study: find_study(study).protocols)
def test_protocols(study: str, protocol: str, place: Path, tmp_path: Path) -> None:
    test = simulated(place, study, simulators(study)[0], 200, 2)
    opened("validate", trained(place, study, find_study(study).default_recipe), "--data", test, "--n", 100, "--out", tmp_path, "--protocol", protocol)
    assert (tmp_path / "index.html").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("study", [study for study in STUDIES if packaged_recipes(find_study(study))])
def test_demo(study: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    opened("demo", study, "--n", 40, "--samples", 100)
    assert capsys.readouterr().out.splitlines()[-1] == f"report: reports/{study}/index.html" and Path(f"reports/{study}/index.html").is_file()


@doors(format=formats)
def test_convert(study: str, format: str, place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is written is read again; a format that is only read tells that a file is none of its own."""
    found = formats(study)[format]
    suffix = found.suffixes[0] if found.suffixes else ""
    wrong = tmp_path / f"wrong{suffix}"
    wrong.write_bytes(b"this is \x00\xff no such file\n" * 9)
    if found.read is not None:
        told = refused(capsys, "convert", study, wrong, "--format", format, "--out", tmp_path / "nothing")
        assert told.startswith("error: ") and "fault of cloudchamber" not in told, told
    if found.write is None:
        return
    source, path = alike(place, study, tmp_path), tmp_path / f"written{suffix}"
    if not holds(study, format):
        assert "does not fit into" in refused(capsys, "convert", study, source, "--out", path, "--out-format", format)
        return
    opened("convert", study, source, "--out", path, "--out-format", format)
    if found.read is not None:
        opened("convert", study, path, "--format", format, "--out", tmp_path / "back")
        assert Store(tmp_path / "back").n_events == Store(source).n_events if source.is_dir() else Store(tmp_path / "back").n_events > 0


def holds(study: str, format: str) -> bool:
    """Whether a general format has room for the study's sets: text for none, parquet for sets of numbers."""
    sets = [column for column in find_study(study).simulator.schema.columns.values() if column.ragged]
    own = any(f.name == format for f in find_study(study).formats)
    return own or not sets or format not in ("csv", "ecsv", "table-parquet") or (format == "table-parquet" and not any(column.shape for column in sets))


def alike(place: Path, study: str, folder: Path) -> Path:
    """Events of one primary, as the field's files often hold, in a file that every study reads."""
    store = Store(simulated(place, study, simulators(study)[0]))
    classes = [store.read()[name] for name, column in store.schema.theta.items() if column.categories and not column.shape]
    if not classes:
        return store.folder
    table = take(store.read(), np.logical_and.reduce([values == values[0] for values in classes]))
    assert events_in(table)
    write_table(folder / "alike.h5", table, find_study(study), "hdf5")
    return folder / "alike.h5"


WORDS: dict[str, Callable[[Path, Path], tuple[object, ...]]] = {
    "list": lambda place, out: (),
    "simulate": lambda place, out: ("toy", out / "new", "--n", 3, "--workers", 1),
    "train": lambda place, out: ("toy", data(place, "toy"), out / "new", *TINY),
    "tune": lambda place, out: ("toy", data(place, "toy"), out / "new", "--trials", 2, "--fit.epochs", 1, "--space", space(out)),
    "ensemble": lambda place, out: (trained(place, "toy", "flow"), "--out", out / "new"),
    "validate": lambda place, out: (trained(place, "toy", "flow"), "--n", 30, "--out", out / "new"),
    "sample": lambda place, out: (trained(place, "toy", "flow"), out / "new.h5", "--n", 3),
    "infer": lambda place, out: (trained(place, "toy_sets", "classes"), data(place, "toy_sets"), "--out", out / "new"),
    "stream": lambda place, out: ("toy", out / "new.h5", "--duration", "1min", "--start", "2030-01-01"),
    "convert": lambda place, out: ("toy", data(place, "toy"), "--out", out / "new.csv"),
    "export": lambda place, out: (trained(place, "toy", "flow"), out / "new.model"),
    "demo": lambda place, out: ("calorimeter", "--n", 20, "--samples", 20, "--out", out / "new"),
    "upgrade": lambda place, out: (trained(place, "toy", "flow"),),
}


def space(out: Path) -> Path:
    (out / "space.json").write_text('{"model.hidden": {"choices": [8, 12]}}')
    return out / "space.json"


def test_no_command_is_left_out() -> None:
    assert set(WORDS) == set(COMMANDS)


CHOICES = [(command, words) for command in COMMANDS for words in choices(command)]


@pytest.mark.parametrize(("command", "words"), CHOICES, ids=[" ".join((command, *words)) for command, words in CHOICES])
def test_choices(command: str, words: tuple[str, ...], place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = WORDS[command](place, tmp_path)
    opened(command, *told, *words)
    assert capsys.readouterr().out
