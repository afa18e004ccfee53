from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from events import COLUMNS, SIMULATOR, showers, tensors

from cloudchamber.nn.tensors import to_tensors
from cloudchamber.run.domain import domain_of
from cloudchamber.run.network import TrainedNetwork
from cloudchamber.run.trained import noise_rows
from cloudchamber.schema import take
from cloudchamber.studies.calorimeter import STUDY
from cloudchamber.studies.calorimeter.codecs.beam import ENERGY, GIVEN, IMPACT

RECIPES = tuple(STUDY.recipes)


def untrained(name: str) -> TrainedNetwork:
    """Codecs fitted; weights random, but not those that make an untrained flow the identity."""
    torch.manual_seed(0)
    recipe = STUDY.recipe(name)
    target, given = tensors(showers())
    given_codec = recipe.given_codec.build({column: COLUMNS[column] for column in GIVEN})
    target_codec = recipe.target_codec.build({"deposit_mev": COLUMNS["deposit_mev"]})
    given_codec.fit(given, {})
    target_codec.fit(target, given)
    model = recipe.model.build(target_codec.size, given_codec.size)
    for parameter in model.parameters():
        parameter.data += 0.03 * torch.randn_like(parameter)
    domain = domain_of(showers(), {column: COLUMNS[column] for column in GIVEN})
    return TrainedNetwork("calorimeter", recipe, SIMULATOR.schema, given_codec, target_codec, model.eval(), domain, seed=1)


@pytest.mark.parametrize("name", RECIPES)
def test_models_are_small_and_make_showers(name: str) -> None:
    model = untrained(name)
    # four bytes a number: with codecs and the rest of the run below 2 MB
    assert model.parameters < 400_000
    table = showers()
    deposit = model.sample({column: table[column] for column in GIVEN}, seed=1)["deposit_mev"]
    assert deposit.shape == (400, 25) and bool((deposit >= 0).all())


def test_the_total_comes_first() -> None:
    model, table = untrained("flow"), take(showers(), slice(0, 50))
    _, given = tensors(table)
    condition = model.given_codec.encode(given, {})
    noise = torch.randn(50, 25)
    other = torch.cat((noise[:, :1], torch.randn(50, 24)), 1)
    with torch.no_grad():
        one, two = (model.target_codec.decode(model.model.generate(z, condition), given)["deposit_mev"] for z in (noise, other))
    torch.testing.assert_close(one.sum(1), two.sum(1), rtol=1e-5, atol=1e-3)
    assert not torch.allclose(one, two, rtol=1e-2)


def test_the_flow_has_a_density() -> None:
    model, table = untrained("flow"), take(showers(), slice(0, 50))
    log_prob = model.log_prob({column: table[column] for column in GIVEN}, table)
    assert log_prob.shape == (50,) and bool(np.isfinite(log_prob).all())


def test_the_constrainers_look_at_energy_and_impact() -> None:
    model = untrained("wgan_constrained").model
    assert list(model.constrainers) == ["energy", "position"]  # type: ignore[arg-type]
    assert model.settings.constrainers == {"energy": ENERGY, "position": IMPACT}  # type: ignore[union-attr]
    assert not list(untrained("wgan").model.constrainers)  # type: ignore[arg-type]


def test_the_exported_flow_gives_the_same_showers(tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    from cloudchamber.run.export import export_onnx, export_torchscript

    model, table = untrained("flow"), take(showers(), slice(0, 200))
    given = {column: table[column] for column in GIVEN}
    inputs = {name: values.numpy() for name, values in to_tensors(given, model.given_columns).items()}
    noise = noise_rows(7, "sample", 0, 200, 25)
    wanted = model.sample(given, seed=7)["deposit_mev"]
    session = onnxruntime.InferenceSession(str(export_onnx(model, tmp_path / "flow.onnx")), providers=["CPUExecutionProvider"])
    assert [entry.name for entry in session.get_inputs()] == ["noise", *GIVEN]
    assert [entry.name for entry in session.get_outputs()] == ["deposit_mev", "in_domain"]
    path = export_torchscript(model, tmp_path / "flow.pt")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of torch.jit as a whole
        script = torch.jit.load(path)
    found = [session.run(None, {"noise": noise} | inputs)[0], script(torch.from_numpy(noise), *map(torch.from_numpy, inputs.values()))[0].numpy()]
    for deposit in found:
        # relative to the shower; a crystal at the threshold may fall to either side of it
        away = np.abs(deposit - wanted) / table["energy_mev"][:, None]
        assert np.quantile(away, 0.999) < 1e-5 and away.max() < 2e-3
    alone = session.run(None, {"noise": noise[:1]} | {name: values[:1] for name, values in inputs.items()})[0]
    np.testing.assert_allclose(alone, found[0][:1], atol=1e-5 * float(table["energy_mev"][0]))
