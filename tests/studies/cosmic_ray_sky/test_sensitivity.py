from __future__ import annotations

import numpy as np

from cloudchamber.studies.cosmic_ray_sky.sensitivity import OPTIMUM, classical_methods, draw_sample, draw_skies, measure
from cloudchamber.studies.cosmic_ray_sky.toy import Toy
from cloudchamber.studies.cosmic_ray_sky.toy_likelihood import log_bayes_factors

LAW = Toy(n=80, composition="H")


def test_skies_have_the_signal_asked_for() -> None:
    for count in (0, 3):
        skies = draw_skies(LAW, count, 5, seed=1)
        assert all(signal.sum() == count for signal in skies["from_source"])


def test_no_method_beats_the_optimum() -> None:
    sample = draw_sample(LAW, lambda skies, count: log_bayes_factors(LAW, skies, count), (4, 7), 100, seed=2)
    methods = {name: method(sample.skies) for name, method in classical_methods(LAW).items()}
    found = measure(sample, methods)
    assert set(found.medians) == {OPTIMUM, *methods}
    best = found.medians[OPTIMUM]
    assert best[0] > 0.7 and best[1] > best[0]
    for values in found.medians.values():
        finite = np.isfinite(values) & np.isfinite(best)
        assert np.all(values[finite] <= best[finite] + 0.3)
    assert found.medians["likelihood-ratio scan"][0] > found.medians["autocorrelation"][0] - 0.1
