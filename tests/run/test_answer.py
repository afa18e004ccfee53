from __future__ import annotations

import numpy as np
import pytest
import runs

from cloudchamber.run.answer import Answer


def given_of(n: int) -> dict:
    table = runs.events(500)
    return {name: table[name][:n] for name in ("primary", "lge")}


def test_its_summary_is_what_is_predicted_and_its_draws_the_posterior() -> None:
    model, given = runs.trained("mixture"), given_of(60)
    answer = model.answer(given, draws=7, seed=3)
    for name, values in model.predict(given, draws=7, seed=3).items():
        np.testing.assert_array_equal(values, answer.summary()[name])
    for name, values in model.posterior(given, draws=7, seed=3).items():
        np.testing.assert_array_equal(values, answer.draws[name])
    np.testing.assert_allclose(answer.summary()["xmax_mean"], answer.draws["xmax"].mean(axis=1), rtol=1e-5)
    np.testing.assert_allclose(answer.summary()["xmax_std"], answer.draws["xmax"].std(axis=1, ddof=1), rtol=1e-4)
    assert set(answer.table) == {f"{name}_draws" for name in model.target} and answer.events is given


def test_events_of_a_longer_file_get_their_own_noise() -> None:
    model, given = runs.trained("flow"), given_of(400)
    everything = model.answer(given, draws=3, seed=1)
    numbers = np.array([2, 3, 70, 399])
    some = model.answer({name: values[numbers] for name, values in given.items()}, draws=3, seed=1, numbers=numbers)
    np.testing.assert_allclose(some.draws["xmax"], everything.draws["xmax"][numbers], rtol=1e-4)
    np.testing.assert_array_equal(some.numbers, numbers)


def test_parts_join_and_fewer_draws_are_the_first() -> None:
    model, given = runs.trained("gaussian"), given_of(50)
    whole = model.answer(given, draws=5, seed=2, batch_size=50)
    parts = [model.answer({n: v[part] for n, v in given.items()}, 5, 2, numbers=np.arange(50)[part]) for part in (slice(0, 20), slice(20, 50))]
    joined = Answer.joined(parts)
    np.testing.assert_allclose(joined.draws["xmax"], whole.draws["xmax"], rtol=1e-4)
    np.testing.assert_array_equal(joined.events["lge"], given["lge"])
    np.testing.assert_array_equal(whole.first_draws(2).draws["muons"], whole.draws["muons"][:, :2])


def test_stated_classes_need_no_draws_to_sum_up() -> None:
    model, table = runs.trained("classes"), runs.events(500)
    given = {name: table[name][:10] for name in model.given}
    assert model.predict(given)["primary_probability"].shape == (10, 3)
    answer = model.answer(given, draws=4)
    assert answer.draws["primary"].shape == (10, 4)
    with pytest.raises(ValueError, match="draws must be at least 1"):
        model.answer(given, draws=0)
