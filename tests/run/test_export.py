from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import runs
import torch
from torch import Tensor, nn

from cloudchamber.models.base import ConditionalModel, Distribution
from cloudchamber.models.heads import CategoricalModel
from cloudchamber.nn.tensors import to_tensors
from cloudchamber.run.export import export_onnx, export_torchscript
from cloudchamber.run.network import TrainedNetwork
from cloudchamber.run.trained import noise_rows
from cloudchamber.schema import Table, events_in, take

NAMES = [*runs.MODELS, "classes"]


def given_of(model: TrainedNetwork, events: int) -> Table:
    table = runs.events(500)
    return {name: table[name][:events] for name in model.recipe.given}


def answer_of(model: TrainedNetwork, given: Table, **options: object) -> Table:
    drawn = model.sample(given, seed=7, **options)
    return drawn | (model.predict(given) if isinstance(model.model, CategoricalModel) else {})


def compare(model: TrainedNetwork, answer: list[np.ndarray], wanted: Table) -> None:
    assert answer[-1].all()
    for name, values in zip(wanted, answer[:-1], strict=True):
        if name in model.target_columns and model.target_columns[name].categories:
            np.testing.assert_array_equal(values, wanted[name])
        else:
            # whole numbers are rounded by ``sample`` only
            np.testing.assert_allclose(values, wanted[name], rtol=2e-4, atol=0.51 if wanted[name].dtype.kind == "i" else 1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_onnx_gives_the_same_events(name: str, tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    model = runs.trained(name)
    path = export_onnx(model, tmp_path / "model.onnx")
    assert [p.name for p in tmp_path.iterdir()] == ["model.onnx"]
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    assert [i.name for i in session.get_inputs()] == ["noise", *model.recipe.given]
    assert [o.name for o in session.get_outputs()] == [*answer_of(model, given_of(model, 1)), "in_domain"]
    for events in (1, 200):
        given = given_of(model, events)
        inputs = {key: value.numpy() for key, value in to_tensors(given, model.given_columns).items()}
        answer = session.run(None, {"noise": noise_rows(7, "sample", 0, events, model.model.noise_size)} | inputs)
        compare(model, answer, answer_of(model, given))


@pytest.mark.parametrize("name", NAMES)
def test_torchscript_gives_the_same_events(name: str, tmp_path: Path) -> None:
    model = runs.trained(name)
    path = export_torchscript(model, tmp_path / "model.pt")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of torch.jit as a whole
        script = torch.jit.load(path)
    given = given_of(model, 200)
    answer = script(torch.from_numpy(noise_rows(7, "sample", 0, 200, model.model.noise_size)), *to_tensors(given, model.given_columns).values())
    compare(model, [part.numpy() for part in answer], answer_of(model, given))


def test_sets_of_any_length_go_into_onnx(tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    model = runs.trained_on_sets()
    session = onnxruntime.InferenceSession(str(export_onnx(model, tmp_path / "model.onnx")), providers=["CPUExecutionProvider"])
    script = export_torchscript(model, tmp_path / "model.pt")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        traced = torch.jit.load(script)
    assert [o.name for o in session.get_outputs()] == ["kind", "kind_probability", "in_domain"]
    whole = runs.hits(200)
    for chosen in (slice(0, 1), slice(0, 200), np.argsort(np.diff(whole["time_us"].offsets))[:20]):
        given = take({name: whole[name] for name in model.recipe.given}, chosen)
        tensors = to_tensors(given, model.given_columns)
        noise = noise_rows(7, "sample", 0, events_in(given), 1)
        wanted = model.sample(given, seed=7) | model.predict(given)
        compare(model, session.run(None, {"noise": noise} | {key: value.numpy() for key, value in tensors.items()}), wanted)
        compare(model, [part.numpy() for part in traced(torch.from_numpy(noise), *tensors.values())], wanted)


def test_steps_are_frozen_in_and_a_tolerance_is_refused(tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    model = runs.trained("matching")
    path = export_onnx(model, tmp_path / "model.onnx", steps=1, method="euler")
    given = given_of(model, 50)
    inputs = {key: value.numpy() for key, value in to_tensors(given, model.given_columns).items()}
    answer = onnxruntime.InferenceSession(str(path)).run(None, {"noise": noise_rows(7, "sample", 0, 50, model.model.noise_size)} | inputs)
    compare(model, answer, answer_of(model, given, steps=1, method="euler"))
    with pytest.raises(ValueError, match="fixed number of steps"):
        export_onnx(model, tmp_path / "model.onnx", tolerance=1e-3)


class Solved(Distribution):
    """Noise through a triangular solve, which ONNX has no operation for."""

    def __init__(self, factor: Tensor) -> None:
        self.factor = factor

    def sample(self, noise: Tensor) -> Tensor:
        return torch.linalg.solve_triangular(self.factor, noise.T, upper=False).T


class SolvedModel(ConditionalModel):
    """A model of somebody's own."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.target_size = self.noise_size = size
        self.factor = nn.Parameter(torch.eye(size))

    def forward(self, given: Tensor) -> Distribution:
        return Solved(self.factor)

    def losses(self, target: Tensor, given: Tensor) -> Iterator[tuple[nn.Module, Tensor]]:
        yield self, self.factor.square().sum()


def test_what_onnx_lacks_is_said_and_torchscript_takes_it(tmp_path: Path) -> None:
    model = runs.trained("gaussian")
    own = replace(model, model=SolvedModel(model.target_codec.size))
    with pytest.raises(ValueError, match=r"'gaussian' does not export to ONNX .*solve_triangular.*; export TorchScript instead"):
        export_onnx(own, tmp_path / "model.onnx")
    assert list(tmp_path.iterdir()) == []
    assert export_torchscript(own, tmp_path / "model.pt").is_file()
