"""``in_domain`` of the exported graph is what the Python run says."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import runs
import torch

from cloudchamber.nn.tensors import to_tensors
from cloudchamber.run.domain import SetDomain, inside, values_of
from cloudchamber.run.ensemble import Ensemble
from cloudchamber.run.export import ExportedEnsemble, ExportModule, export_module, export_onnx, export_torchscript
from cloudchamber.run.exported_domain import ExportedDomain
from cloudchamber.run.trained import TrainedModel
from cloudchamber.schema import Column, Ragged, Table, check_table, take

NAN = float("nan")


def answers(model: TrainedModel, folder: Path, inputs: dict[str, torch.Tensor]) -> list[list[np.ndarray]]:
    """Of the ONNX and of the TorchScript file."""
    onnxruntime = pytest.importorskip("onnxruntime")
    noise = torch.randn(len(next(iter(inputs.values()))), model.noise_size, generator=torch.Generator().manual_seed(1))
    session = onnxruntime.InferenceSession(str(export_onnx(model, folder / "model.onnx")), providers=["CPUExecutionProvider"])
    script = export_torchscript(model, folder / "model.pt")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of torch.jit as a whole
        traced = torch.jit.load(script)
    one = session.run(None, {"noise": noise.numpy()} | {name: values.numpy() for name, values in inputs.items()})
    return [one, [values.numpy() for values in traced(noise, *inputs.values())]]


def around(low: float, high: float, events: int, random: np.random.Generator) -> np.ndarray:
    """Single precision: within, far beyond, and the steps of single precision about each edge and about where the room beside it ends."""
    room = 1e-6 * max(abs(low), abs(high))
    edges = np.array([low, high, low - room, high + room], np.float32)
    steps = edges[:, None] + np.arange(-4, 5) * np.spacing(edges)[:, None]
    wide = random.uniform(low - 0.2 * (high - low), high + 0.2 * (high - low), events - steps.size - 2)
    return np.concatenate([steps.ravel(), [-1e30, 1e30], wide]).astype(np.float32)


@pytest.mark.parametrize("ensemble", [False, True])
def test_numbers_and_categories(ensemble: bool, tmp_path: Path) -> None:
    model: TrainedModel = Ensemble([runs.trained("flow", 0), runs.trained("gaussian", 1)]) if ensemble else runs.trained("flow")
    random = np.random.default_rng(1)
    low, high = map(float, values_of(model.domain["lge"]))
    given: Table = {"primary": random.integers(0, 3, 500), "lge": around(low, high, 500, random)}
    expected = inside(given, model.given_columns, model.domain)
    assert 100 < expected.sum() < 300 and set(given["primary"][expected]) == {0, 1}
    for found in answers(model, tmp_path, to_tensors(given, model.given_columns)):
        assert found[-1].dtype == bool
        np.testing.assert_array_equal(found[-1], expected)


def test_sets_of_hits(tmp_path: Path) -> None:
    model = runs.trained_on_sets()
    random, table = np.random.default_rng(2), runs.hits(400)
    given: Table = {}
    lengths = random.integers(0, 100, 400)
    lengths[:8] = [0, 1, 2, 39, 40, 80, 81, 41]
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    for name in model.given:
        entry = model.domain[name]
        assert isinstance(entry, SetDomain)
        low, high = map(float, entry.values)
        values = random.uniform(low, high, offsets[-1]).astype(np.float32)
        values[random.random(len(values)) < 0.01] = np.float32(high * 1.01)
        given[name] = Ragged(values, offsets)
    expected = inside(given, model.given_columns, model.domain)
    assert 30 < expected.sum() < 300 and len(table["time_us"]) == 400
    for found in answers(model, tmp_path, to_tensors(given, model.given_columns)):
        np.testing.assert_array_equal(found[-1], expected)
    one = take(given, slice(0, 1))
    assert not answers(model, tmp_path, to_tensors(one, model.given_columns))[0][-1].any()


def test_what_cannot_be_read_gets_no_answer(tmp_path: Path) -> None:
    """Python refuses a code that is none of the column's and NaN; an exported file says so event by event, and answers the others as before."""
    model = runs.trained("flow")
    codes, lge = torch.tensor([0, 1, 3, -1, 2**40, 0, 1, 0]), torch.tensor([18.0, 18.0, 18.0, 18.0, 18.0, NAN, float("inf"), 18.5])
    for code in (3, -1):
        with pytest.raises(ValueError, match="column 'primary'"):
            model.checked({"primary": np.array([code]), "lge": np.array([18.0])}, "flag")
    for found in answers(model, tmp_path, {"primary": codes, "lge": lge}):
        assert found[-1].tolist() == [True, True, False, False, False, False, False, True]
        for values in found[:-1]:
            known = np.isfinite(values.reshape(8, -1)).all(1)
            assert known.tolist() == found[-1].tolist() and np.isnan(values[~known]).all()
    classes = runs.trained("classes")
    given = to_tensors(take(runs.events(3), slice(0, 3)), classes.given_columns)
    given["xmax"][1] = NAN
    for kind, probability, in_domain in answers(classes, tmp_path, given):
        assert kind[1] == -1 and np.isnan(probability[1]).all() and in_domain.tolist() == [True, False, True]


@pytest.mark.parametrize("name", [*runs.MODELS, "classes", "ensemble"])
def test_answers_in_the_domain_are_the_same_to_the_last_bit(name: str) -> None:
    model: TrainedModel = Ensemble([runs.trained("flow", 0), runs.trained("gan", 1)]) if name == "ensemble" else runs.trained(name)
    bare: Any = ExportedEnsemble(model) if isinstance(model, Ensemble) else ExportModule(model)  # type: ignore[arg-type]
    inputs = (
        torch.randn(200, model.noise_size, generator=torch.Generator().manual_seed(1)),
        *to_tensors(take(runs.events(500), slice(0, 200)), model.given_columns).values(),
    )
    with torch.no_grad():
        wanted, found = bare.eval()(*inputs), export_module(model).eval()(*inputs)
    assert found[-1].all()
    assert all(torch.equal(one, two) for one, two in zip(wanted, found[:-1], strict=True))


def test_a_gap_in_a_set_is_no_end_of_it() -> None:
    column = Column(shape=(2,), ragged=True)
    mark = ExportedDomain({"wave": column}, {"wave": SetDomain((0.0, 1.0), (1, 2))})
    there, absent = [0.5, 0.5], [NAN, NAN]
    sets = torch.tensor([[there, absent, there], [there, there, absent], [there, [0.5, NAN], absent], [there, [0.5, 1.5], absent], [absent] * 3])
    assert mark(sets).tolist() == [False, True, False, False, False]
    assert mark.answerable([sets]).tolist() == [True, True, False, True, True]


def test_shapes_and_whole_numbers() -> None:
    columns = {"profile": Column(shape=(2, 3)), "muons": Column(dtype="int64"), "kind": Column(shape=(2,), categories=("a", "b", "c"))}
    domain: Any = {"profile": (0.0, 1.0), "muons": (3.0, 9.0), "kind": ("a", "c")}
    random = np.random.default_rng(3)
    table: Table = {"profile": random.uniform(-0.05, 1.05, (300, 2, 3)), "muons": random.integers(0, 12, 300), "kind": random.choice([0, 2, 2, 1], (300, 2))}
    table = check_table(table, columns)
    expected = inside(table, columns, domain)
    assert 5 < expected.sum() < 200
    np.testing.assert_array_equal(ExportedDomain(columns, domain)(*to_tensors(table, columns).values()).numpy(), expected)
