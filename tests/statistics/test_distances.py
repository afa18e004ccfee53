import numpy as np
import pytest
from scipy.stats import norm

from cloudchamber.statistics.distances import (
    energy_distance,
    kolmogorov_smirnov,
    kolmogorov_smirnov_p,
    measured_separation,
    mmd,
    separation_power,
    triangular_discrimination,
    wasserstein,
    wasserstein_in_sigma,
)

ALL = [wasserstein, wasserstein_in_sigma, kolmogorov_smirnov, energy_distance, mmd, separation_power]


def gaussian(seed, shift=0.0, width=1.0, shape=3000):
    return shift + width * np.random.default_rng(seed).standard_normal(shape)


@pytest.mark.parametrize("distance", ALL)
@pytest.mark.parametrize("wrong", [{"shift": 0.5}, {"width": 1.5}, {"width": 0.6}], ids=["shifted", "too wide", "too narrow"])
def test_wrong_answers_stand_far_above_the_floor(distance, wrong):
    truth, floor = gaussian(1), distance(gaussian(1), gaussian(2))
    assert distance(truth, gaussian(3, **wrong)) > 4 * abs(floor)


@pytest.mark.parametrize("distance", ALL)
def test_a_sample_has_no_distance_to_itself(distance):
    assert distance(gaussian(1), gaussian(1)) == pytest.approx(0, abs=1e-3)


def test_wasserstein_of_shifted_and_widened_gaussians():
    assert wasserstein(gaussian(1), gaussian(1) + 3) == pytest.approx(3)
    assert wasserstein(gaussian(1, shape=40_000), gaussian(2, width=2, shape=40_000)) == pytest.approx(np.sqrt(2 / np.pi), abs=0.03)
    assert wasserstein_in_sigma(10 * gaussian(1), 10 * gaussian(1) + 30) == pytest.approx(3, rel=0.05)


def test_wasserstein_of_unequal_sizes_agrees_with_repeated_events():
    truth, answer = gaussian(1, shape=50), gaussian(2, 0.3, shape=75)
    assert wasserstein(truth, answer) == pytest.approx(wasserstein(np.repeat(truth, 3), np.repeat(answer, 2)))


def test_kolmogorov_smirnov_of_shifted_gaussians():
    n, shift = 20_000, 0.8
    expected = 2 * norm.cdf(shift / 2) - 1
    assert kolmogorov_smirnov(gaussian(1, shape=n), gaussian(2, shift, shape=n)) == pytest.approx(expected, abs=0.02)
    assert kolmogorov_smirnov_p(gaussian(1), gaussian(2)) > 1e-4
    assert kolmogorov_smirnov_p(gaussian(1), gaussian(2, 0.3)) < 1e-12


def test_kolmogorov_smirnov_counts_ties_once():
    assert kolmogorov_smirnov(np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1])) == pytest.approx(0.25)


def test_energy_distance_of_shifted_gaussians():
    """For unit Gaussians E|X-Y| = sqrt(4/pi) exp(-d^2/4) + d (2 Phi(d/sqrt 2) - 1)."""
    shift = 1.0
    across = np.sqrt(4 / np.pi) * np.exp(-(shift**2) / 4) + shift * (2 * norm.cdf(shift / np.sqrt(2)) - 1)
    assert energy_distance(gaussian(1), gaussian(2, shift)) == pytest.approx(2 * (across - np.sqrt(4 / np.pi)), abs=0.05)


def test_unbiased_distances_scatter_about_zero_for_equal_distributions():
    for distance in (energy_distance, mmd):
        floors = [distance(gaussian(seed, shape=(100, 3)), gaussian(seed + 1000, shape=(100, 3))) for seed in range(40)]
        assert abs(np.mean(floors)) < 4 * np.std(floors) / np.sqrt(len(floors))
        assert min(floors) < 0 < max(floors)


def test_mmd_of_shifted_gaussians_in_three_dimensions():
    """A Gaussian kernel of width h: E k = (h^2 / (h^2+2))^(3/2) exp(-d^2 / 2(h^2+2)), h^2 the median squared distance."""
    truth, answer = gaussian(1, shape=(1000, 3)), gaussian(2, np.array([1.0, 0, 0]), shape=(1000, 3))
    both = np.concatenate([truth, answer])
    h2 = np.median(np.sum((both[:, None] - both[None]) ** 2, axis=-1)[np.triu_indices(2000, 1)])
    expected = 2 * (h2 / (h2 + 2)) ** 1.5 * (1 - np.exp(-0.5 / (h2 + 2)))
    assert mmd(truth, answer) == pytest.approx(expected, rel=0.25)


def test_energy_distance_sees_a_lost_correlation():
    truth = np.random.default_rng(1).multivariate_normal([0, 0], [[1, 0.9], [0.9, 1]], 2000)
    again = np.random.default_rng(2).multivariate_normal([0, 0], [[1, 0.9], [0.9, 1]], 2000)
    assert energy_distance(truth, gaussian(3, shape=(2000, 2))) > 20 * abs(energy_distance(truth, again))


def test_triangular_discrimination_of_many_histograms():
    p, q = np.array([[1.0, 0.0, 0.0], [0.5, 0.5, 0.0]]), np.array([[0.0, 1.0, 0.0], [0.5, 0.25, 0.25]])
    np.testing.assert_allclose(triangular_discrimination(p, q), [1.0, 0.5 * (0.0625 / 0.75 + 0.25)])


def test_separation_power_between_its_ends():
    assert separation_power(gaussian(1), gaussian(2, 50.0)) == pytest.approx(1)
    # bins of one event say nothing, the others (4 - 2) / (4 - 2) of 2 / 4 and (0 - 2) / (16 - 2) of 4 / 4
    edges = np.array([0.0, 1.0, 2.0])
    assert separation_power(np.array([0.5, 0.5, 1.5, 1.5]), np.array([-9.0, 1.5, 2.0, 9]), edges) == pytest.approx(0.5 * (0.5 - 1 / 7))


EDGES = np.linspace(-3, 3, 31)


def separations(n, m, shift, trials=400, edges=EDGES):
    """Values and stated errors, (trials, 2)."""
    random = np.random.default_rng(5)
    return np.array([measured_separation(random.normal(size=n), random.normal(shift, size=m), edges) for _ in range(trials)])


@pytest.mark.parametrize("cells", [1, 3])
def test_chance_adds_nothing_to_the_separation_power_of_pairs_that_may_be_exchanged(cells):
    """The mean over all 2^9 exchanges is 0 to the last bits, also of pairs and cells that depend on each other."""
    random = np.random.default_rng(4)
    both = 0.3 * random.normal(size=(2, 9, cells)) + random.normal(size=(9, 1))
    swap = (np.arange(2**9)[:, None] >> np.arange(9)) & 1 == 1
    for bins in (8, np.linspace(-2, 2, 9)):
        found = [separation_power(*np.where(each[:, None], both[::-1], both), bins) for each in swap]
        assert np.mean(found) == pytest.approx(0, abs=1e-12) and np.std(found) > 0.01


@pytest.mark.parametrize("n, m", [(300, 300), (3000, 3000), (2000, 3000)])
@pytest.mark.parametrize("shift", [0.0, 0.1, 0.5, 2.0])
def test_the_separation_power_is_that_of_the_distributions_at_any_number_of_events(n, m, shift):
    p, q = (np.diff(norm.cdf(np.concatenate([[-np.inf], EDGES, [np.inf]]), centre)) for centre in (0, shift))
    expected, found = triangular_discrimination(p, q), separations(n, m, shift)
    assert np.mean(found[:, 0]) == pytest.approx(expected, rel=0.01, abs=5 * found[:, 0].std() / len(found) ** 0.5)
    # the spread of 400 is known to 4 %
    assert np.mean(found[:, 1]) == pytest.approx(found[:, 0].std(), rel=0.25)


def test_separation_powers_of_cells_that_share_theta_and_fluctuations_know_their_error():
    random, found = np.random.default_rng(6), []
    for _ in range(200):
        theta = random.uniform(-2, 2, (1, 1000, 1))
        one, two = theta + 0.2 * random.normal(size=(2, 1000, 1)) + 0.2 * random.normal(size=(2, 1000, 4))
        found.append(measured_separation(one, two, EDGES))
    values, errors = np.array(found).T
    assert abs(values.mean()) < 5 * values.std() / 200**0.5
    assert errors.mean() == pytest.approx(values.std(), rel=0.3)


@pytest.mark.parametrize("distance", ALL)
def test_nan_is_refused(distance):
    with pytest.raises(ValueError, match="the first in event 3"):
        distance(gaussian(1), np.array([0, 1, 2, np.nan]))


def test_unusable_samples_are_refused():
    with pytest.raises(ValueError, match="one number an event, got 2"):
        wasserstein(np.ones((5, 2)), np.ones((5, 2)))
    with pytest.raises(ValueError, match="no spread"):
        wasserstein_in_sigma(np.ones(5), gaussian(1))
    with pytest.raises(ValueError, match="kernel has no width"):
        mmd(np.ones(5), np.ones(5))
    with pytest.raises(ValueError, match="at least one bin"):
        separation_power(np.ones(5), np.ones(5))
