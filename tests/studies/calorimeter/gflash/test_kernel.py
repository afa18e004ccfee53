from __future__ import annotations

import numpy as np
import pytest
from scipy.special import gammainc

from cloudchamber.rng import rng
from cloudchamber.studies.calorimeter.gflash.kernel import gamma_share, longitudinal, radial


def test_gamma_share_is_the_incomplete_gamma_function() -> None:
    generator = rng(1)
    a, x = generator.uniform(1, 12, 500), generator.uniform(0, 40, 500)
    np.testing.assert_allclose([gamma_share(*pair) for pair in zip(a, x, strict=True)], gammainc(a, x), atol=1e-9)
    assert gamma_share(2.0, 0.0) == 0.0


def test_longitudinal_fluctuations_are_those_of_the_paper() -> None:
    log_y, z = np.log(1000 / 10.51), 54.0
    generator = rng(2)
    drawn = np.log([longitudinal(log_y, 0.0, z, generator)[:2] for _ in range(20_000)])
    assert drawn[:, 0].mean() == pytest.approx(np.log(log_y - 0.812), abs=0.01)
    assert drawn[:, 0].std() == pytest.approx(1 / (-1.4 + 1.26 * log_y), rel=0.03)
    # alpha is cut off from below, in one event out of 2000
    assert drawn[:, 1].mean() == pytest.approx(np.log(0.81 + (0.458 + 2.26 / z) * log_y), abs=0.01)
    assert drawn[:, 1].std() == pytest.approx(1 / (-0.58 + 0.86 * log_y), rel=0.03)
    assert np.corrcoef(drawn.T)[0, 1] == pytest.approx(0.705 - 0.023 * log_y, abs=0.02)


def test_showers_widen_with_age() -> None:
    cores, tails, shares = np.array([radial(age, 0.0, 54.0) for age in (0.5, 1.0, 2.0, 3.0)]).T
    assert np.all(np.diff(cores) > 0) and np.all(cores < tails)
    assert np.all((shares >= 0) & (shares <= 1)) and np.all(np.diff(shares) < 0)
