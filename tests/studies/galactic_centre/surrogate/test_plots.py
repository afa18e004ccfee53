"""Figures of drawn maps are drawn, and show the simulator beside every answer."""

from __future__ import annotations

import numpy as np

from cloudchamber.rng import rng
from cloudchamber.studies.galactic_centre.plots import plots
from cloudchamber.studies.galactic_centre.sky.diffuse_sky import DiffuseSky
from cloudchamber.studies.galactic_centre.surrogate.plots import spectra

SKY = DiffuseSky(32)


def test_every_figure_is_drawn_and_says_what_it_shows() -> None:
    theta = SKY.prior(20, rng(1))
    one, two = (theta | SKY.simulate(theta, rng(seed)) for seed in (2, 3))
    found = plots(one, {"surrogate": two})
    assert set(found) == {"Maps", "Power spectra", "Values by latitude"}
    for figure in found.values():
        figure.draw_without_rendering()
        assert figure.get_label()
    assert [text.get_text() for text in found["Power spectra"].legends[0].get_texts()] == ["simulator", "surrogate"]
    # three maps of two kinds, true and drawn
    assert sum(bool(axis.images) for axis in found["Maps"].axes) == 12


def test_spectra_of_the_same_maps_lie_on_each_other() -> None:
    theta = SKY.prior(20, rng(1))
    table = theta | SKY.simulate(theta, rng(2))
    axis = spectra(table, {"again": table}).axes[0]
    median, low, again = (np.asarray(axis.lines[number].get_ydata(), float) for number in (0, 1, 2))
    np.testing.assert_array_equal(median, again)
    assert np.all(low < median)
