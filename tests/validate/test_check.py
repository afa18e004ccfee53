import numpy as np
import pytest

from cloudchamber.schema import Ragged
from cloudchamber.statistics.distances import wasserstein
from cloudchamber.validate.check import Check, run_checks


def table(seed, shift=0.0, width=1.0, events=400):
    """Two kinds of events, theta shared by all seeds."""
    x = shift + width * np.random.default_rng(seed).standard_normal(events)
    return {"kind": np.arange(events) % 2, "x": x, "unread": np.zeros((events, 50))}


def mean_gap(truth, answer):
    return abs(truth["x"].mean() - answer["x"].mean())


def kinds(rows):
    return {"even": rows["kind"] == 0, "odd": rows["kind"] == 1, "none": rows["kind"] == 7}


MEAN = Check("mean", "the mean is what is quoted", mean_gap, 0.2, "cm")


def test_exact_answers_pass_and_shifted_ones_fail():
    [good] = run_checks([MEAN], table(1), table(2), table(3), seed=1)
    [bad] = run_checks([MEAN], table(1), table(2, shift=0.5), table(3), seed=1)
    assert good.passed is True and bad.passed is False
    assert bad.value == pytest.approx(mean_gap(table(1), table(2, 0.5)))
    assert (bad.limit, bad.unit, bad.why, bad.group) == (0.2, "cm", MEAN.why, "")
    assert good.floor == bad.floor < 0.15


@pytest.mark.parametrize("wrong", [{"width": 1.6}, {"width": 0.5}], ids=["too wide", "too narrow"])
def test_a_limit_in_floors(wrong):
    check = Check("w1", "", lambda truth, answer: wasserstein(truth["x"], answer["x"]), 2.0, limit_in_floors=True)
    [good] = run_checks([check], table(1), table(2), table(3), seed=1)
    [bad] = run_checks([check], table(1), table(2, **wrong), table(3), seed=1)
    assert good.passed is True and bad.passed is False
    assert good.limit == pytest.approx(2 * good.floor) and good.floors == 2.0


def test_the_bootstrap_error_of_a_mean():
    [result] = run_checks([MEAN], table(1), table(2, shift=1.0), table(3), seed=1, bootstrap=300)
    assert result.error == pytest.approx(np.sqrt(2 / 400), rel=0.2)


def test_shared_fluctuations_cancel_where_events_pair():
    theta = 100 * np.random.default_rng(0).standard_normal(400)
    truth, answer = ({**table(seed), "x": theta + table(seed)["x"]} for seed in (1, 2))
    [result] = run_checks([MEAN], truth, {**answer, "x": answer["x"] + 1}, answer, seed=1, bootstrap=300)
    assert result.error == pytest.approx(np.sqrt(2 / 400), rel=0.2)


def test_the_floor_is_a_mean_over_exchanged_truths():
    expected = np.sqrt(2 / 400) * np.sqrt(2 / np.pi)
    floors = [run_checks([MEAN], table(seed), table(2), table(seed + 100), seed=1, bootstrap=200)[0].floor for seed in range(5)]
    assert np.mean(floors) == pytest.approx(expected, rel=0.35)
    unpaired = run_checks([Check("mean", "", mean_gap, 1, groups=lambda t: {"a": t["x"] > -9})], table(1, events=500), table(2), table(3), seed=1)
    assert unpaired[0].floor == pytest.approx(np.sqrt(1 / 400 + 1 / 500) * np.sqrt(2 / np.pi), rel=0.5)


def test_a_floor_is_made_once_for_several_answers():
    calls, floors = [], {}

    def value(truth, answer):
        calls.append(len(truth["x"]))
        return mean_gap(truth, answer)

    def result(seed, known):
        return run_checks([Check("mean", "", value, 0.2, bootstrap=0)], table(0), table(seed), table(3), 1, floors=known)[0]

    first, alone, after = result(1, floors), result(2, None), result(2, floors)
    assert len(calls) == 5 and after.to_json() | {"error": 0, "floor_error": 0} == alone.to_json() | {"error": 0, "floor_error": 0}
    assert after.floor == first.floor and after.value != first.value


def test_groups_are_checked_one_by_one_and_empty_ones_are_left_out():
    answer = table(2)
    answer["x"] = answer["x"] + np.where(answer["kind"] == 1, 0.6, 0.0)
    even, odd = run_checks([Check("mean", "", mean_gap, 0.3, groups=kinds)], table(1), answer, table(3), seed=1)
    assert (even.group, even.passed) == ("even", True)
    assert (odd.group, odd.passed) == ("odd", False)


def test_an_answer_that_lacks_a_group_fails():
    answer = table(2) | {"kind": np.zeros(400, int)}
    results = run_checks([Check("mean", "", mean_gap, 0.3, groups=kinds)], table(1), answer, table(3), seed=1)
    assert [r.passed for r in results] == [True, False]
    assert np.isnan(results[1].value)


def test_bootstrap_zero_spares_the_resamples():
    [result] = run_checks([Check("mean", "", mean_gap, None, bootstrap=0)], table(1), table(2), table(3), seed=1)
    assert np.isnan(result.error) and result.passed is None
    assert result.floor == pytest.approx(mean_gap(table(1), table(3)))


def test_same_seed_same_results_whatever_else_is_checked():
    spread = Check("spread", "", lambda t, a: abs(t["x"].std() - a["x"].std()), 1.0)
    alone = run_checks([MEAN], table(1), table(2), table(3), seed=4)
    assert run_checks([spread, MEAN], table(1), table(2), table(3), seed=4)[1] == alone[0]
    assert run_checks([MEAN], table(1), table(2), table(3), seed=5)[0].error != alone[0].error


def test_ragged_columns_are_resampled_by_event():
    def ragged(seed):
        return {"hits": Ragged.from_list(list(np.random.default_rng(seed).random((30, 3))))}

    check = Check("hits", "", lambda t, a: abs(t["hits"].values.mean() - a["hits"].values.mean()), 1.0)
    [result] = run_checks([check], ragged(1), ragged(2), ragged(3), seed=1, bootstrap=20)
    assert 0 < result.error < 0.1 and result.floor > 0


def test_without_a_second_truth_there_is_no_floor():
    [result] = run_checks([Check("mean", "", mean_gap, 2.0, limit_in_floors=True)], table(1), table(2), None, seed=1)
    assert np.isnan(result.floor) and result.passed is None and result.value > 0


def test_a_nan_fails_and_never_passes():
    [result] = run_checks([Check("nan", "", lambda t, a: float("nan"), 1.0)], table(1), table(2), table(3), seed=1, bootstrap=2)
    assert result.passed is False


def test_unusable_checks_are_refused():
    with pytest.raises(ValueError, match="share the name 'mean'"):
        run_checks([MEAN, MEAN], table(1), table(2), table(3), seed=1)
    with pytest.raises(ValueError, match="second_truth has 30 events, the answer 400"):
        run_checks([MEAN], table(1), table(2), table(3, events=30), seed=1)
    with pytest.raises(ValueError, match="limit_in_floors needs a limit"):
        Check("x", "", mean_gap, None, limit_in_floors=True)
    with pytest.raises(ValueError, match=r"group 'a' needs a boolean mask of shape \(400,\)"):
        run_checks([Check("x", "", mean_gap, 1, groups=lambda t: {"a": t["kind"]})], table(1), table(2), table(3), seed=1)
    with pytest.raises(ValueError, match="same names for every table"):
        run_checks([Check("x", "", mean_gap, 1, groups=lambda t: {str(len(t["x"])): t["kind"] == 0})], table(1), table(2, events=30), None, seed=1)
    with pytest.raises(ValueError, match=r"check 'w1', group 'even': .*NaN"):
        broken = table(2) | {"x": np.full(400, np.nan)}
        run_checks([Check("w1", "", lambda t, a: wasserstein(t["x"], a["x"]), 1, groups=kinds)], table(1), broken, table(3), seed=1)


def test_an_answer_without_the_columns_of_the_groups_is_grouped_as_its_truth():
    truth, stated = table(1), {"stated": table(2)["x"]}
    check = Check("gap", "", lambda t, a: abs(t["x"].mean() - a["stated"].mean()), 9.0, groups=kinds, best=lambda t, a: 0.5)
    results = run_checks([check], truth, stated, table(3), seed=1, bootstrap=2)
    assert [result.group for result in results] == [name for name, mask in kinds(truth).items() if mask.any()]
    assert all(result.floor == 0.5 for result in results)
    with pytest.raises(KeyError):
        run_checks([check], truth, {"stated": stated["stated"][:20]}, None, seed=1, bootstrap=2)
