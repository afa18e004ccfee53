"""Figures of hits, of windows and of a stream."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from cloudchamber.rng import rng
from cloudchamber.studies.bolometer.detector import PLANCK
from cloudchamber.studies.bolometer.plots import plots, stream_figures
from cloudchamber.studies.bolometer.signal.filters import Starts
from cloudchamber.studies.bolometer.views.windows import WindowsView


def test_figures_of_windows() -> None:
    view = WindowsView(samples=200, detector=PLANCK)
    theta = view.prior(6, rng(1))
    truth, answer = ({**theta, **view.simulate(theta, rng(seed))} for seed in (2, 3))
    del answer["hit_family"]
    drawn = plots(truth, {"answer": answer})
    assert set(drawn) == {"A window", "Amplitudes", "Correlations", "Power spectrum"} and all(isinstance(each, Figure) for each in drawn.values())
    assert len(drawn["A window"].axes) == 2


def test_figures_of_a_stream_show_data_and_theory() -> None:
    view = WindowsView(samples=6000)
    power, found = view.window(400.0, 500.0, rng(1))
    seen = found.time_s >= 0
    hits = Starts(found.time_s[seen], found.pulses.amplitude_w[seen], found.pulses.delay_s[seen])
    drawn = stream_figures(view.detector, power, hits, 6000 / 156.25)
    assert set(drawn) == {"A stretch of data", "Power spectrum", "Amplitudes", "Correlations"}
    data, theory = (line.get_ydata() for line in drawn["Power spectrum"].axes[0].lines)
    assert abs(np.log(np.median(np.asarray(data) / np.asarray(theory)))) < 0.5
