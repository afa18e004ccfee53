"""The figures on showers of the right shape (Gumbel distributed Xmax, Gaisser-Hillas profiles): what they hold, and that odd samples do not break them."""

from __future__ import annotations

import io

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from cloudchamber.schema import take
from cloudchamber.studies.airshower.plots.parts import COLOURS
from cloudchamber.studies.airshower.plots.report import plots, simulator_gate, solver_steps, xmax_moments

HEADINGS = [
    "Longitudinal profiles",
    "Depth of the shower maximum",
    "Shower maximum and muons",
    "Elongation rate",
    "Profile quantiles, ratio to the simulator",
    "Single showers",
]


def lay_out(figures: dict[str, Figure]) -> None:
    """Lay the figures out, so that warnings show."""
    for figure in figures.values():
        figure.draw_without_rendering()


def test_all_figures_with_captions(truth, answers):
    figures = plots(truth, answers)
    assert list(figures) == HEADINGS
    for figure in figures.values():
        figure.savefig(io.BytesIO(), format="svg", bbox_inches="tight")
        assert figure.get_label().endswith(".")
        assert all(axis.get_xlabel() or not axis.get_subplotspec().is_last_row() for axis in figure.axes)
    assert [text.get_text() for text in figures["Depth of the shower maximum"].legends[0].texts] == ["simulator", "Gumbel, Sibyll 2.3d", *answers]


def test_without_answers_only_the_ratio_is_missing(truth):
    assert list(plots(truth, {})) == [heading for heading in HEADINGS if not heading.startswith("Profile quantiles")]


@pytest.mark.parametrize("primaries", [(5,), (0, 5), (1, 2, 3)])
def test_missing_primaries(truth, answers, primaries):
    few = np.flatnonzero(np.isin(truth["primary"], primaries))[:50]
    figures = plots(take(truth, few), {"flow": take(answers["flow"], few)})
    assert list(figures) == HEADINGS
    lay_out(figures)
    assert len(figures["Depth of the shower maximum"].axes) == len(primaries)
    assert len(figures["Single showers"].axes) == len(primaries)


@pytest.mark.parametrize("n", [1, 50])
def test_few_events(truth, answers, n):
    figures = plots(take(truth, slice(0, n)), {"flow": take(answers["flow"], slice(0, n))})
    assert ("Elongation rate" in figures) == (n == 50)
    lay_out(figures)


def test_no_events(truth):
    assert plots(take(truth, slice(0, 0)), {}) == {}


def test_an_answer_that_failed_is_drawn_where_it_is_finite(truth, answers):
    broken = {name: np.array(values, float) for name, values in answers["flow"].items()}
    for name, bad in (("n_electron", np.nan), ("n_muon", np.inf), ("xmax_g_cm2", np.nan)):
        broken[name][::3] = bad
    collapsed = {**answers["flow"], "xmax_g_cm2": np.full(1200, 700.0), "n_muon": np.ones((1200, 248))}
    median = plots(truth, {"broken": broken})["Profile quantiles, ratio to the simulator"].axes[1]
    ratios = [curve.get_ydata() for curve in median.lines if len(curve.get_ydata()) > 2]
    assert len(ratios) == 2 and all(np.nanmax(np.abs(ratio - 1)) < 0.5 for ratio in ratios)
    assert list(plots(truth, {"collapsed": collapsed})) == HEADINGS
    lay_out(plots(truth, {"nothing": {**answers["flow"], "n_electron": np.full((1200, 248), np.nan)}}))


def test_a_column_that_is_missing_costs_its_figures_only(truth, answers):
    without = {name: values for name, values in truth.items() if name != "n_muon"}
    assert list(plots(without, answers)) == ["Depth of the shower maximum", "Elongation rate"]
    only_xmax = {name: values for name, values in answers["flow"].items() if not name.startswith("n_")}
    assert list(plots(truth, {"parametrised": only_xmax})) == list(plots(truth, {}))


def test_the_ratio_shows_a_known_bias(truth):
    figure = plots(truth, {"biased": {**truth, "n_electron": 1.05 * truth["n_electron"]}})["Profile quantiles, ratio to the simulator"]
    for axis in figure.axes[:3]:
        curves = [curve for curve in axis.lines if to_rgb(curve.get_color()) in (to_rgb(COLOURS["p"]), to_rgb(COLOURS["Fe"]))]
        assert len(curves) == 2
        for curve in curves:
            ratio = curve.get_ydata()
            assert np.allclose(ratio[np.isfinite(ratio)], 1.05)
        assert axis.get_ylim()[1] > 1.05


def test_the_correlation_is_taken_at_fixed_energy(truth):
    figure = plots(truth, {})["Shower maximum and muons"]
    notes = [text.get_text() for axis in figure.axes for text in axis.texts if "ρ" in text.get_text()]
    assert len(notes) == 6
    # Xmax and muons are independent here, but both rise with energy
    assert all(abs(float(note.split("=")[1].replace("−", "-"))) < 0.35 for note in notes)


def test_solver_steps():
    figure = solver_steps([1, 2, 4, 8], {"Euler": [0.5, 0.2, 0.1, 0.05], "midpoint": [0.2, 0.05, 0.04, 0.04]}, [8e3, 4e3, 2e3, 1e3], 0.03)
    quality, speed = figure.axes
    assert quality.get_yscale() == speed.get_yscale() == speed.get_xscale() == "log"
    assert [text.get_text() for text in figure.legends[0].texts] == ["Euler", "midpoint", "simulator against simulator"]
    lay_out({"steps": figure, "one": solver_steps([4], {"AUC": [0.5]}, [10.0], None)})
    with pytest.raises(ValueError, match="'Euler' holds 1 values for 2 steps"):
        solver_steps([1, 2], {"Euler": [0.5]}, [1.0, 1.0], None)


def test_simulator_gate(truth):
    rows = xmax_moments(truth, truth["xmax_g_cm2"], [17, 17.5, 18, 18.5, 19])
    figure = simulator_gate(rows)
    lay_out({"gate": figure, "photons": simulator_gate([row for row in rows if row.primary == "photon"])})
    assert figure.get_figwidth() > 2 * figure.get_figheight()
    with pytest.raises(ValueError, match="no rows"):
        simulator_gate([])


def test_a_long_path_leaves_the_panels_their_room(truth, answers):
    name = "/somewhere/far-below/" + "a-folder-of-runs/" * 4 + "run-matching"
    figures = plots(take(truth, slice(0, 200)), {name: take(answers["flow"], slice(0, 200))})
    lay_out(figures)
    figure = figures["Shower maximum and muons"]
    assert all(axis.get_position().width > 0.2 for axis in figure.axes)
    notes = [text.get_text() for axis in figure.axes for text in axis.texts if "ρ" in text.get_text()]
    assert notes and all("runs/run-matching  ρ = " in note for note in notes)
