"""What an exported file says of itself."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path

import onnx
import pytest
import runs

from cloudchamber.geometry import Healpix
from cloudchamber.models.recipe import Recipe
from cloudchamber.run.ensemble import Ensemble
from cloudchamber.run.export import export_onnx, export_torchscript
from cloudchamber.run.metadata import metadata_of, read_metadata
from cloudchamber.run.parts import Parts
from cloudchamber.schema import Column, Schema
from cloudchamber.store.dataset import package_version

RUN = {"name": "mine", "run_json_sha256": "ab" * 32}


def test_both_kinds_of_file_say_the_same(tmp_path: Path) -> None:
    model = runs.trained("matching")
    told = read_metadata(export_onnx(model, tmp_path / "a.onnx", RUN, steps=2))
    assert told == read_metadata(export_torchscript(model, tmp_path / "a.pt", RUN, steps=2))
    assert told["study"] == "small" and told["weights"] == model.digest and told["run"] == RUN and told["package_version"] == package_version()
    assert told["options"]["steps"] == 2 and Recipe.from_json(told["recipe"], Parts().find) == model.recipe
    noise, primary, lge = told["inputs"]
    assert noise["name"] == "noise" and noise["shape"] == ["events", model.noise_size]
    assert primary["categories"] == {"p": 0, "Fe": 1, "photon": 2} and primary["domain"] == ["p", "Fe"] and primary["dtype"] == "int64"
    assert lge == {"name": "lge", "dtype": "float32", "shape": ["events"], "unit": "lg(eV)", "doc": "", "domain": [17.0, 19.0]}
    assert [entry["name"] for entry in told["outputs"]] == ["profile", "share", "xmax", "muons", "in_domain"]
    assert told["outputs"][0]["shape"] == ["events", 2, 5] and told["outputs"][2]["unit"] == "g/cm2" and told["outputs"][-1]["dtype"] == "bool"


@pytest.mark.parametrize("name", ["flow", "classes", "sets", "ensemble"])
def test_it_says_what_the_graph_is(name: str, tmp_path: Path) -> None:
    """Names, order, types and shapes beside those of the graph itself."""
    model = {
        "sets": runs.trained_on_sets,
        "ensemble": lambda: Ensemble([runs.trained("flow", 0), runs.trained("gan", 1)]),
    }.get(name, lambda: runs.trained(name))()
    path = export_onnx(model, tmp_path / "a.onnx")
    graph, told = onnx.load(str(path)).graph, read_metadata(path)
    onnx.checker.check_model(str(path))
    kinds = {onnx.TensorProto.FLOAT: "float32", onnx.TensorProto.INT64: "int64", onnx.TensorProto.BOOL: "bool"}
    for entries, said in ((graph.input, told["inputs"]), (graph.output, told["outputs"])):
        assert [entry.name for entry in entries] == [one["name"] for one in said]
        assert [kinds[entry.type.tensor_type.elem_type] for entry in entries] == [one["dtype"] for one in said]
    for entry, one in zip(graph.input, told["inputs"], strict=True):
        sizes = [size.dim_value or size.dim_param for size in entry.type.tensor_type.shape.dim]
        assert [size for size in sizes if isinstance(size, int)] == [size for size in one["shape"] if isinstance(size, int)] and len(sizes) == len(one["shape"])


def test_sets_and_members_are_told() -> None:
    sets = metadata_of(runs.trained_on_sets(), ["kind", "kind_probability", "in_domain"], {})
    assert sets["inputs"][1]["shape"] == ["events", "elements"] and sets["inputs"][1]["elements"] == [1, 80] and sets["inputs"][1]["unit"] == "us"
    assert sets["outputs"][1]["shape"] == ["events", len(sets["outputs"][0]["categories"])]
    model = Ensemble([runs.trained("flow", 0), runs.trained("gan", 1)])
    told = metadata_of(model, [*model.target, "in_domain"], {})
    assert [member["weights"] for member in told["recipe"]["members"]] == [member.digest for member in model.members] and told["weights"] == model.digest


def test_pixels_say_where_they_lie() -> None:
    model = runs.trained("flow")
    columns = dict(model.schema.x) | {"profile": Column(shape=(12,), geometry=Healpix(1))}
    told = metadata_of(replace(model, schema=Schema(model.schema.theta, columns)), ["profile"], {})
    assert told["outputs"][0]["geometry"]["nside"] == 1 and told["outputs"][0]["geometry"]["frame"] == "galactic"


def test_a_file_that_says_nothing_is_named(tmp_path: Path) -> None:
    path = export_onnx(runs.trained("gaussian"), tmp_path / "a.onnx")
    model = onnx.load(str(path))
    del model.metadata_props[:]
    onnx.save(model, str(path))
    with zipfile.ZipFile(tmp_path / "b.pt", "w") as archive:
        archive.writestr("b/data.pkl", b"")
    for silent in (path, tmp_path / "b.pt"):
        with pytest.raises(ValueError, match="does not say what it is"):
            read_metadata(silent)
    (tmp_path / "c.onnx").write_bytes(b"no model at all")
    with pytest.raises(ValueError, match="is no ONNX or TorchScript file"):
        read_metadata(tmp_path / "c.onnx")
