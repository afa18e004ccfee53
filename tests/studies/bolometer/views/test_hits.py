"""The view of single hits."""

from __future__ import annotations

import numpy as np
import pytest

from cloudchamber.rng import rng
from cloudchamber.studies.bolometer.columns import FAMILIES
from cloudchamber.studies.bolometer.detector import PLANCK
from cloudchamber.studies.bolometer.views.hits import HitsView
from cloudchamber.study import NotSimulableError


def test_waiting_times_are_exponential_with_the_rate_of_their_phi() -> None:
    from scipy.stats import kstest

    view = HitsView()
    theta = view.prior(5000, rng(1)) | {"phi_mv": np.full(5000, 400.0)}
    x = view.simulate(theta, rng(2))
    assert kstest(x["waiting_time_s"] * 213.6, "expon").pvalue > 1e-6


def test_weights_are_shares_and_the_wafer_s_pulses_have_no_direct_part() -> None:
    view = HitsView(shares=(1.0, 1.0))
    theta = view.prior(2000, rng(1))
    x = view.simulate(theta, rng(2))
    np.testing.assert_allclose(x["weight"].sum(axis=2), 1.0, rtol=1e-5)
    wafer = theta["family"] == FAMILIES.index("wafer")
    assert 0.4 < wafer.mean() < 0.6 and np.all(x["weight"][wafer][:, :, 2] == 0) and np.all(x["bolometer"][wafer] == -1)
    assert np.all(x["bolometer"][~wafer] >= 0)


def test_the_prior_draws_families_as_often_as_they_come() -> None:
    theta = HitsView(detector=PLANCK).prior(20_000, rng(3))
    counts = np.bincount(theta["family"], minlength=5) / 20_000
    np.testing.assert_allclose(counts, [0, 0, 35 / 45, 5 / 45, 5 / 45], atol=0.015)
    assert np.all(HitsView(families=("absorber",)).prior(50, rng(1))["family"] == FAMILIES.index("absorber"))


def test_planck_s_bolometers_see_their_own_hits_only() -> None:
    view = HitsView(detector=PLANCK)
    x = view.simulate(view.prior(500, rng(1)), rng(2))
    seen = x["amplitude_w"] > 0
    np.testing.assert_array_equal(seen, x["bolometer"][:, None] == np.arange(2))


def test_what_cannot_be_made_is_refused() -> None:
    view = HitsView()
    theta = view.prior(3, rng(1))
    with pytest.raises(NotSimulableError, match=r"column 'phi_mv': 2500 in event 1 is outside the allowed \[0, 2000\] MV of this simulator"):
        view.simulate(theta | {"phi_mv": np.array([400.0, 2500.0, 400.0])}, rng(2))
    with pytest.raises(NotSimulableError, match="column 'family': 'slow' in event 0 is none of this simulator's: wafer, absorber"):
        view.simulate(theta | {"family": np.full(3, FAMILIES.index("slow"))}, rng(2))
    with pytest.raises(ValueError, match="shares: needs 2 numbers that are not negative, for wafer, absorber, got"):
        HitsView(shares=(1.0,))
