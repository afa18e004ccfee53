"""Studies, simulators, recipes and formats are found by name, and a wrong name gets a hint."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import entry_points
from pathlib import Path

import numpy as np
import pytest

from cloudchamber.schema import Column, Schema, Table
from cloudchamber.study import ENTRY_POINTS, Format, NotSimulableError, Study, find_study, register, simulable, study_names

PLUGIN = """
from pathlib import Path
from cloudchamber.study import Study

STUDY = Study("muons", "Muons", {}, {}, "none", tuple, lambda truth, answers: {}, Path())
not_a_study = 3
"""


class Line:
    """y = slope * x, the least of simulators."""

    schema = Schema(theta={"x": Column()}, x={"y": Column()})

    def __init__(self, slope: float = 1.0) -> None:
        self.slope = slope

    def prior(self, n: int, rng: np.random.Generator) -> Table:
        return {"x": rng.random(n)}

    def simulate(self, theta: Table, rng: np.random.Generator) -> Table:
        return {"y": self.slope * theta["x"]}


def make_study() -> Study:
    recipes = {"flow": lambda: "the flow", "matching": lambda: "the matching"}
    simulators = {"line": Line, "steep": lambda slope=9.0: Line(slope)}
    formats = (Format("csv", (".csv",)), Format("root", (".root",)))
    return Study("lines", "Lines", simulators, recipes, "matching", tuple, lambda truth, answers: {}, Path("/lines"), formats=formats, protocols={"c2st": None})  # type: ignore[arg-type, dict-item]


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An installed package that registers two studies, one of them wrongly."""
    (tmp_path / "muon_plugin.py").write_text(PLUGIN)
    info = tmp_path / "muon_plugin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: muon-plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{ENTRY_POINTS}]\nmuons = muon_plugin:STUDY\nbad = muon_plugin:not_a_study\nairshower = muon_plugin:STUDY\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    sys.modules.pop("muon_plugin", None)


def test_parts_by_name_and_by_default() -> None:
    study = make_study()
    assert (study.recipe(), study.recipe("flow")) == ("the matching", "the flow")
    assert (study.simulator.slope, study.make_simulator().slope, study.make_simulator("steep").slope) == (1.0, 1.0, 9.0)  # type: ignore[attr-defined]
    assert study.make_simulator("line", slope=2.0).simulate({"x": np.ones(1)}, np.random.default_rng(0))["y"] == 2.0
    assert study.format("root").suffixes == (".root",)
    assert study.pretrained == Path("/lines/pretrained")


def test_a_table_may_follow_another_schema() -> None:
    study, wide = make_study(), Schema(x={"y": Column(shape=(2,))})
    assert study.schema_for({"y": np.zeros((3, 2))}) == Line.schema
    other = replace(study, schema_of=lambda table: wide if np.ndim(table["y"]) == 2 else None)
    assert other.schema_for({"y": np.zeros((3, 2))}) == wide
    assert other.schema_for({"y": np.zeros(3)}) == Line.schema


def test_wrong_names_get_a_hint() -> None:
    study = make_study()
    with pytest.raises(ValueError, match=r"unknown recipe 'matchin' \(did you mean 'matching'\?\); there are: flow, matching"):
        study.recipe("matchin")
    with pytest.raises(ValueError, match="unknown simulator 'geant'; there are: line, steep"):
        study.make_simulator("geant")
    with pytest.raises(ValueError, match="unknown format 'xml'; there are: csv, root"):
        study.format("xml")
    with pytest.raises(ValueError, match=r"unknown protocol 'c2sd' \(did you mean 'c2st'\?\); there are: c2st"):
        study.protocol("c2sd")
    with pytest.raises(ValueError, match=r"unknown study 'airshowr' \(did you mean 'airshower'\?\)"):
        find_study("airshowr")


@pytest.mark.usefixtures("plugin")
def test_studies_of_other_packages() -> None:
    assert {"muons", "bad"} <= {point.name for point in entry_points(group=ENTRY_POINTS)}
    names = study_names()
    assert "muons" in names
    assert names.count("airshower") == 1
    assert find_study("muons").title == "Muons"
    with pytest.raises(TypeError, match=r"'bad' of muon_plugin:not_a_study is int, not a cloudchamber Study"):
        find_study("bad")


def test_a_simulator_refuses_what_may_exist_and_it_cannot_make() -> None:
    columns = {"energy_gev": Column(unit="GeV", low=0.0), "kind": Column(categories=("p", "He", "C"))}
    theta = {"energy_gev": np.array([1.0, 20.0]), "kind": np.array(["p", "C"])}
    made = simulable(theta, columns, {"energy_gev": (1.0, 20.0)}, {"kind": ("p", "C")})
    assert made["kind"].tolist() == [0, 2] and made["energy_gev"].dtype == np.float32
    with pytest.raises(NotSimulableError, match=r"column 'energy_gev': 20 in event 1 is outside the allowed \[1, 10\] GeV of this simulator"):
        simulable(theta, columns, {"energy_gev": (1.0, 10.0)})
    with pytest.raises(NotSimulableError, match=r"column 'kind': 'C' in event 1 is none of this simulator's: p, He"):
        simulable(theta, columns, {}, {"kind": ("p", "He")})
    with pytest.raises(ValueError, match=r"-1 in event 0 is outside the allowed \[0, inf\] GeV$"):
        simulable(theta | {"energy_gev": np.array([-1.0, 2.0])}, columns, {"energy_gev": (1.0, 10.0)})


def test_a_study_of_this_process_is_found_by_its_name() -> None:
    mine = register(Study("mine", "Mine", {"line": Line}, {"first": lambda: None, "second": lambda: None}))  # type: ignore[arg-type, return-value]
    assert find_study("mine") is mine and "mine" in study_names() and mine.default_recipe == "first" and mine.pretrained is None
    again = register(replace(mine, title="Again"))
    assert find_study("mine") is again and study_names().count("mine") == 1


def test_what_cannot_be_registered() -> None:
    mine = Study("mine", "Mine", {}, {})
    for name, told in (("airshower", "built in"), ("toy", "installed"), ("own", "cannot be called"), ("", "cannot be called"), ("a/b", "cannot be called")):
        with pytest.raises(ValueError, match=told):
            register(replace(mine, name=name))
    with pytest.raises(TypeError, match="takes a cloudchamber Study, not str"):
        register("mine")  # type: ignore[arg-type]
    assert "mine" not in study_names()


def test_how_many_events_are_compared() -> None:
    few, by_view = Study("a", "A", {}, {}, "none", enough=300), Study("b", "B", {}, {}, "none", enough={"hits": 60_000, "windows": 400})
    assert few.enough_of({"any"}) == few.enough_of(()) == 300
    assert [by_view.enough_of(names) for names in ({"windows"}, {"hits", "windows"}, {"other"}, ())] == [400, 60_000, 2000, 2000]
