import numpy as np
import pytest
from scipy.stats import gamma, kstest

from cloudchamber.studies.surface_array.array.front import EM_SHAPE, MUON_SHAPE, delay, linsley_ns, ripple_ns, sphere_ns, thickness_factor
from cloudchamber.studies.surface_array.constants import LIGHT_M_NS


@pytest.mark.parametrize(("muon", "shape"), [(True, MUON_SHAPE), (False, EM_SHAPE)])
def test_delays_follow_the_gamma_distribution(muon: bool, shape: float) -> None:
    u = np.random.default_rng(1).random(20_000)
    assert kstest([delay(v, muon) for v in u], gamma(shape).cdf).pvalue > 1e-6
    early = np.array([1e-5, 1e-4, 1e-3, 0.5])
    assert [delay(v, muon) for v in early] == pytest.approx(gamma(shape).ppf(early), rel=0.02)


def test_sphere() -> None:
    assert sphere_ns(0.0, 0.0, 2e4) == 0.0
    assert sphere_ns(1000.0, 0.0, 2e4) == pytest.approx(1000**2 / (2 * 2e4) / LIGHT_M_NS, rel=1e-3)
    # the front is flatter further down
    assert sphere_ns(1000.0, 500.0, 2e4) < sphere_ns(1000.0, -500.0, 2e4)


def test_thickness_grows_from_the_axis_and_falls_with_the_distance_of_xmax() -> None:
    assert linsley_ns(0.0) == 1.0
    assert linsley_ns(870.0) == pytest.approx(30**1.5)
    assert thickness_factor(6000.0) == 1.0
    assert thickness_factor(2000.0) > 1.0 > thickness_factor(9000.0)
    assert ripple_ns(800.0, 10.0) == pytest.approx(ripple_ns(800.0, 1.0) * 10**-0.3)
