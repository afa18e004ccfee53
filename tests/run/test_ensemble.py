from __future__ import annotations

import math
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import runs
import torch
from scipy.stats import chisquare

from cloudchamber.nn.tensors import to_tensors
from cloudchamber.run.domain import SetDomain
from cloudchamber.run.ensemble import Ensemble, common_domain, picked_member
from cloudchamber.run.export import export_onnx, export_torchscript
from cloudchamber.run.trained import noise_rows
from cloudchamber.schema import Table


def mixture(*names: str) -> Ensemble:
    return Ensemble([runs.trained(name, seed) for seed, name in enumerate(names or ("mixture", "flow", "gaussian"))])


def given_of(n: int) -> Table:
    table = runs.events(500)
    return {name: table[name][:n] for name in ("primary", "lge")}


def test_each_event_is_the_answer_of_one_member_all_alike_often() -> None:
    model, given = mixture(), given_of(500)
    drawn = model.sample(given, seed=3)
    noise = torch.from_numpy(noise_rows(3, "sample", 0, 500, model.noise_size))
    picked = picked_member(noise, 3).numpy()
    assert chisquare(np.bincount(picked, minlength=3)).pvalue > 1e-6
    for number, member in enumerate(model.members):
        columns = to_tensors(given, member.given_columns)
        with torch.no_grad():
            own = member.generated(noise[:, 1 : 1 + member.noise_size], columns, {})
        np.testing.assert_allclose(drawn["xmax"][picked == number], own["xmax"].numpy()[picked == number], rtol=1e-4)


def test_the_first_draw_of_a_posterior_picks_as_a_sample_does() -> None:
    model, given = mixture(), given_of(50)
    assert model.posterior(given, draws=4, seed=1)["profile"].shape == (50, 4, 2, 5)
    # the same noise, given to all members and to each one's own events
    columns = to_tensors(given, model.given_columns)
    noise = torch.from_numpy(noise_rows(1, "predict 0", 0, 50, model.noise_size))
    with torch.no_grad():
        np.testing.assert_allclose(model.said(columns).sample(noise)["xmax"].numpy(), model.generated(noise, columns, {})["xmax"].numpy(), rtol=1e-4)
    np.testing.assert_array_equal(model.sample(given, seed=2)["muons"], model.sample(given, seed=2, batch_size=7)["muons"])


def test_its_density_is_the_mean_of_its_members() -> None:
    model, given = mixture("mixture", "flow"), given_of(40)
    target = model.members[0].sample(given, seed=1)
    wanted = np.log(np.mean([np.exp(member.log_prob(given, target) - 50) for member in model.members], axis=0)) + 50
    np.testing.assert_allclose(model.log_prob(given, target), wanted, rtol=1e-5)
    with pytest.raises(ValueError, match="no density"):
        mixture("mixture", "gan").log_prob(given, target)


def test_the_moments_of_its_draws_are_those_of_the_mixture() -> None:
    model, given = mixture("gaussian", "mixture"), given_of(1)
    found = model.predict(given, draws=4000)
    each = [member.predict(given, draws=4000) for member in model.members]
    means, widths = (np.array([one[f"xmax_{word}"][0] for one in each]) for word in ("mean", "std"))
    spread = math.sqrt(np.mean(widths**2) + means.var())
    assert abs(found["xmax_mean"][0] - means.mean()) < 5 * spread * math.sqrt(2 / 4000)


def test_class_probabilities_are_the_mean() -> None:
    model = mixture("classes", "classes")
    table = runs.events(500)
    given = {name: table[name][:30] for name in model.given}
    each = [member.predict(given)["primary_probability"] for member in model.members]
    np.testing.assert_allclose(model.predict(given)["primary_probability"], np.mean(each, axis=0), rtol=1e-6)
    assert np.abs(each[0] - each[1]).max() > 0.01


def test_it_answers_where_all_members_may() -> None:
    low, high = runs.trained("flow", 0), runs.trained("flow", 1)
    model = Ensemble([replace(low, domain=low.domain | {"lge": (17.0, 18.5)}), replace(high, domain=high.domain | {"lge": (17.5, 19.0)})])
    assert model.domain["lge"] == (17.5, 18.5)
    with pytest.raises(ValueError, match="outside the trained range"):
        model.sample({"primary": np.array([0]), "lge": np.array([17.2])}, seed=1)


def test_domains_meet_or_are_refused() -> None:
    sets = [{"a": SetDomain((0.0, 2.0), (1, 5)), "kind": ("p", "Fe")}, {"a": SetDomain((1.0, 3.0), (2, 9)), "kind": ("Fe", "photon")}]
    assert common_domain(sets) == {"a": SetDomain((1.0, 2.0), (2, 5)), "kind": ("Fe",)}
    for other in ({"a": SetDomain((2.5, 3.0), (1, 5))}, {"a": SetDomain((0.0, 2.0), (6, 7))}, {"kind": ("photon",)}):
        with pytest.raises(ValueError, match="that do not meet"):
            common_domain([sets[0], sets[0] | other])


@pytest.mark.parametrize("names", [("flow", "gan", "mixture"), ("classes", "classes")])
def test_one_export_gives_the_same_events(names: tuple[str, ...], tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    model = mixture(*names)
    table = runs.events(500)
    given = {name: table[name][:100] for name in model.given}
    drawn = model.sample(given, seed=7, outside="flag")
    in_domain = drawn.pop("in_domain")
    wanted = [*(drawn | (model.predict(given) if "classes" in names else {})).values(), in_domain]
    inputs = to_tensors(given, model.given_columns)
    noise = noise_rows(7, "sample", 0, 100, model.noise_size)
    session = onnxruntime.InferenceSession(str(export_onnx(model, tmp_path / "model.onnx")), providers=["CPUExecutionProvider"])
    answers = session.run(None, {"noise": noise} | {name: values.numpy() for name, values in inputs.items()})
    path = export_torchscript(model, tmp_path / "model.pt")
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore", DeprecationWarning)
        script = torch.jit.load(str(path))
        scripted = script(torch.from_numpy(noise), *inputs.values())
    for values, answer, other in zip(wanted, answers, scripted, strict=True):
        room = {"rtol": 2e-4, "atol": 0.51 if values.dtype.kind == "i" and values.max() > 1 else 1e-4}
        np.testing.assert_allclose(answer, values, **room)
        np.testing.assert_allclose(other.numpy(), values, **room)


def test_sampling_options_are_each_members_own_unless_asked_for() -> None:
    steps = [
        replace(member, recipe=replace(member.recipe, sampling={"steps": number}))
        for number, member in ((2, runs.trained("matching")), (5, runs.trained("matching", 1)))
    ]
    model, given = Ensemble(steps), given_of(20)
    assert not np.array_equal(model.sample(given, seed=1)["xmax"], model.sample(given, seed=1, steps=2)["xmax"])
    assert model.digest != Ensemble([steps[0], replace(steps[1], recipe=replace(steps[1].recipe, sampling={"steps": 6}))]).digest
    with pytest.raises(ValueError, match="no sampling option 'steps'"):
        mixture("matching", "flow").sample(given, seed=1, steps=3)


def test_what_does_not_answer_one_question_is_refused() -> None:
    one = runs.trained("flow")
    with pytest.raises(ValueError, match="two runs or more"):
        Ensemble([one])
    with pytest.raises(ValueError, match="has the weights of one before it"):
        Ensemble([one, runs.trained("flow")])
    with pytest.raises(ValueError, match="answer one question"):
        Ensemble([one, runs.trained("classes")])
    with pytest.raises(ValueError, match="belongs to the study 'other'"):
        Ensemble([one, replace(runs.trained("flow", 1), study="other")])
    schema = replace(one.schema, theta=one.schema.theta | {"lge": replace(one.schema.theta["lge"], unit="eV")})
    with pytest.raises(ValueError, match="column 'lge' of member 1"):
        Ensemble([one, replace(runs.trained("flow", 1), schema=schema)])
