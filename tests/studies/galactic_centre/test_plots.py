"""Figures are drawn, and what they show is where and what it should be."""

from __future__ import annotations

import numpy as np
import pytest
from answers import answered, truths
from matplotlib.figure import Figure

from cloudchamber.rng import rng
from cloudchamber.schema import Table
from cloudchamber.studies.galactic_centre.plots import by_brightness, maps, plots, relative_error, strangeness

NSIDE = 32


def drawn(figure: Figure) -> Figure:
    figure.draw_without_rendering()
    return figure


def seen(events: int) -> Table:
    truth = truths(events)
    return truth | {"counts": rng(1).poisson(4.0, (events, 3, NSIDE, NSIDE)).astype(np.int32), "exposure_cm2_s": np.full((events, 3), 4e11)}


def test_every_figure_is_drawn_and_says_what_it_shows() -> None:
    truth = seen(300)
    figures = plots(truth, {"posterior": answered(truth, 0.5), "too sure": answered(truth, 0.5, 0.5), "no posterior": truth})
    assert set(figures) == {"Simulated maps", "One event", "Coverage", "Ranks", "Answers and truth", "Brightness of sources"}
    for figure in figures.values():
        assert drawn(figure).get_label()
    words = [text.get_text() for legend in figures["Brightness of sources"].legends for text in legend.get_texts()]
    assert {"posterior", "too sure"} <= set(words) and "no posterior" not in words


def test_an_answer_about_f_src_alone_is_shown_too() -> None:
    truth = seen(60)
    alone = {name: values for name, values in answered(truth, 0.5).items() if not name.endswith("_draws") or name == "f_src_draws"}
    figures = plots(truth, {"fsrc_cnn": alone})
    assert [label.get_text() for label in figures["Answers and truth"].axes[0].get_yticklabels()] == ["f_src"]
    for figure in figures.values():
        drawn(figure)


def test_without_an_answer_there_are_maps_alone() -> None:
    truth = seen(2)
    figures = plots(truth, {"no posterior": truth})
    assert set(figures) == {"Simulated maps"}
    # one axis for each of the two, and the scale
    assert len(drawn(figures["Simulated maps"]).axes) == 3


def test_maps_go_from_few_sources_to_many() -> None:
    truth = seen(50)
    titles = [axis.get_title() for axis in maps(truth).axes if axis.get_title()]
    shares = [float(title.split()[1].rstrip(",")) for title in titles]
    assert len(shares) == 3 and shares == sorted(shares)
    assert shares[0] == pytest.approx(truth["f_src"].min(), abs=0.006) and shares[-1] == pytest.approx(truth["f_src"].max(), abs=0.006)


def test_what_is_learned_is_told_by_the_error_over_the_prior_s() -> None:
    truth = truths(2000)
    for parameter in ("f_src", "source_break_cm2_s"):
        errors = [relative_error(truth, answered(truth, width), parameter) for width in (0.1, 1.0, 30.0)]
        assert errors[0] < 0.1 < 0.3 < errors[1] < 0.8 and errors[2] == pytest.approx(1.0, abs=0.02)


def test_groups_of_brightness_with_few_events_are_left_out() -> None:
    truth = truths(400)
    truth["source_break_cm2_s"] = np.where(np.arange(400) < 3, 3e-12, 5e-10)
    error, covered = by_brightness(truth, {"one": answered(truth, 0.5)}).axes
    values = np.asarray(error.lines[0].get_ydata(), float)
    assert np.isfinite(values).sum() == 1 and np.isnan(values[0])
    assert 0.5 < np.nanmax(np.asarray(covered.lines[0].get_ydata(), float)) < 0.85


@pytest.mark.parametrize("own", [1.0, 50.0])
def test_a_sky_is_shown_beside_the_training_s_wherever_it_lies(own: float) -> None:
    axis = drawn(strangeness(own, np.linspace(0.7, 1.6, 1001))).axes[0]
    low, high = axis.get_xlim()
    assert low < own < high and axis.lines[0].get_xdata()[0] == own
