"""What the page tells of a user's events: counts over chunks, words and histograms, on answers that are known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cloudchamber import workflow
from cloudchamber.hub import load
from cloudchamber.run.trained import TrainedModel
from cloudchamber.schema import Ragged, Table
from cloudchamber.store.read import Store
from cloudchamber.study import find_study
from cloudchamber.workflow.answers_page import NAMED_EVENTS, SHOWN_COLUMNS, SHOWN_EVENTS, SHOWN_PANELS, Told, write_answers_page


@pytest.fixture(scope="module")
def model(classes: Path) -> TrainedModel:
    return load(classes)


@pytest.fixture
def told(model: TrainedModel) -> Told:
    return Told(model, find_study("toy_sets"), "runs/mine", "mine.hits")


def seen(n: int) -> Table:
    """``n`` events of ten hits each."""
    offsets = 10 * np.arange(n + 1)
    return {"time_us": Ragged(np.full(10 * n, 50, np.float32), offsets), "charge_pe": Ragged(np.ones(10 * n, np.float32), offsets)}


def answers(burst: list[float], first: int = 0, **more: np.ndarray) -> Table:
    probability = np.array(burst)
    return {
        "event": first + np.arange(len(burst)),
        "kind_probability_noise": 1 - probability,
        "kind_probability_burst": probability,
        **more,
    }


def test_counts_go_on_from_chunk_to_chunk(told: Told) -> None:
    for first, part in enumerate(([0.9, 0.2], [0.8], [0.4, 0.1, 0.6])):
        told.see(seen(len(part)), np.ones(len(part), bool))
        told.answer(answers(part, 10 * first))
    assert told.facts("skip") == {"study": "toy_sets", "model": f"runs/mine: {told.model.doc}", "events": 6, "read from": "mine.hits"}
    assert told.verdict() == "6 events. Most probable kind: noise 3, burst 3."
    assert [row[0] for row in told.rows] == ["0", "1", "10", "20", "21", "22"] and told.rows[0] == ["0", "0.1", "0.9"]


@pytest.mark.parametrize(
    ("familiar", "words"),
    [
        ([0.002], "Not to be trusted: This event is not like"),
        ([0.3], ""),
        ([0.001] + [0.5] * 199, ""),
        ([0.001] * 9 + [0.5] * 191, "Not to be trusted: 9 of 200 events are not like"),
    ],
)
def test_answers_to_events_unlike_the_training_come_with_a_warning_first(told: Told, familiar: list[float], words: str) -> None:
    """More of them than chance makes: of 200 events, 2 are expected."""
    told.see(seen(len(familiar)), np.ones(len(familiar), bool))
    told.answer(answers([0.5] * len(familiar), familiarity=np.array(familiar)))
    assert told.warning().startswith(words) and bool(told.warning()) == bool(words)
    assert told.verdict().startswith(words or "1 event" if len(familiar) == 1 else words or "200 events")
    assert next(iter(told.facts("skip"))) == ("warning" if words else "study")


def test_one_event_is_one_event(told: Told) -> None:
    told.see(seen(1), np.ones(1, bool))
    told.answer(answers([0.7]))
    assert told.verdict() == "1 event. Most probable kind: noise 0, burst 1." and told.overview() == {}, "a histogram of one event says nothing"


def test_events_outside_the_domain_are_named_by_their_place_in_the_file(told: Told) -> None:
    odd, fine = seen(20), np.ones(20, bool)
    fine[[4, 7]] = False
    odd["charge_pe"].values[[45, 70]] = 1e6
    told.see(seen(100), np.ones(100, bool))
    told.see(odd, fine)
    told.answer(answers([0.5] * 118))
    said = str(told.facts("skip")["not answered"])
    assert said.startswith("2 outside the trained domain (event 104, 107): column 'charge_pe': 1e+06")
    told.see(odd, np.zeros(20, bool))
    said = str(told.facts("skip")["not answered"])
    assert said.startswith("22 outside the trained domain (event 104, 107, 120, 121, 122, ...): ") and NAMED_EVENTS == 5
    assert "not answered" not in told.facts("flag")


def test_flagged_and_strange_events_are_counted(told: Told) -> None:
    for part, familiarity in (([True, False, False], [0.5, 0.001, 0.009]), ([True], [0.0101])):
        n = len(part)
        told.see(seen(n), np.ones(n, bool))
        told.answer(answers([0.1] * n, in_domain=np.array(part), familiarity=np.array(familiarity)))
    facts = told.facts("flag")
    assert facts["outside the trained domain"] == 2
    assert facts["strange events"] == "2 of 4 less familiar than 99% of those like the training's (0.04 expected)"


def test_without_familiarity_nothing_is_said_of_strange_events(told: Told) -> None:
    told.see(seen(2), np.ones(2, bool))
    told.answer(answers([0.1, 0.2]))
    assert "strange events" not in told.facts("skip")


def test_the_page_shows_the_first_events_and_plain_columns_alone(told: Told, tmp_path: Path) -> None:
    more = {f"c{i}": np.arange(80) + 0.123456 for i in range(20)}
    more |= {"flag": np.arange(80) % 2 == 0, "matrix": np.zeros((80, 2)), "set": Ragged(np.zeros(80), np.arange(81))}
    for first in (0, 80):
        told.see(seen(80), np.ones(80, bool))
        told.answer({"event": first + np.arange(80), "flag": more.pop("flag", np.ones(80, bool)), **answers([0.3] * 80, first), **more})
    assert len(told.rows) == SHOWN_EVENTS and len(told.shown) == SHOWN_COLUMNS == len(told.rows[-1])
    assert told.shown[:3] == ["event", "flag", "kind_probability_noise"] and not {"matrix", "set"} & set(told.shown)
    assert [row[1] for row in told.rows[:2]] == ["yes", "no"] and told.rows[5][-1] == "5.123"
    page = write_answers_page(tmp_path, told, told.facts("skip"), {}, Path("answers.csv"), Path("posterior.h5")).read_text()
    assert "The first 100 of 160 events." in page and "draws of them in posterior.h5" in page and "How the answers spread over the events." in page
    assert page.count("<tr>") >= SHOWN_EVENTS and "<td>99</td>" in page and "<td>100</td>" not in page


def test_histograms_hold_all_answers(told: Told) -> None:
    probabilities = np.random.default_rng(1).uniform(size=300)
    for part in np.split(probabilities, 3):
        told.see(seen(100), np.ones(100, bool))
        told.answer(answers(part.tolist(), time_us_mean=100 * part))
    figure = told.overview()["Answers"]
    named = {axes.get_xlabel(): axes for axes in figure.axes if axes.get_xlabel()}
    assert list(named) == ["kind probability noise", "kind probability burst", "time us mean"] and {axes.get_ylabel() for axes in named.values()} == {"events"}
    bars = named["kind probability burst"].patches
    np.testing.assert_array_equal([bar.get_height() for bar in bars], np.histogram(probabilities, np.linspace(0, 1, 26))[0])
    assert sum(bar.get_height() for bar in named["time us mean"].patches) == 300
    figure.draw_without_rendering()


def test_so_many_panels_and_no_more(told: Told) -> None:
    told.see(seen(3), np.ones(3, bool))
    told.answer(answers([0.1, 0.2, 0.3], **{f"q{i}_mean": np.arange(3.0) for i in range(9)}, vector_mean=np.zeros((3, 2))))
    assert len([axes for axes in told.overview()["Answers"].axes if axes.get_xlabel()]) == SHOWN_PANELS


def test_a_study_without_findings_of_its_own_gets_histograms(classes: Path, hits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = Store(hits).read(["time_us", "charge_pe"], slice(0, 12))
    monkeypatch.setattr("toy_study.sets.STUDY", replace(find_study("toy_sets"), infer=None))
    found = workflow.infer(classes, table, tmp_path / "found")
    assert "How the answers spread" in found.report.read_text() and "hits" not in found.answers


def test_events_of_more_than_one_peak_are_named(time: Path) -> None:
    model = load(time)
    told = Told(model, find_study("toy_sets"), "runs/mine", "mine.hits")
    for first in (0, 10):
        event = first + np.arange(10)
        told.see(seen(10), np.ones(10, bool))
        numbers = {f"burst_us_{word}": np.ones(10) for word in ("mean", "std", "q16", "q50", "q84")}
        told.answer({"event": event, **numbers, "burst_us_modes": np.where(event % 3 == 0, 2, 1)})
    assert told.facts("skip")["more than one peak"].startswith("burst_us 7 of 20 (event 0, 3, 6, 9, 12, ...): there a mean and a deviation mislead")  # type: ignore[union-attr]
    assert "burst_us_modes" in told.shown and "burst_us_q50" in told.shown
