"""One network and its codecs, in files and back."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import runs
import torch
from toy_study import sets

import cloudchamber as cc
from cloudchamber.hub import study_parts
from cloudchamber.nn.tensors import to_tensors
from cloudchamber.run.familiarity import Familiarity
from cloudchamber.run.files import RunFiles
from cloudchamber.run.load import load_trained
from cloudchamber.run.network import TrainedNetwork, read_network
from cloudchamber.run.parts import Parts
from cloudchamber.schema import Ragged, take

POOL = Parts(study_parts(sets.STUDY))
"""The parts of the study of sets, one of which is its own."""


def unsealed(folder: Path) -> TrainedNetwork:
    """What a run of version 1 would be."""
    (folder / "run.json").unlink(missing_ok=True)
    return read_network(RunFiles(folder), POOL)


def test_a_model_of_sets_comes_back_with_its_body(tmp_path: Path) -> None:
    model = runs.trained_on_sets()
    folder = model.save(tmp_path)
    head = json.loads((folder / "recipe.json").read_text())
    assert head["recipe"]["model"]["body"] == {"kind": "Pool", "width": 16}
    back = load_trained(folder, POOL)
    assert back.recipe == model.recipe and back.domain == model.domain
    given = {column: values for column, values in runs.hits(20).items() if column in model.recipe.given}
    np.testing.assert_array_equal(model.predict(given)["kind_probability"], back.predict(given)["kind_probability"])
    head["recipe"]["model"]["body"]["depth"] = 3
    (folder / "recipe.json").write_text(json.dumps(head))
    with pytest.raises(ValueError, match=r"recipe\.json does not match its checksum in run\.json"):
        load_trained(folder, POOL)
    with pytest.raises(ValueError, match=r"model\.body: unknown key 'depth'; allowed: width"):
        unsealed(folder)


def test_strange_events_are_told_from_familiar_ones(tmp_path: Path) -> None:
    model, table = runs.trained_on_sets(), runs.hits(2000, seed=3)
    given = {column: table[column] for column in model.recipe.given}
    encoded = model.given_codec.encode(to_tensors(given, model.given_columns), {})
    with torch.no_grad():
        known = replace(model, familiarity=Familiarity.of(model.model.features(encoded)))
    folder = known.save(tmp_path)
    back = load_trained(folder, POOL)
    some = take(given, slice(0, 300))
    assert "familiarity" not in model.predict(some) and "familiarity" not in back.sample(some, seed=1)
    plain, marked = back.predict(some), back.predict(some, outside="flag")
    assert 0.2 < plain["familiarity"].mean() < 0.8 and marked["in_domain"].all()
    np.testing.assert_array_equal(plain["familiarity"], back.posterior(some, draws=2)["familiarity"])
    # every hit at one time and as large as they get: each value is allowed, all together are odd
    odd = {"time_us": Ragged(np.full_like(some["time_us"].values, 99.0), some["time_us"].offsets)}
    odd["charge_pe"] = Ragged(np.full_like(some["charge_pe"].values, 30.0), some["charge_pe"].offsets)
    strange = back.predict(odd, outside="flag")
    assert strange["familiarity"].mean() < 0.02
    np.testing.assert_array_equal(strange["in_domain"], strange["familiarity"] > 0)
    assert "familiarity" in back.predict(odd)
    found = back.strangeness(some)
    assert found is not None
    distance, quantiles = found
    order = np.argsort(distance)
    assert np.all(np.diff(plain["familiarity"][order]) <= 0) and np.all((distance > quantiles[-1]) == (plain["familiarity"] == 0))
    assert model.strangeness(some) is None
    known.save(tmp_path / "plain")
    assert load_trained(model.save(tmp_path / "plain"), POOL).familiarity is None
    (folder / "familiarity.safetensors").write_bytes((folder / "familiarity.safetensors").read_bytes()[:-9])
    with pytest.raises(ValueError, match=r"familiarity\.safetensors: truncated"):
        unsealed(folder)


def test_unknown_and_unfitting_settings_are_named(tmp_path: Path) -> None:
    folder = runs.trained("flow").save(tmp_path)
    head = json.loads((folder / "recipe.json").read_text())

    def write(**changes: object) -> None:
        (folder / "recipe.json").write_text(json.dumps(head | changes))

    write(recipe=head["recipe"] | {"modle": {}})
    with pytest.raises(ValueError, match=r"recipe\.json: Recipe: unknown key 'modle'"):
        unsealed(folder)
    write(recipe=head["recipe"] | {"model": head["recipe"]["model"] | {"binss": 3}})
    with pytest.raises(ValueError, match=r"recipe\.json: model: unknown key 'binss'"):
        unsealed(folder)
    write(extra=1)
    with pytest.raises(ValueError, match=r"recipe\.json: unknown key 'extra'"):
        unsealed(folder)
    write(seed="one")
    with pytest.raises(ValueError, match="whole number 'seed'"):
        unsealed(folder)
    write(recipe=head["recipe"] | {"model": head["recipe"]["model"] | {"hidden": 17}})
    with pytest.raises(ValueError, match=r"do not fit the recipe: 'model\.splines\.0\.net\.first\.0\.weight' needs shape \(17, 10\), the file has \(16, 10\)"):
        unsealed(folder)
    write(recipe=head["recipe"] | {"target": ["profile", "nothing"]})
    with pytest.raises(ValueError, match=r"schema\.json: no column 'nothing'"):
        unsealed(folder)


def test_it_shows_itself_in_a_line() -> None:
    shown = repr(cc.load("calorimeter"))
    assert shown.startswith("<calorimeter/flow: particle, energy_mev") and "to deposit_mev; " in shown and len(shown) < 200


def test_draws_made_together_are_those_made_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of few events many draws come from one pass; which ones, their number and that of the events do not matter."""
    study, model = cc.find_study("surface_array"), cc.load("surface_array")
    theta = study.simulator.prior(3, cc.rng(1))
    seen = {**theta, **study.simulator.simulate(theta, cc.rng(2))}
    given = {name: seen[name] for name in model.given}
    together = model.posterior(given, 7, seed=1, outside="flag")
    monkeypatch.setattr("cloudchamber.run.trained.DRAWS_AT_ONCE", 1)
    for name, values in model.posterior(given, 7, seed=1, outside="flag").items():
        np.testing.assert_allclose(together[name], values, rtol=1e-4, atol=1e-4, err_msg=name)
