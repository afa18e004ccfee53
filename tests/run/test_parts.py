"""Parts of recipes by name: the built-in ones, those handed over, those of other packages; and where in a recipe each class stands."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from cloudchamber.hub import study_parts
from cloudchamber.models.flow import Flow
from cloudchamber.models.stages import Stages
from cloudchamber.nn.codec import Columns
from cloudchamber.run.parts import BUILT_IN, ENTRY_POINTS, Parts, classes_of
from cloudchamber.study import find_study, study_names


@dataclass(frozen=True)
class Mine:
    """A part of one's own."""

    width: int = 3


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_built_in_part_is_where_it_should_be(name: str) -> None:
    found = Parts().find(name, "model")
    assert found.__name__ == name and dataclasses.is_dataclass(found) and found.__module__ == f"cloudchamber.{BUILT_IN[name]}"


@pytest.mark.parametrize("study", study_names())
def test_every_class_of_every_recipe_is_found_again(study: str) -> None:
    parts, places = Parts(study_parts(find_study(study))), set()
    for name in find_study(study).recipes:
        recipe = find_study(study).recipe(name)
        for part in ("model", "target_codec", "given_codec"):
            for where, kind in classes_of(getattr(recipe, part), part):
                assert parts.find(kind.__name__, where) is kind
                places.add(where)
    assert {"model", "target_codec", "given_codec"} <= places


def test_what_is_handed_over_wins() -> None:
    assert Parts([Mine]).find("Mine", "model") is Mine
    assert Parts({"Flow": Mine}).find("Flow", "model") is Mine and Parts().find("Flow", "model") is Flow


def test_parts_of_other_packages_are_found_by_entry_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "other_parts.py").write_text(
        "from dataclasses import dataclass\n\n@dataclass(frozen=True)\nclass Outside:\n    width: int = 3\n\nno_class = 3\n"
    )
    (tmp_path / "other_parts-1.0.dist-info").mkdir()
    (tmp_path / "other_parts-1.0.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: other-parts\nVersion: 1.0\n")
    (tmp_path / "other_parts-1.0.dist-info/entry_points.txt").write_text(f"[{ENTRY_POINTS}]\nOutside = other_parts:Outside\nBad = other_parts:no_class\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert Parts().find("Outside", "model")().width == 3
    with pytest.raises(TypeError, match="the part 'Bad' must be a dataclass of settings, not 3"):
        Parts().find("Bad", "model")
    with pytest.raises(ValueError, match=r"model.body: no part 'Outsid' is registered \(did you mean 'Outside'\?\)"):
        Parts().find("Outsid", "model.body")


def test_an_unknown_part_says_where_it_stands_and_what_there_is() -> None:
    with pytest.raises(ValueError, match=r"given_codec: no part 'Mien' is registered \(did you mean 'Mine'\?\); there are: Categorical, .*parts=\[Mien\]"):
        Parts([Mine]).find("Mien", "given_codec")
    with pytest.raises(TypeError, match="the part 'dict' must be a dataclass"):
        Parts([dict]).find("dict", "model")
    with pytest.raises(TypeError, match="must be a dataclass of settings"):
        Parts({"Mine": Mine()}).find("Mine", "model")  # type: ignore[dict-item]


def test_places_of_classes() -> None:
    stages = Stages(Flow(), Flow(bins=4))
    assert list(classes_of(stages, "model")) == [("model", Stages), ("model.first", Flow), ("model.second", Flow)]
    assert list(classes_of({"a": [Columns(), 3], "b": "word"})) == [("a.0", Columns)]
    assert list(classes_of(Mine)) == [], "a class is no part, its values are"

    @dataclass
    class Outer:
        inner: tuple[Mine, ...] = (Mine(), Mine())
        made: Mine = field(default=Mine(), init=False)

    assert [where for where, _ in classes_of(Outer())] == ["", "inner.0", "inner.1"], "what is made by the class itself is no setting"
