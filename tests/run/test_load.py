"""Run folders read: they come back as they were saved, and what is broken is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import runs

from cloudchamber.run.files import RunFiles
from cloudchamber.run.load import load_trained
from cloudchamber.run.network import read_network

GIVEN = {name: values for name, values in runs.events(1500, seed=1).items() if name in ("primary", "lge")}


@pytest.mark.parametrize("name", ["flow", "conv", "classes"])
def test_a_saved_model_comes_back(name: str, tmp_path: Path) -> None:
    model = runs.trained(name)
    folder = model.save(tmp_path / "runs" / "one")
    assert sorted(path.name for path in folder.iterdir()) == ["domain.json", "recipe.json", "run.json", "schema.json", "weights.safetensors"]
    assert RunFiles(folder).sealed.study == "small"
    back = load_trained(folder)
    assert (back.recipe, back.schema, back.domain, back.seed, back.parameters) == (model.recipe, model.schema, model.domain, 5, model.parameters)
    given = GIVEN
    if name == "classes":
        table = runs.events(20, seed=0)
        given = {column: table[column] for column in ("profile", "xmax")}
    for column, values in model.sample(given, seed=1).items():
        np.testing.assert_array_equal(values, back.sample(given, seed=1)[column])


def test_broken_folders_are_named(tmp_path: Path) -> None:
    model = runs.trained("flow")

    def fresh(name: str) -> Path:
        return model.save(tmp_path / name)

    with pytest.raises(FileNotFoundError, match=r"no run folder .*nowhere"):
        load_trained(tmp_path / "nowhere")
    for missing in ("weights.safetensors", "recipe.json", "schema.json", "domain.json"):
        folder = fresh(f"without-{missing}")
        (folder / missing).unlink()
        with pytest.raises(FileNotFoundError, match=f"{missing} is missing"):
            load_trained(folder)
    for file in ("recipe.json", "domain.json", "schema.json"):
        folder = fresh(f"cut-{file}")
        (folder / file).write_text((folder / file).read_text()[:-9])
        with pytest.raises(ValueError, match=f"{file} does not match its checksum"):
            load_trained(folder)
        (folder / "run.json").unlink()
        with pytest.raises(ValueError, match=f"{file}: no valid JSON"):
            read_network(RunFiles(folder))
