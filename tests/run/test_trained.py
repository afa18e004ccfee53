from __future__ import annotations

import numpy as np
import pytest
import runs
import torch

from cloudchamber.models.flow import Flow
from cloudchamber.models.recipe import Recipe
from cloudchamber.nn.codec import Columns
from cloudchamber.nn.tensors import to_tensors
from cloudchamber.run.network import TrainedNetwork
from cloudchamber.run.trained import noise_rows
from cloudchamber.schema import Column, Ragged, Schema, check_table, take

GIVEN = {name: values for name, values in runs.events(1500, seed=1).items() if name in ("primary", "lge")}


@pytest.mark.parametrize("name", list(runs.MODELS))
def test_the_seed_alone_makes_the_events(name: str) -> None:
    model = runs.trained(name)
    first = model.sample(GIVEN, seed=3)
    check_table(first, model.target_columns)
    assert {name: values.dtype for name, values in first.items()} == {name: np.dtype(column.dtype) for name, column in model.target_columns.items()}
    again, small, start, other = (
        model.sample(GIVEN, 3),
        model.sample(GIVEN, 3, batch_size=123),
        model.sample(take(GIVEN, slice(0, 40)), 3),
        model.sample(GIVEN, 4),
    )
    for column, values in first.items():
        np.testing.assert_array_equal(values, again[column])
        np.testing.assert_allclose(values, small[column], rtol=1e-4, atol=1e-5 if values.dtype.kind == "f" else 1)
        np.testing.assert_allclose(values[:40], start[column], rtol=1e-4, atol=1e-5 if values.dtype.kind == "f" else 1)
    assert not np.array_equal(first["xmax"], other["xmax"])


def test_noise_of_an_event_does_not_depend_on_where_a_batch_starts() -> None:
    whole = noise_rows(1, "sample", 0, 3000, 2)
    np.testing.assert_array_equal(whole[1000:2500], noise_rows(1, "sample", 1000, 2500, 2))
    assert len(np.unique(whole)) == whole.size
    assert not np.array_equal(whole, noise_rows(1, "predict 0", 0, 3000, 2))


def test_outside_the_domain_is_refused_or_flagged() -> None:
    model = runs.trained("flow")
    bad = {"primary": np.array(["p", "Fe", "photon"]), "lge": np.array([17.5, 19.6, 18.0])}
    with pytest.raises(ValueError, match=r"column 'primary': 'photon' in event 2 .* trained range p, Fe"):
        model.sample(bad, seed=1)
    with pytest.raises(ValueError, match=r"column 'lge': 19\.6 in event 1 .* trained range \[17, 19\] lg\(eV\)"):
        model.sample(bad | {"primary": np.array(["p", "p", "p"])}, seed=1)
    flagged = model.sample(bad, seed=1, outside="flag")
    assert flagged["in_domain"].tolist() == [True, False, False]
    assert model.predict(bad, draws=2, outside="flag")["in_domain"].tolist() == [True, False, False]
    with pytest.raises(ValueError, match=r"'lge': 25 in event 1 is outside the allowed \[15, 20\]"):
        model.sample(bad | {"lge": np.array([17.5, 25.0, 18.0])}, seed=1, outside="flag")
    with pytest.raises(ValueError, match="one of refuse, flag, answer, got 'ignore'"):
        model.sample(bad, seed=1, outside="ignore")  # type: ignore[arg-type]


def test_bad_requests_are_named() -> None:
    model = runs.trained("matching")
    with pytest.raises(ValueError, match="'matching' has no sampling option 'stepps'; it has: steps, method, tolerance"):
        model.sample(GIVEN, seed=1, stepps=3)
    with pytest.raises(ValueError, match="missing column 'lge'"):
        model.sample({"primary": np.array([0])}, seed=1)
    with pytest.raises(ValueError, match="'lge' holds 1 NaN"):
        model.sample({"primary": np.array([0]), "lge": np.array([np.nan])}, seed=1)
    with pytest.raises(ValueError, match="no events"):
        model.sample({"primary": np.array([], int), "lge": np.array([])}, seed=1)
    with pytest.raises(ValueError, match="batch_size must be at least 1"):
        model.sample(GIVEN, seed=1, batch_size=0)
    with pytest.raises(ValueError, match="draws must be at least 2"):
        model.predict(GIVEN, draws=1)


def test_log_prob_is_per_physical_unit() -> None:
    model, table = runs.trained("flow"), runs.events(400, seed=2)
    given, target = take(table, slice(0, 40)), take(table, slice(0, 40))
    found = model.log_prob(given, target)
    assert found.shape == (40,) and np.isfinite(found).all()
    np.testing.assert_allclose(model.log_prob(given, target, batch_size=7), found, rtol=1e-4, atol=1e-3)
    with pytest.raises(ValueError, match="given has 40 events, target 3"):
        model.log_prob(given, take(target, slice(0, 3)))
    with pytest.raises(ValueError, match="VaeDistribution has no density"):
        runs.trained("vae").log_prob(given, target)


def test_the_density_in_physical_units_integrates_to_one() -> None:
    torch.manual_seed(0)
    schema = Schema(theta={"energy": Column(unit="eV", low=0.0)}, x={"size": Column(low=0.0)})
    made = Recipe("one", "", ("size",), ("energy",), Columns({"size": "log"}), Columns({"energy": "log"}), Flow(transforms=2, hidden=16, layers=1))
    table = {"energy": np.geomspace(1e17, 1e19, 100, dtype=np.float32), "size": np.random.default_rng(0).lognormal(3, 0.4, 100).astype(np.float32)}
    given, target = made.given_codec.build(schema.theta), made.target_codec.build(schema.x)
    given.fit(to_tensors(table, schema.theta), {})
    target.fit(to_tensors(table, schema.x), {})
    model = made.model.build(1, 1)
    for parameter in model.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    trained = TrainedNetwork("s", made, schema, given, target, model, {"energy": (1e17, 1e19)}, 0)
    size = np.linspace(1e-3, 400, 40_000)
    density = np.exp(trained.log_prob({"energy": np.full(len(size), 3e18)}, {"size": size}))
    assert density.sum() * (size[1] - size[0]) == pytest.approx(1, abs=2e-3)


def test_predict_is_the_mean_and_deviation_of_the_samples() -> None:
    model = runs.trained("gaussian")
    one = {"primary": np.array([1]), "lge": np.array([18.0])}
    answer = model.predict(one, draws=400)
    assert answer["profile_mean"].shape == answer["profile_std"].shape == (1, 2, 5)
    drawn = model.sample({name: np.repeat(values, 20_000) for name, values in one.items()}, seed=9)["xmax"].astype(float)
    # five standard errors of 400 draws
    assert abs(answer["xmax_mean"][0] - drawn.mean()) < 5 * drawn.std() / 20
    assert answer["xmax_std"][0] == pytest.approx(drawn.std(), rel=5 / 28)


def test_predict_states_class_probabilities() -> None:
    model, table = runs.trained("classes"), runs.events(300, seed=4)
    table = {name: np.clip(values, *model.domain[name]) if name in ("profile", "xmax") else values for name, values in table.items()}
    probability = model.predict(table)["primary_probability"]
    assert probability.shape == (300, 3)
    np.testing.assert_allclose(probability.sum(1), 1, rtol=1e-5)
    np.testing.assert_allclose(np.exp(model.log_prob(table, table)), probability[np.arange(300), table["primary"]], rtol=1e-4)
    drawn = np.mean([model.sample(table, seed=seed)["primary"] == 1 for seed in range(200)], axis=0)
    assert np.abs(drawn - probability[:, 1]).max() < 5 * 0.5 / np.sqrt(200)


@pytest.mark.parametrize("name", ["classes", "time"])
def test_sets_get_the_same_answer_whatever_their_company(name: str) -> None:
    model, table = runs.trained_on_sets(name), runs.hits(150)
    given = {column: table[column] for column in model.recipe.given}
    order = np.argsort(np.diff(given["time_us"].offsets), kind="stable")
    whole, small, ordered = model.predict(given, draws=3), model.predict(given, draws=3, batch_size=7), model.predict(take(given, order), draws=3)
    for column, values in whole.items():
        np.testing.assert_allclose(values, small[column], rtol=1e-5, atol=1e-6)
        if name == "classes":
            np.testing.assert_allclose(values[order], ordered[column], rtol=1e-5, atol=1e-6)
    drawn = model.sample(given, seed=2)
    for column, values in drawn.items():
        np.testing.assert_allclose(values, model.sample(given, seed=2, batch_size=11)[column], rtol=1e-5, atol=1e-5)
    assert model.log_prob(given, table).shape == (150,)
    np.testing.assert_allclose(model.log_prob(given, table), model.log_prob(given, table, batch_size=7), rtol=1e-5, atol=1e-5)


def test_sets_outside_the_domain_are_refused_or_flagged() -> None:
    model, table = runs.trained_on_sets(), runs.hits(4)
    given = {column: table[column] for column in model.recipe.given}
    weak = given | {"charge_pe": Ragged(np.maximum(given["charge_pe"].values - 0.3, 0.01), given["charge_pe"].offsets)}
    with pytest.raises(ValueError, match=r"column 'charge_pe': 0\.0\S* in event 0 .* outside the trained range \[0\.3, "):
        model.predict(weak)
    assert not model.predict(weak, outside="flag")["in_domain"].any()
    many = {column: Ragged.from_list([np.tile(event, 10) for event in values]) for column, values in given.items()}
    with pytest.raises(ValueError, match=r"column 'time_us': a set of \d+ elements in event 0 .*--outside flag"):
        model.sample(many, seed=1)
    with pytest.raises(TypeError, match="'time_us' is ragged: give"):
        model.sample({**given, "time_us": np.zeros((4, 3))}, seed=1)


def test_densities_of_draws_are_those_of_targets() -> None:
    model, table = runs.trained("mixture"), runs.events(400, seed=2)
    given = {name: table[name][:30] for name in model.given}
    draws = model.answer(given, draws=3, seed=1).draws
    found = model.log_prob_of_draws(given, draws)
    assert found.shape == (30, 3)
    for draw in range(3):
        np.testing.assert_allclose(found[:, draw], model.log_prob(given, {name: values[:, draw] for name, values in draws.items()}), rtol=1e-4, atol=1e-3)
