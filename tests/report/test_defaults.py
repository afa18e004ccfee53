from __future__ import annotations

import numpy as np
from cloudchamber.report.defaults import default_figures

from cloudchamber.schema import Column, Schema

SCHEMA = Schema({"mass": Column(unit="GeV"), "spin": Column(), "kind": Column(categories=("p", "Fe"))}, {"x": Column(shape=(2,))})


def test_an_inference_has_a_corner_coverage_and_ranks() -> None:
    random = np.random.default_rng(1)
    truth = {"mass": random.normal(size=300), "spin": random.normal(size=300), "kind": np.zeros(300, int), "x": random.normal(size=(300, 2))}
    answer = {f"{name}_draws": truth[name][:, None] + random.normal(size=(300, 50)) for name in ("mass", "spin")}
    figures = default_figures(SCHEMA, ("mass", "spin"), truth, {"mine": answer, "other": answer})
    assert list(figures) == ["One event", "Coverage", "Ranks"]
    corner = figures["One event"]
    assert [axes.get_xlabel() for axes in corner.axes if axes.get_xlabel()] == ["mass  (GeV)", "spin"] and len(corner.axes) == 3
    assert [axes.get_xlabel() for axes in figures["Ranks"].axes] == ["rank of mass", "rank of spin", "rank of all together"]
    assert len(figures["Coverage"].axes) == 2


def test_a_surrogate_has_its_distributions_and_a_class_alone_none() -> None:
    x = np.random.default_rng(1).normal(size=(100, 2))
    [(name, figure)] = default_figures(SCHEMA, ("x",), {"x": x}, {"mine": {"x": x}}).items()
    assert name == "Distributions" and [axes.get_xlabel() for axes in figure.axes] == ["x[0]", "x[1]"]
    assert default_figures(SCHEMA, ("kind",), {"x": x}, {}) == {}
