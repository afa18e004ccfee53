from __future__ import annotations

import io

import numpy as np

from cloudchamber.report.defaults import MOST_NUMBERS, default_figures
from cloudchamber.schema import Column, Schema

KIND = Column(categories=("p", "Fe"))
SCHEMA = Schema(
    {"mass": Column(unit="GeV", doc="rest mass of the particle"), "spin": Column(), "kind": KIND},
    {"x": Column(shape=(2,), unit="V", doc="voltage"), "kind_seen": KIND},
)


def events(n: int = 300, seed: int = 1) -> dict:
    random = np.random.default_rng(seed)
    return {"mass": random.normal(size=n), "spin": random.normal(size=n), "kind": np.zeros(n, int), "x": random.normal(size=(n, 2))}


def answered(truth: dict, names: tuple[str, ...] = ("mass", "spin")) -> dict:
    random = np.random.default_rng(2)
    return {f"{name}_draws": truth[name][:, None] + random.normal(size=(len(truth[name]), 50)) for name in names}


def test_an_inference_has_a_corner_coverage_and_ranks_in_the_columns_words() -> None:
    truth = events()
    figures = default_figures(SCHEMA, ("mass", "spin"), truth, {"mine": answered(truth), "other": answered(truth)})
    assert list(figures) == ["One event", "Coverage", "Ranks"]
    corner = figures["One event"]
    assert [axes.get_xlabel().replace("\n", " ") for axes in corner.axes if axes.get_xlabel()] == ["rest mass of the particle (GeV)", "spin"]
    assert len(corner.axes) == 3 and {text.get_text() for text in corner.legends[0].get_texts()} == {"prior", "draws", "truth"}
    labels = [axes.get_xlabel() for axes in figures["Ranks"].axes]
    assert labels == ["rank of rest mass of the particle", "rank of spin", "rank of all together, by density", "rank of all together, by distance (TARP)"]
    assert [axes.get_title() for axes in figures["Coverage"].axes] == ["mine", "other"]
    assert all(axes.get_xlabel() and axes.get_ylabel() for axes in figures["Coverage"].axes)


def test_the_truth_is_inside_the_corner_and_a_narrow_posterior_fills_it() -> None:
    truth = events()
    answer = {"mass_draws": 0.5 + 0.001 * answered(truth)["mass_draws"]}
    truth["mass"][0] = 0.52
    [panel] = default_figures(SCHEMA, ("mass",), truth, {"mine": answer})["One event"].axes
    low, high = panel.get_xlim()
    assert low < answer["mass_draws"][0].min() and answer["mass_draws"][0].max() < 0.52 < high < low + 0.5


def test_nothing_is_cut() -> None:
    """What is drawn beyond the canvas, as by a long label, would be lost: the page takes the tight box, which is little larger than the figure."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    long = "the logarithm of the number of muons that reach the ground within a kilometre of the core of the shower"
    schema = Schema({f"p{n}": Column(unit="g/cm2", doc=long) for n in range(3)}, {"x": Column()})
    truth = {name: np.random.default_rng(1).normal(size=200) for name in schema.theta}
    figures = default_figures(schema, tuple(schema.theta), truth, {"a run in a folder with a long name": answered(truth, tuple(schema.theta))})
    for figure in figures.values():
        canvas = FigureCanvasAgg(figure)
        canvas.print_png(io.BytesIO())
        box = figure.get_tightbbox(canvas.get_renderer())
        assert box.width < 1.1 * figure.get_figwidth() and box.height < 1.15 * figure.get_figheight()


def test_many_numbers_are_shown_in_part() -> None:
    schema = Schema({"p": Column(shape=(30,))}, {"x": Column()})
    truth = {"p": np.random.default_rng(1).normal(size=(100, 30))}
    answer = {"p_draws": np.random.default_rng(2).normal(size=(100, 20, 30))}
    figures = default_figures(schema, ("p",), truth, {"mine": answer})
    assert len(figures["One event"].axes) == MOST_NUMBERS * (MOST_NUMBERS + 1) // 2
    assert figures["One event"].axes[-1].get_xlabel() == "p [29]"


def test_a_surrogate_has_distributions_and_correlations_and_a_class_alone_none() -> None:
    truth = events() | {"kind_seen": np.zeros(300, int)}
    figures = default_figures(SCHEMA, ("x", "kind_seen"), truth, {"mine": events(seed=3)})
    assert list(figures) == ["Distributions", "Correlations"]
    assert [axes.get_xlabel() for axes in figures["Distributions"].axes] == ["voltage [0] (V)", "voltage [1] (V)"]
    assert default_figures(SCHEMA, ("kind",), truth, {}) == default_figures(SCHEMA, ("kind_seen",), truth, {}) == {}


def test_values_that_never_vary_are_drawn() -> None:
    truth = events() | {"mass": np.full(300, 7.0)}
    answer = {"mass_draws": np.full((300, 50), 7.0)}
    assert len(default_figures(SCHEMA, ("mass",), truth, {"mine": answer})) == 3
