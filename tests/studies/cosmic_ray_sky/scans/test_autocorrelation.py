import numpy as np
import pytest

from cloudchamber.physics.exposure import draw_exposed, exposure_at
from cloudchamber.physics.sphere import angular_distance_deg, pixel_centres
from cloudchamber.schema import Ragged
from cloudchamber.studies.cosmic_ray_sky.scans.autocorrelation import autocorrelation_scan, autocorrelation_scans, pair_fractions

AUGER = exposure_at(pixel_centres(16), "auger")


def isotropic(n, exposure="uniform", seed=1):
    random = np.random.default_rng(seed)
    return draw_exposed(n, exposure, random), 4e19 * random.random(n) ** (-1 / 3)


def pairs_within(vectors, energy_ev, angle_deg, threshold_ev):
    chosen = vectors[energy_ev >= threshold_ev]
    first, second = np.triu_indices(len(chosen), 1)
    return int(np.sum(angular_distance_deg(chosen[first], chosen[second]) <= angle_deg))


def test_pairs_are_counted_right():
    vectors, energy_ev = isotropic(150)
    for angle in (5.0, 20.0, 40.0):
        for threshold in (4e19, 6e19):
            found = autocorrelation_scan(vectors, energy_ev, pair_fractions([angle]), [threshold])
            assert found.observed == pairs_within(vectors, energy_ev, angle, threshold)
            n = np.sum(energy_ev >= threshold)
            assert found.expected == pytest.approx(n * (n - 1) / 2 * np.sin(np.deg2rad(angle / 2)) ** 2)


def test_mean_and_variance_of_the_pairs_under_uneven_exposure():
    pairs = pair_fractions([20.0], AUGER)
    counts = np.array([pairs_within(*isotropic(100, "auger", seed), 20.0, 4e19) for seed in range(600)])
    mean = 4950 * pairs.mean[0]
    variance = mean * (1 - pairs.mean[0]) + 100 * 99 * 98 * pairs.variance[0]
    assert counts.mean() == pytest.approx(mean, abs=4.5 * np.sqrt(variance / 600))
    assert counts.var() == pytest.approx(variance, rel=4.5 * np.sqrt(2 / 600))


def test_the_local_p_value_of_isotropic_skies_is_about_uniform():
    pairs = pair_fractions([20.0], AUGER)
    p = np.exp([autocorrelation_scan(*isotropic(100, "auger", seed), pairs, [4e19]).ln_p for seed in range(600)])
    for level in (0.1, 0.5):
        assert np.mean(p <= level) == pytest.approx(level, abs=0.02 + 4.5 * np.sqrt(level / 600))


def test_the_scan_finds_the_angle_and_the_threshold_of_a_cluster():
    vectors, energy_ev = isotropic(300)
    random = np.random.default_rng(3)
    vectors[:12] = vectors[0] + 0.05 * random.standard_normal((12, 3))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    energy_ev[:12] = 9e19
    found = autocorrelation_scan(vectors, energy_ev, pair_fractions())
    assert found.ln_p < -30 and found.angle_deg < 12 and found.threshold_ev >= 6e19
    assert found.observed == pairs_within(vectors, energy_ev, found.angle_deg, found.threshold_ev)


def test_many_maps_are_scanned_as_single_ones():
    maps, pairs = [isotropic(n, seed=n) for n in (50, 200, 3)], pair_fractions()
    together = autocorrelation_scans(*(Ragged.from_list(list(parts)) for parts in zip(*maps, strict=True)), pairs)
    for m, one in enumerate(maps):
        for single, batch in zip(autocorrelation_scan(*one, pairs), together, strict=True):
            np.testing.assert_array_equal(single, batch[m])


def test_maps_without_pairs_show_no_excess():
    found = autocorrelation_scan(np.eye(3), np.full(3, 9e19), pair_fractions())
    assert found.ln_p == 0 and found.observed == 0
    assert autocorrelation_scan(np.eye(3), np.full(3, 1e19), pair_fractions()).ln_p == 0


def test_bad_input():
    with pytest.raises(ValueError, match="thresholds_ev must rise"):
        autocorrelation_scan(*isotropic(5), pair_fractions(), [5e19, 4e19])
    with pytest.raises(ValueError, match="radii_deg must rise"):
        pair_fractions([5.0, 4.0])
