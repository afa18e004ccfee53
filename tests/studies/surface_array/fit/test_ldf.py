import math

import numpy as np
import pytest

from cloudchamber.studies.surface_array.fit import ldf


def test_the_lateral_distribution_is_telescope_arrays() -> None:
    def f(r: float, eta: float) -> float:
        return (r / 90) ** -1.2 * (1 + r / 90) ** -(eta - 1.2) * (1 + (r / 1000) ** 2) ** -0.6

    for r in (50.0, 400.0, 800.0, 2500.0):
        for secant in (1.0, 1.3):
            eta = 3.97 - 1.79 * (secant - 1)
            assert ldf.slope(secant) == pytest.approx(eta)
            assert math.exp(ldf.ln_ldf(r, eta)) == pytest.approx(f(r, eta) / f(800.0, eta))


def test_slopes_are_the_derivatives() -> None:
    for r, eta in ((60.0, 3.9), (700.0, 3.2), (3000.0, 2.5)):
        by_r, by_eta = ldf.ln_ldf_slopes(r, eta)
        assert by_r == pytest.approx((ldf.ln_ldf(r + 0.01, eta) - ldf.ln_ldf(r - 0.01, eta)) / 0.02, rel=1e-6)
        assert by_eta == pytest.approx((ldf.ln_ldf(r, eta + 1e-4) - ldf.ln_ldf(r, eta - 1e-4)) / 2e-4, rel=1e-6)


def test_delay_at_800_m() -> None:
    # 0.67 a (1 + 800/30)^1.5, LDF = 1
    assert ldf.delay_ns(800.0, 0.0, 1.0) == pytest.approx(97.5, abs=0.1)
    assert ldf.delay_ns(800.0, math.log(4.0), 1.0) == pytest.approx(97.5 / 2, abs=0.1)


def test_the_mean_curvature_has_no_steps() -> None:
    for edge in (25.0, 35.0):
        assert ldf.mean_curvature(edge - 1e-9) == pytest.approx(ldf.mean_curvature(edge + 1e-9), rel=1e-3)
    assert ldf.mean_curvature(0.0) == pytest.approx(3.3836) and ldf.mean_curvature(45.0) == pytest.approx(math.exp(2 - 0.032 * 45))


def test_energy() -> None:
    assert ldf.attenuation(28.65) == pytest.approx(1.0)
    assert ldf.energy_ev(1.22, 28.65) == pytest.approx(4.79e17)
    np.testing.assert_allclose(ldf.energy_ev(23.3124, 28.65), 1e19, rtol=1e-5)
    assert ldf.attenuation(45.0) < 1.0 < ldf.attenuation(0.0)
