"""What an exported file says of itself: its columns with units, the trained domain, and which run it is of."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cloudchamber.jsonable import to_json
from cloudchamber.run.domain import ELEMENTS_ROOM, SetDomain, values_of
from cloudchamber.run.ensemble import networks_of
from cloudchamber.run.trained import TrainedModel
from cloudchamber.schema import Column
from cloudchamber.store.dataset import package_version

Metadata = dict[str, Any]
FORMAT_VERSION = 1
PROBABILITY = "_probability"
IN_DOMAIN = "in_domain"
EXTRA_FILE = "cloudchamber.json"
"""Of a TorchScript file: the metadata as one JSON object. An ONNX file has a metadata property for each key, its value as JSON."""


def metadata_of(trained: TrainedModel, outputs: list[str], options: Mapping[str, Any], run: Mapping[str, str] | None = None) -> Metadata:
    """All of it, JSON-ready; ``run`` names the run and gives the checksum of its run.json, where the model is one in a folder.

    ``inputs`` and ``outputs`` are lists in the order of the graph's.
    """
    noise = {
        "name": "noise",
        "dtype": "float32",
        "shape": ["events", trained.noise_size],
        "unit": "",
        "doc": "standard normal numbers: other ones, another draw",
    }
    given = [_column(name, column) | _domain(trained, name, column) for name, column in trained.given_columns.items()]
    members = [{"recipe": network.recipe.to_json(), "weights": network.digest, "seed": network.seed} for network in networks_of(trained)]
    return {
        "format_version": FORMAT_VERSION,
        "package": "cloudchamber",
        "package_version": package_version(),
        "study": trained.study,
        "recipe": members[0]["recipe"] if len(members) == 1 else {"name": trained.name, "doc": trained.doc, "members": members},
        "weights": trained.digest,
        "seed": trained.seed,
        "run": dict(run) if run else None,
        "options": to_json(trained.options(options)),
        "inputs": [noise, *given],
        "outputs": [_output(name, trained.target_columns) for name in outputs],
    }


def write_onnx_metadata(path: Path, metadata: Metadata) -> None:
    """Add the properties to an ONNX file; ImportError says what to install."""
    try:
        import onnx
    except ImportError:
        raise ImportError("an ONNX file that says what it is needs onnx: pip install 'cloudchamber[export]'") from None
    model = onnx.load(str(path))
    model.doc_string = f"cloudchamber {metadata['study']}/{metadata['recipe']['name']}: physical units in and out"
    onnx.helper.set_model_props(model, {key: json.dumps(value, allow_nan=False) for key, value in metadata.items()})
    onnx.save(model, str(path))


def read_metadata(path: Path | str) -> Metadata:
    """What ``export`` wrote into an ONNX or TorchScript file; ValueError for a file that says nothing of itself."""
    path = Path(path)
    silent = ValueError(f"'{path}' does not say what it is: it was not written by `cloudchamber export`, or by one of an earlier version")
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if name.endswith(f"/extra/{EXTRA_FILE}")]
            if not names:
                raise silent
            return dict(json.loads(archive.read(names[0])))
    import onnx

    try:
        model = onnx.load(str(path), load_external_data=False)
    except Exception as error:
        raise ValueError(f"'{path}' is no ONNX or TorchScript file: {error}") from error
    if "format_version" not in (properties := {entry.key: entry.value for entry in model.metadata_props}):
        raise silent
    return {key: json.loads(value) for key, value in properties.items()}


def _column(name: str, column: Column) -> dict[str, Any]:
    """Name, type, shape, unit and meaning; codes of categories; where its pixels lie."""
    sets = ["elements"] if column.ragged else []
    told: dict[str, Any] = {"name": name, "dtype": "int64" if column.categories and not column.ragged else "float32"}
    told |= {"shape": ["events", *sets, *column.shape], "unit": column.unit, "doc": column.doc}
    if column.categories:
        told["categories"] = {category: code for code, category in enumerate(column.categories)}
    if column.geometry is not None:
        told["geometry"] = to_json(column.geometry)
    return told


def _domain(trained: TrainedModel, name: str, column: Column) -> dict[str, Any]:
    """The trained range, or categories; of sets also how many elements are in the domain."""
    entry = trained.domain[name]
    allowed = values_of(entry)
    told: dict[str, Any] = {"domain": list(map(str, allowed)) if column.categories else list(map(float, allowed))}
    if isinstance(entry, SetDomain):
        fewest, most = entry.elements
        told["elements"] = [-(-fewest // ELEMENTS_ROOM), most * ELEMENTS_ROOM]
    return told


def _output(name: str, columns: Mapping[str, Column]) -> dict[str, Any]:
    if name == IN_DOMAIN:
        doc = "whether every input column lies in the trained domain: finite numbers within their range, known categories, sets of such sizes"
        return {"name": name, "dtype": "bool", "shape": ["events"], "unit": "", "doc": doc}
    if name in columns:
        return _column(name, columns[name])
    source = name.removesuffix(PROBABILITY)
    column, told = columns[source], _column(source, columns[source])
    shape = [*told["shape"], len(column.categories)]
    return told | {"name": name, "dtype": "float32", "shape": shape, "doc": f"probability of each category of {source}, in the order of its codes"}
