"""What a terminal of 80 columns shows."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from cloudchamber import screen
from cloudchamber.train.tune import Trial
from cloudchamber.validate.check import CheckResult
from cloudchamber.workflow.inference import Inference
from cloudchamber.workflow.listing import list_studies
from cloudchamber.workflow.tuning import Tuned
from cloudchamber.workflow.validation import Validation

LONG = "a long fact that tells of what was left out, of why, and of cosmic_ray_sky_with_a_name_of_its_own, in more words than fit into one line"


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


def fits(text: str, words: str = "") -> bool:
    return max(map(len, text.splitlines())) <= 80 and set(words.split()) <= set(text.split())


def test_studies_fit(capsys: pytest.CaptureFixture[str]) -> None:
    studies = list_studies()
    screen.show_studies(studies)
    shown = capsys.readouterr().out
    assert fits(shown) and all(f"{study.name}: {study.title}" in shown and set(study.simulators) <= set(re.split(r"[,\s]+", shown)) for study in studies)


def test_facts_fit(capsys: pytest.CaptureFixture[str]) -> None:
    place = Path("found")
    screen.show_inference(Inference("toy", "toy/flow", 3, 2, {"events": 3, "not answered": LONG}, place / "a.csv", place / "index.html", place / "p.h5"))
    shown = capsys.readouterr().out
    assert fits(shown, LONG) and "events:       3\n" in shown and "\n              " in shown


def test_checks_fit(capsys: pytest.CaptureFixture[str]) -> None:
    nan = float("nan")
    many = [
        CheckResult("mean depth of the shower maximum", f"iron, 10^{18 + k / 10}, 60 deg", 12345.6, nan, 0.0123, 0.5, False, "relative", "why")
        for k in range(9)
    ]
    light = CheckResult("light", "", 1e-9, nan, 1e-10, 1e-8, True, "pe", "why")
    screen.show_validation(Validation("toy", "toy/flow", 10, (*many, light), {}, Path("r.html")))
    shown = capsys.readouterr().out
    assert fits(shown, "mean depth of the shower maximum 1.23e+04 0.0123 1e-09 1e-10 1e-08 passed") and "report: r.html" in shown


def test_trials_fit(capsys: pytest.CaptureFixture[str]) -> None:
    settings = {f"model.second.body.long_name_of_one_{k}": 10.0**-k for k in range(6)}
    trials = tuple(Trial(number, "complete", 0.1 * number, settings, 1.0) for number in range(3))
    screen.show_trials(Tuned(Path("out"), "toy", "flow", 0.0, {}, trials, Path("best.json"), Path("r.html")))
    assert fits(capsys.readouterr().out, " ".join(settings))


def test_a_bar_fits_and_tells_the_mean_rate(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    with screen.progress("simulating", "events") as told:
        told(0, 0, "loading torch")
        told(100_000, 200_000, "")
        time.sleep(0.2)
        told(200_000, 200_000, LONG)
    frames = re.split(r"[\n\r]", re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", capsys.readouterr().err))
    assert max(len(frame.rstrip()) for frame in frames) <= 80
    [rate] = {float(found) for frame in frames[-6:] for found in re.findall(r"200000/200000 (\S+) events/s", frame)}
    assert 1e5 < rate <= 5e5


def test_without_a_terminal_what_begins_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    with screen.progress("training", "epochs") as told:
        for word in ("loading torch", "loading torch", "encoding"):
            told(0, 0, word)
        told(1, 3, "loss 2")
    with screen.working("inferring") as told:
        told(512, 0, "")
    assert capsys.readouterr().err == "training ...\nloading torch ...\nencoding ...\ninferring ...\n"
