from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from cloudchamber.schema import Table, take
from cloudchamber.studies.surface_array import estimates as say
from cloudchamber.studies.surface_array.plots.report import energy_edges, plots, roc

HEADINGS = ["Resolution and bias", "Explained variance", "Pulls and coverage", "Xmax and photons", "An event"]


def drawn(figures: dict[str, Figure]) -> list[str]:
    for figure in figures.values():
        figure.draw_without_rendering()
        assert figure.get_label()
    return list(figures)


def test_all_figures_are_drawn(simulated: Table, answer_to) -> None:
    other = answer_to(simulated, 1.3)
    del other["particle_probability"]
    assert drawn(plots(simulated, {"a network": answer_to(simulated), "of numbers alone": other})) == HEADINGS


def test_the_fit_alone_and_few_events_of_one_energy(simulated: Table, answer_to) -> None:
    few = take(simulated, np.flatnonzero(simulated["energy_ev"] > 2e19)[:30]) | {"energy_ev": np.full(30, 5.7e19)}
    assert drawn(plots(few, {})) == ["Resolution and bias", "An event"]
    assert drawn(plots(few, {"a network": answer_to(few)})) == HEADINGS
    assert plots(few | {"fit_flags": np.full(30, 8)}, {}) == {}


def test_lines_show_what_the_checks_measure(simulated: Table, answer_to) -> None:
    chosen = take(simulated, np.flatnonzero(np.asarray(simulated["particle"]) == 1)) | {}
    chosen["energy_ev"] = np.full(len(chosen["energy_ev"]), 1e19)
    answer = answer_to(chosen)
    from cloudchamber.studies.surface_array.fit.quality import passes

    good = passes(chosen)
    axes = plots(chosen, {"a network": answer})["Resolution and bias"].axes[0]
    fit, network = (float(np.asarray(container.lines[0].get_ydata())[0]) for container in axes.containers)
    assert fit == pytest.approx(say.quantile68(say.opening_deg(chosen, say.fit_direction(chosen))[good]))
    assert network == pytest.approx(say.quantile68(say.opening_deg(chosen, say.network_direction(answer))[good]))


def test_roc_of_known_scores() -> None:
    kept, passed = roc(np.array([0.1, 0.2, 0.6]), np.array([0.5, 0.7]))
    assert np.allclose(kept, [0, 0.5, 0.5, 1, 1, 1]) and np.allclose(passed, [0, 0, 1 / 3, 1 / 3, 2 / 3, 1])


def test_bins_hold_all_events() -> None:
    lg = np.linspace(0, 2, 500)
    assert len(energy_edges(lg)) > 5 and energy_edges(lg)[0] < 0 and energy_edges(lg)[-1] > 2 and len(energy_edges(np.zeros(9))) == 2
