import math

import pytest

from cloudchamber.report.summary import more_events, number, outcome, sentence, summarise, value_and_error
from cloudchamber.validate.check import CheckResult

NAN = math.nan


def result(value, group="", limit=2.0, name="mean", floor=0.5, passed=None, floors=None, error=0.1, groups=1):
    kept = (value <= limit if limit is not None else None) if passed is None else passed
    return CheckResult(name, group, value, error, floor, limit, kept, "cm", "because", floors, 0.1, groups, 100)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (NAN, "—"), (math.inf, "∞"), (1.23456, "1.23"), (-0.0123456, "-0.0123"), (123456, "123,456"), (1.5e-7, "1.50×10⁻⁷"), (2.5e18, "2.50×10¹⁸")],
)
def test_numbers_are_printed_to_three_digits(value, text):
    assert number(value) == text


def test_value_and_error_share_their_decimals():
    assert value_and_error(12.3456, 0.0456) == ("12.346", "0.046")
    assert value_and_error(12.3456, 4.56) == ("12.3", "4.6")
    assert value_and_error(1234.5, 456.7) == ("1,234", "457")
    assert value_and_error(12.3456, NAN) == ("12.3", "")
    assert value_and_error(NAN, NAN) == ("—", "")
    assert value_and_error(3e-7, 1e-8) == ("3.00×10⁻⁷", "1.0×10⁻⁸")


def test_the_worst_group_stands_for_the_check():
    results = [result(1.0, "proton, 17"), result(3.0, "iron, 17"), result(2.5, "iron, 18"), result(NAN, "proton, 18", passed=None, limit=None)]
    [row] = summarise({"flow": results})
    [cell] = row.cells
    assert (cell.value, cell.group, cell.outcome.verdict, cell.outcome.passed, cell.outcome.failed, cell.outcome.groups) == (
        "3.00",
        "iron, 17",
        "failed",
        1,
        2,
        3,
    )
    assert (row.limit, row.unit, row.why) == ("≤ 2 cm", "cm", "because")


def test_the_worst_group_is_judged_by_its_own_limit():
    [row] = summarise({"flow": [result(3.0, "a", limit=6.0, floors=2.0), result(2.0, "b", limit=1.0, floors=2.0)]})
    assert row.cells[0].group == "b"
    assert row.limit == "≤ 2 × floor"


def test_a_group_that_the_answer_lacks_is_the_worst():
    [row] = summarise({"flow": [result(99.0, "a"), result(NAN, "b", passed=False)]})
    assert (row.cells[0].value, row.cells[0].group, row.cells[0].outcome.verdict) == ("—", "b", "failed")


def test_the_smallest_value_is_best_and_a_lone_answer_has_no_rival():
    [row] = summarise({"flow": [result(1.0)], "wgan": [result(1.5)], "peer": []})
    assert [cell.best for cell in row.cells] == [True, False, False]
    assert row.cells[2].value == "—"
    [alone] = summarise({"flow": [result(1.0)]})
    assert not alone.cells[0].best


def test_groups_of_two_parts_make_a_map_and_others_a_list():
    [row] = summarise({"flow": [result(1.0, "proton, 17"), result(3.0, "iron, 18")]})
    [drawn] = row.maps
    assert drawn.columns == ["17", "18"]
    assert [(name, [cell.short for cell in cells]) for name, cells in drawn.rows] == [("proton", ["1.0", "—"]), ("iron", ["—", "3.0"])]
    assert [cell.shade for cell in drawn.rows[0][1]] == ["p2", ""]
    assert drawn.rows[1][1][1].shade == "f1"
    [row] = summarise({"flow": [result(1.0, "proton"), result(3.0, "iron")]})
    assert row.maps[0].columns == [] and [name for name, _ in row.maps[0].rows] == ["proton", "iron"]
    assert summarise({"flow": [result(1.0)]})[0].maps == []


def test_bars_put_the_limit_in_the_middle():
    [row] = summarise({"flow": [result(1.0)], "wgan": [result(99.0)], "free": [result(1.0, limit=None)]})
    assert [cell.bar for cell in row.cells] == [25, 100, None]
    assert row.cells[0].floor_bar == 12.5


def test_a_failure_that_truth_shares_is_open() -> None:
    [row] = summarise(
        {
            "small sample": [result(3.0, floor=2.8)],
            "worse than truth": [result(3.0, "a", floor=1.0), result(3.5, "b", floor=3.4)],
            "as good as truth": [result(1.0, "a", floor=2.5), result(3.0, "b", floor=2.9)],
            "passes": [result(1.0, floor=2.5)],
        }
    )
    assert [cell.outcome.verdict for cell in row.cells] == ["open", "failed", "open", "passed"]
    assert row.cells[1].group == "a", "what failed stands before what is open"
    assert row.cells[0].outcome.times == pytest.approx(max((2.8 / 2.0) ** 2, 1.0))
    assert row.maps[0].rows[1][1][0].shade == "o"


def test_a_star_needs_a_lead_beyond_the_errors() -> None:
    [row] = summarise({"flow": [result(1.0)], "wgan": [result(1.2)]})
    assert not any(cell.best for cell in row.cells)
    [row] = summarise({"flow": [result(1.0, error=NAN)], "wgan": [result(1.9, error=NAN)]})
    assert not any(cell.best for cell in row.cells), "without errors nobody knows"
    [row] = summarise({"fit": [result(1.0, limit=None)], "the same fit": [result(1.0, limit=None)]})
    assert not any(cell.best for cell in row.cells)


def test_the_sentence_says_what_passed_what_is_open_and_the_worst_failure() -> None:
    good, unsure, bad = result(1.0), result(3.0, name="width", floor=2.8), result(9.0, "iron", name="tail")
    worse = result(30.0, "proton", name="shape")
    assert sentence("flow", [good], 2000) == "On 2,000 events that it has not seen, flow keeps the limits of 1 of 1 check."
    assert sentence("flow", [good, result(1.0, name="width")], 2000).endswith("flow keeps the limits of all 2 checks.")
    assert "keeps the limits of 1 of 2 checks; 1 stays open (about 4,000 events would decide)." in sentence("flow", [good, unsure], 2000)
    said = sentence("flow", [good, bad], 2000)
    assert said.endswith("it fails tail (iron): 9.00 ± 0.10 cm where 2.00 is allowed, and truth itself reaches 0.50.")
    said = sentence("flow", [good, bad, worse], 2000)
    assert "it fails tail and shape. Worst is shape (proton): 30.00 ± 0.10 cm" in said
    assert "nothing here has a limit" in sentence("flow", [result(1.0, limit=None)], 2000)


def test_events_that_decide_are_rounded_up() -> None:
    assert more_events(1.96, 2000) == "about 4,000 events would decide"
    assert more_events(5.41, 2000) == "about 11,000 events would decide"
    assert more_events(math.inf, 2000) == "more than 200,000 events would be needed"
    near = result(2.01, name="near")
    said = sentence("flow", [near, result(3.0, name="width", floor=2.8)], 2000)
    assert "2 stay open (about 4,000 events would decide all but 1, for which more than 200,000 events would be needed)" in said
    assert outcome([result(1.0, limit=None)]).verdict is None
