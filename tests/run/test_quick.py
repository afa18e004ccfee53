from __future__ import annotations

import numpy as np
import pytest

import cloudchamber as cc


@pytest.fixture(scope="module", params=["airshower", "calorimeter"])
def model(request: pytest.FixtureRequest) -> cc.TrainedModel:
    pytest.importorskip("onnxruntime")
    return cc.load(request.param)


def some(model: cc.TrainedModel, events: int) -> cc.Table:
    study = cc.find_study(model.study)
    theta = (study.make_simulator(**study.quick) if study.quick else study.simulator).prior(events, cc.rng(1))
    return {name: theta[name] for name in model.given}


def test_it_draws_what_sample_draws(model: cc.TrainedModel) -> None:
    """The same noise gives the same columns of the same types, one event or several, but for the rounding of single precision."""
    quick = cc.Quick(model)
    for events in (1, 5):
        given = some(model, events)
        for seed in (1, 2):
            slow, fast = model.sample(given, seed), quick.sample(given, seed)
            assert list(fast) == list(slow)
            for name, values in slow.items():
                assert fast[name].dtype == values.dtype and fast[name].shape == values.shape
                scale = np.abs(values).max()
                assert np.abs(fast[name].astype(float) - values).max() <= 2e-3 * scale, name


def test_it_refuses_and_flags_what_sample_does(model: cc.TrainedModel) -> None:
    quick, given = cc.Quick(model), some(model, 2)
    name = next(name for name, values in given.items() if values.dtype.kind == "f")
    given[name] = np.array([given[name][0], model.schema.theta[name].high or 1e30], given[name].dtype)
    with pytest.raises(ValueError) as slow:
        model.sample(given, 1)
    with pytest.raises(ValueError) as fast:
        quick.sample(given, 1)
    assert str(fast.value) == str(slow.value) and name in str(fast.value)
    np.testing.assert_array_equal(quick.sample(given, 1, outside="flag")["in_domain"], model.sample(given, 1, outside="flag")["in_domain"])
