import numpy as np
import pytest

from cloudchamber.schema import Ragged
from cloudchamber.statistics.features import features, scaled, thinned


def test_columns_are_flattened_side_by_side_after_their_transforms():
    table = {"xmax_g_cm2": np.array([1.0, 2.0]), "profile": np.arange(6).reshape(2, 3)}
    flat = features(table, {"profile": np.log1p, "xmax_g_cm2": np.asarray})
    np.testing.assert_allclose(flat, np.column_stack([np.log1p(np.arange(6).reshape(2, 3)), [1, 2]]))
    assert features(table, ["xmax_g_cm2"]).shape == (2, 1)


def test_bad_columns_are_refused_by_name():
    table = {"n": np.array([1.0, 0.0]), "hits": Ragged.from_list([np.ones(1), np.ones(2)])}
    with pytest.raises(ValueError, match=r"'n' after its transform holds 1 NaN or infinite value.*event 1"):
        features(table, {"n": np.log})
    with pytest.raises(ValueError, match="no column 'm'"):
        features(table, ["m"])
    with pytest.raises(TypeError, match="'hits' is ragged"):
        features(table, ["hits"])


def test_scaling_divides_by_the_spread_of_the_truth():
    truth = np.array([[0.0, 3.0], [4.0, 3.0]])
    scaled_truth, answer = scaled(truth, np.array([[1.0, 1.0], [2.0, 5.0]]))
    np.testing.assert_allclose(scaled_truth, [[0, 3], [2, 3]])
    np.testing.assert_allclose(answer, [[0.5, 1], [1, 5]])
    with pytest.raises(ValueError, match="truth has 2 numbers an event, the answer 1"):
        scaled(truth, np.ones(3))


def test_thinning_keeps_different_events():
    thin = thinned(np.arange(100)[:, None], 30, np.random.default_rng(1))
    assert len(np.unique(thin)) == 30
