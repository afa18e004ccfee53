import numpy as np
import pytest

from cloudchamber.statistics.diversity import birthday_test, density_coverage, memorisation


def gaussian(seed, shape=(2000, 3), width=1.0):
    return width * np.random.default_rng(seed).standard_normal(shape)


def test_density_and_coverage_of_right_answers():
    found = density_coverage(gaussian(1), gaussian(2))
    assert found.density == pytest.approx(1, abs=0.06)
    assert found.coverage == pytest.approx(1 - 2.0**-5, abs=0.02)


def test_density_and_coverage_of_wrong_answers():
    narrow, wide = density_coverage(gaussian(1), gaussian(2, width=0.4)), density_coverage(gaussian(1), gaussian(2, width=3))
    assert narrow.density == pytest.approx(1, abs=0.1) and narrow.coverage < 0.6
    assert wide.density < 0.5 and wide.coverage < 0.9


def test_a_lost_mode_is_not_covered():
    truth = gaussian(1) + 20 * (np.arange(2000) % 2)[:, None]
    assert density_coverage(truth, gaussian(2)).coverage == pytest.approx(0.5, abs=0.03)


def test_units_do_not_weigh():
    units = np.array([1e-6, 1, 1e6])
    np.testing.assert_allclose(density_coverage(gaussian(1) * units, gaussian(2) * units), density_coverage(gaussian(1), gaussian(2)))


def test_right_answers_have_no_more_duplicates_than_the_truth():
    found = birthday_test(gaussian(1), gaussian(2))
    assert found.p_value > 1e-4 and found.duplicates < 40


def test_the_number_of_repeated_events_is_estimated():
    repeated = gaussian(2)[np.random.default_rng(3).integers(300, size=2000)]
    found = birthday_test(gaussian(1), repeated)
    assert found.p_value < 1e-12
    assert found.support == pytest.approx(300, rel=0.05)


def test_near_duplicates_and_narrow_answers_count_too():
    few = gaussian(2)[np.random.default_rng(3).integers(500, size=2000)] + gaussian(4, width=1e-3)
    assert birthday_test(gaussian(1), few).p_value < 1e-12
    assert birthday_test(gaussian(1), gaussian(2, width=0.3)).p_value < 1e-6


def test_a_truth_compared_with_itself_finds_its_own_closest_pairs():
    assert birthday_test(gaussian(1), gaussian(1)).duplicates == 10


def test_fresh_answers_are_not_memorised():
    found = memorisation(gaussian(1), gaussian(2), gaussian(3))
    assert found.ratio == pytest.approx(1, abs=0.06)
    assert found.close == pytest.approx(0.01, abs=0.012)


def test_memorised_copies_are_found():
    all_copied = gaussian(1) + gaussian(4, width=0.01)
    assert memorisation(gaussian(1), gaussian(2), all_copied).ratio < 0.2
    one_in_ten = np.where(np.arange(2000)[:, None] % 10 == 0, gaussian(1), gaussian(3))
    found = memorisation(gaussian(1), gaussian(2), one_in_ten)
    assert found.close > 0.08


def test_too_few_events_are_refused():
    with pytest.raises(ValueError, match="5 neighbours need more than 5 true events, got 4"):
        density_coverage(gaussian(1, (4, 2)), gaussian(2, (50, 2)))
    with pytest.raises(ValueError, match="10 closest pairs need more than 10 events"):
        birthday_test(gaussian(1, (4, 2)), gaussian(2, (50, 2)))
    with pytest.raises(ValueError, match="exact copies of training events"):
        memorisation(gaussian(1), gaussian(1), gaussian(2))
