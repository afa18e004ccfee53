"""Observables against what is known, and checks that can fail."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cloudchamber.rng import rng
from cloudchamber.studies.bolometer.observables import (
    bolometer_correlation,
    broken_power_law,
    checks,
    hit_checks,
    octave_ratios,
    power_law_index,
    power_spectrum,
    window_checks,
)
from cloudchamber.studies.bolometer.views.hits import HitsView
from cloudchamber.studies.bolometer.views.windows import WindowsView
from cloudchamber.validate.check import run_checks


def test_white_noise_has_its_variance_in_every_octave() -> None:
    data = 3.0 * rng(1).standard_normal((4, 2, 20_000))
    found = power_spectrum(data, 100.0)
    assert found.power.shape == (2, len(found.frequency_hz)) and found.frequency_hz[0] > 0
    ratios = octave_ratios(found.power.mean(axis=0), np.full(len(found.frequency_hz), 2 * 9.0 / 100.0), found.frequency_hz, 1.0)
    assert len(ratios) == 5 and all(ratio == pytest.approx(1.0, abs=0.1) for ratio in ratios.values())


def test_correlation_of_shared_noise() -> None:
    random = rng(2)
    shared = random.standard_normal((50, 1, 200))
    found = bolometer_correlation(shared + 0.1 * random.standard_normal((50, 3, 200)))
    assert found.shape == (3, 3) and np.all(found > 0.9) and np.all(bolometer_correlation(shared + np.zeros((1, 2, 1))) > 0.999)


def test_indices_of_power_laws() -> None:
    values = (1 - rng(3).random(40_000)) ** (-1 / 1.4)
    index, error = power_law_index(values, 1.0, 100.0)
    assert abs(index - 2.4) < 5 * error and error < 0.02
    with pytest.raises(ValueError, match="3 values between 1 and 2: an index needs ten at least"):
        power_law_index(np.full(3, 1.5), 1.0, 2.0)
    below = 100.0 * rng(4).random(20_000)
    both = np.concatenate([below, 100.0 * (1 - rng(5).random(14_286)) ** (-1 / 1.4)])
    at, under, over = broken_power_law(both, 1.0, 1e4)
    assert at == pytest.approx(100.0, rel=0.08) and under == pytest.approx(0.0, abs=0.05) and over == pytest.approx(2.4, abs=0.08)


def test_checks_of_hits_fail_where_a_mark_is_off() -> None:
    view = HitsView()
    theta = view.prior(4000, rng(1))
    truth, second = ({**theta, **view.simulate(theta, rng(seed))} for seed in (2, 3))
    wrong = {
        **second,
        "amplitude_w": 1.3 * second["amplitude_w"],
        "deposit_kev": second["deposit_kev"] ** 1.05,
        "waiting_time_s": 1.3 * second["waiting_time_s"],
    }
    made = [replace(check, bootstrap=4 if check.bootstrap is None else min(check.bootstrap, 4)) for check in hit_checks() if "AUC" not in check.name]
    verdicts = {result.name: result.verdict for result in run_checks(made, truth, wrong, second, seed=1)}
    assert verdicts["rate"] == verdicts["deposits, KS"] == verdicts["heights, KS"] == "failed"
    assert "failed" not in {result.verdict for result in run_checks(made, truth, second, {**theta, **view.simulate(theta, rng(4))}, seed=1)}


def test_checks_of_windows_fail_where_bolometers_are_taken_apart() -> None:
    view = WindowsView(samples=300, families=("wafer",))
    theta = {"phi_mv": np.full(24, 400.0), "thickness_um": np.full(24, 500.0)}
    truth, second = ({**theta, **view.simulate(theta, rng(seed))} for seed in (2, 3))
    shuffled = {**second, "power_w": np.stack([np.roll(second["power_w"][:, b], b, axis=0) for b in range(12)], axis=1)}
    made = [replace(check, bootstrap=2) for check in window_checks()]
    results = {result.name: result for result in run_checks(made, truth, shuffled, second, seed=1)}
    assert results["bolometer correlation, rms"].verdict == "failed"
    assert results["power spectrum, rms of octaves"].verdict != "failed"


def test_each_view_has_its_checks() -> None:
    made = {column: [check.name for check in checks() if check.columns == (column,)] for column in ("amplitude_w", "power_w")}
    assert made == {"amplitude_w": [check.name for check in hit_checks()], "power_w": [check.name for check in window_checks()]}
