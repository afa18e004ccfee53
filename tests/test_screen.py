"""What a terminal shows: results on stdout, the rest on stderr, and in the tables what was found."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloudchamber import screen
from cloudchamber.train.tune import Trial
from cloudchamber.validate.check import CheckResult
from cloudchamber.workflow.inference import Inference
from cloudchamber.workflow.listing import Listed
from cloudchamber.workflow.tuning import Tuned
from cloudchamber.workflow.validation import Validation

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal in which no cell breaks."""
    monkeypatch.setenv("COLUMNS", "200")


def test_results_go_to_stdout_as_they_are(capsys: Capture) -> None:
    screen.say("a [red]bracket[/] stays, and a line of many words " + "word " * 60 + "is one line")
    shown = capsys.readouterr()
    assert shown.err == "" and shown.out.count("\n") == 1 and "a [red]bracket[/] stays" in shown.out


def test_errors_go_to_stderr_in_one_line(capsys: Capture) -> None:
    screen.complain("no [bold]file[/] 'a\x1b[31m\x07b'; " + "word " * 60)
    shown = capsys.readouterr()
    assert shown.out == "" and shown.err.count("\n") == 1
    assert shown.err.startswith("error: no [bold]file[/] 'a\ufffd[31m\ufffdb'") and "\x1b" not in shown.err


def test_progress_is_shown_on_stderr(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    with screen.progress("simulating", "events") as told:
        told(20, 0, "")
        told(50, 200, "block 3")
    shown = capsys.readouterr()
    assert shown.out == "" and all(word in shown.err for word in ("simulating", "50/200", "block 3", "left"))


def test_an_interrupted_bar_leaves_the_error_to_others() -> None:
    with pytest.raises(KeyboardInterrupt), screen.progress("simulating", "events") as told:
        told(1, 2, "")
        raise KeyboardInterrupt
    with screen.progress("again", "events") as told:
        told(1, 1, "")


def test_work_without_an_end_says_nothing_on_stdout(capsys: Capture) -> None:
    with screen.working("loading") as told:
        told(3, 0, "")
        told(3, 0, "weights")
    assert capsys.readouterr().out == ""


def test_studies_name_the_default_recipe_and_what_is_packaged(capsys: Capture) -> None:
    one = Listed("a", "Study A", ("energy_ev",), ("light", "time"), ("full",), ("flow", "gan"), "gan", ("gan",), ("csv",), ("quarters",), ())
    other = Listed("b", "Study B", ("mass",), ("x",), ("full",), ("flow",), "flow", (), ("csv", "hdf5"), (), ())
    screen.show_studies([one, other])
    first, second = (part.splitlines() for part in capsys.readouterr().out.split("b: Study B"))
    facts = {line.split(":")[0].strip(): line.split(":")[1].strip() for line in first[1:] if line}
    assert facts == {
        "theta": "energy_ev",
        "x": "light, time",
        "simulators": "full",
        "recipes": "flow, gan (default)",
        "trained weights": "gan",
        "formats": "csv",
        "protocols": "quarters",
    }
    assert any("none packaged" in line for line in second) and not any("protocols" in line for line in second)


def result(name: str, value: float, floor: float, limit: float | None, group: str = "", unit: str = "") -> CheckResult:
    return CheckResult(name, group, value, 0.01, floor, limit, None if limit is None else value <= limit, unit, "", floor_error=0.05, events=500)


def validation(*checks: CheckResult) -> Validation:
    return Validation("toy", "runs/mine", 500, checks, {}, Path("reports/mine/index.html"))


def rows(shown: str) -> dict[str, list[str]]:
    """Cells of a table by their first one; a line without one goes on with the row above."""
    found: dict[str, list[str]] = {}
    for line in shown.splitlines():
        first, *cells = ([cell.strip() for cell in line.split("│")[1:-1]] if line.startswith("│") else []) or [""]
        if first:
            found[first] = cells
        elif cells:
            found |= {list(found)[-1]: [" ".join(filter(None, both)) for both in zip(found[list(found)[-1]], cells, strict=True)]}
    return found


def test_checks_show_their_worst_group_and_a_verdict(capsys: Capture) -> None:
    checks = [
        result("mean", 0.01, 0.01, 0.05, unit="cm"),
        result("width", 0.02, 0.01, 0.05, "low"),
        result("width", 0.31, 0.01, 0.05, "middle"),
        result("width", 0.04, 0.01, 0.05, "high"),
        result("shape", 0.2, 0.1, None),
    ]
    screen.show_validation(validation(*checks))
    shown = capsys.readouterr().out
    assert "runs/mine: 500 events compared" in shown and "report: reports/mine/index.html" in shown and "open" not in shown
    found = rows(shown)
    assert found["mean / cm"] == ["", "0.01", "0.01", "0.05", "passed"]
    assert found["width"] == ["middle", "0.31", "0.01", "0.05", "failed 1/3"]
    assert found["shape"] == ["", "0.2", "0.1", "", ""], "nothing to pass, no verdict"


def test_too_few_events_leave_a_check_open(capsys: Capture) -> None:
    screen.show_validation(validation(result("mean", 0.3, 0.2, 0.05), result("width", 0.01, 0.01, 0.05)))
    shown = capsys.readouterr().out
    assert rows(shown)["mean"][-1] == "open" and rows(shown)["width"][-1] == "passed"
    assert "1 stays open (about 8,000 events would decide)" in " ".join(shown.split())


def test_a_value_that_is_none_hides_no_other_group(capsys: Capture) -> None:
    nan = float("nan")
    empty = CheckResult("mean", "empty", nan, nan, nan, 0.05, None, "", "")
    screen.show_validation(validation(empty, result("mean", 0.03, 0.01, 0.05, "full")))
    assert rows(capsys.readouterr().out)["mean"][0] == "full"
    lacking = CheckResult("mean", "lacking", nan, nan, 0.01, 0.05, False, "", "")
    screen.show_validation(validation(lacking, result("mean", 0.03, 0.01, 0.05, "full")))
    assert rows(capsys.readouterr().out)["mean"] == ["lacking", "nan", "0.01", "0.05", "failed 1/2"], "an answer that gives nothing fails"


def test_facts_and_files_of_an_inference(capsys: Capture) -> None:
    found = Inference("toy", "run", 12, 11, {"events": 12, "a longer fact": 0.5}, Path("found/answers.csv"), Path("found/index.html"), None)
    screen.show_inference(found)
    shown = capsys.readouterr().out.splitlines()
    assert shown == ["events:        12", "a longer fact: 0.5", "answers: found/answers.csv", "report: found/index.html"]
    screen.show_inference(Inference("toy", "run", 12, 11, {"events": 12}, Path("a.csv"), Path("i.html"), Path("posterior.h5")))
    assert "draws: posterior.h5" in capsys.readouterr().out


def tuned(trials: int) -> Tuned:
    """Trials whose loss falls with their number; the last one failed."""
    done = [Trial(i, "complete", 10.0 - i, {"fit.epochs": i, "model.hidden": 8}, 1.0) for i in range(trials - 1)]
    last = Trial(trials - 1, "failed", float("nan"), {"fit.epochs": 99}, 1.0, "the loss is nan")
    return Tuned(Path("tuned"), "toy", "flow", 1.0, {}, (*done, last), Path("tuned/best.json"), Path("tuned/index.html"))


def test_trials_are_ranked_and_failures_told(capsys: Capture) -> None:
    screen.show_trials(tuned(4))
    shown = capsys.readouterr().out
    assert "toy/flow, 4 trials" in shown and "trial 3 failed: the loss is nan" in shown and "best settings: tuned/best.json" in shown
    found = rows(shown)
    assert list(found) == ["2", "1", "0", "3"], "the best one first, failed ones last"
    assert found["2"] == ["complete", "8", "fit.epochs 2 model.hidden 8"] and found["3"] == ["failed", "", "fit.epochs 99"]


def test_of_many_trials_the_best_are_shown(capsys: Capture) -> None:
    screen.show_trials(tuned(screen.SHOWN_TRIALS + 5))
    shown = capsys.readouterr().out
    assert f"the best {screen.SHOWN_TRIALS} of {screen.SHOWN_TRIALS + 5} trials" in shown
    assert list(rows(shown)) == [str(i) for i in range(screen.SHOWN_TRIALS + 3, 3, -1)]
