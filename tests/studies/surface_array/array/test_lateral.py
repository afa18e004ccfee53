import math

import numpy as np
import pytest

from cloudchamber.physics.gumbel import gumbel_mean
from cloudchamber.studies.surface_array.array.grid import Grid
from cloudchamber.studies.surface_array.array.lateral import densities, footprints, growth, muon_ldf, s800_vem_m2
from cloudchamber.studies.surface_array.array.showers import Showers
from cloudchamber.studies.surface_array.fit.ldf import energy_ev, ln_ldf, slope


def of_xmax(xmax: float, zenith_deg: float = 30.0, ln_muons: float = 0.0) -> tuple[float, ...]:
    theta = Showers(particles=("p",), lg_energy_ev=(19.0, 19.0)).draw(1, (0.0, 0.0), np.random.default_rng(1))
    theta |= {"zenith_deg": np.array([zenith_deg]), "xmax_g_cm2": np.array([xmax]), "ln_muon_scale": np.array([ln_muons])}
    return tuple(float(values[0]) for values in footprints(theta, Grid()))


def test_s800_inverts_the_energy() -> None:
    energy, zenith = np.array([1e18, 1e19, 1e20]), np.array([0.0, 30.0, 45.0])
    assert energy_ev(s800_vem_m2(energy, zenith), zenith) == pytest.approx(energy)


def test_muons_of_800_m() -> None:
    assert muon_ldf(800.0) == pytest.approx(1.0)
    muons, _ = densities(800.0, 0.0, *of_xmax(780.0)[:6])
    more, _ = densities(800.0, 0.0, *of_xmax(780.0, ln_muons=math.log(1.5))[:6])
    s800, share = of_xmax(780.0)[:2]
    assert muons == pytest.approx(s800 * share)
    assert more == pytest.approx(1.5 * muons)


def test_electromagnetic_part_has_its_maximum_120_g_cm2_beyond_xmax() -> None:
    depth = np.arange(-400.0, 1000.0)
    assert depth[np.argmax([growth(d) for d in depth])] == 120.0
    assert growth(-1e4) < -40


def test_shower_of_mean_xmax_has_telescope_arrays_lateral_distribution() -> None:
    footprint = of_xmax(float(gumbel_mean(0.0, 19.0, "QGSJetII-04")), 30.0)
    for r in (300.0, 800.0, 1500.0):
        expected = footprint[0] * math.exp(ln_ldf(r, slope(1 / math.cos(math.radians(30.0)))))
        assert sum(densities(r, 0.0, *footprint[:6])) == pytest.approx(expected, rel=0.03)


def test_deeper_showers_are_steeper_and_the_early_side_sees_more() -> None:
    shallow, deep = of_xmax(700.0)[:6], of_xmax(850.0)[:6]
    steepness = [sum(densities(500.0, 0.0, *shower)) / sum(densities(1500.0, 0.0, *shower)) for shower in (shallow, deep)]
    assert steepness[1] > 1.1 * steepness[0]
    early, late = (densities(1000.0, deeper, *of_xmax(750.0, 45.0)[:6]) for deeper in (-80.0, 80.0))
    assert early[0] == late[0]
    assert early[1] > 1.3 * late[1]


def test_distance_to_xmax() -> None:
    # half of the vertical depth at 1430 m is above 6.7 km
    assert of_xmax(Grid().vertical_depth_g_cm2 / 2, 0.0)[6] == pytest.approx(6700 - 1430, abs=300)
    assert of_xmax(1100.0, 0.0)[6] < 0
