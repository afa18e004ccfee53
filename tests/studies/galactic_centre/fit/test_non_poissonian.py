"""The likelihood of counts with point sources: the limit of faint ones, brute force, large numbers, groups of pixels, amplitudes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import chi2, poisson

from cloudchamber.physics.gamma.brightness import draw_counts, pieces, source_counts
from cloudchamber.rng import rng
from cloudchamber.studies.galactic_centre.fit.non_poissonian import NonPoissonian
from cloudchamber.studies.galactic_centre.fit.photon_shares import PhotonShares
from cloudchamber.studies.galactic_centre.fit.template_fit import log_likelihood

SHARES = PhotonShares(np.array([0.02, 0.1, 0.35]), np.array([10.0, 4.5, 1.0]))
PIXELS = 400
RANDOM = rng(1, "templates")
SMOOTH, SOURCES = RANDOM.uniform(5, 60, PIXELS), RANDOM.uniform(0.5, 6, PIXELS)
EXPOSURE = RANDOM.uniform(0.95, 1.05, PIXELS)
LAW = source_counts(12.0, 3.5, 0.0, 0.12)


def drawn(mean: np.ndarray, each: int, seed: str) -> np.ndarray:
    """Counts of pixels (each, pixels) whose sources' mean counts are ``mean``, source by source: each pixel has parts of sources, independent of others'."""
    random = rng(2, seed)
    piece = pieces(*(float(value) for value in LAW))
    counts = np.zeros((each, len(mean)), int)
    for share, pixels in zip(*SHARES, strict=True):
        number = random.poisson(pixels * mean / float(LAW.mean_counts), counts.shape)
        u, v = random.random((2, number.sum()))
        bright = np.array([draw_counts(*(float(value) for value in LAW[:3]), piece, *pair) for pair in zip(u, v, strict=True)])
        seen = random.poisson(share * bright)
        np.add.at(counts.ravel(), np.repeat(np.arange(counts.size), number.ravel()), seen)
    return counts


def likelihood(counts: np.ndarray, groups: int = 0) -> NonPoissonian:
    return NonPoissonian(counts, SOURCES[None], [SHARES], np.ones(PIXELS), groups)


def test_of_sources_of_far_less_than_a_photon_it_is_poissons() -> None:
    counts = rng(3).poisson(SMOOTH + SOURCES)
    faint = source_counts(1e-6, 8.0, 0.0, 1e-8)
    for groups in (0, 20):
        found = likelihood(counts, groups)
        value = found.log_likelihood(SMOOTH + SOURCES, found.law(np.ones(1), [faint]))
        # sources of 1e-6 photons have pairs of photons in one of 1e6
        assert value == pytest.approx(log_likelihood(counts, SMOOTH + SOURCES), rel=1e-6)
        without = found.law(np.zeros(1), [LAW])
        assert found.log_likelihood(SMOOTH, without) == pytest.approx(log_likelihood(counts, SMOOTH), rel=1e-12)


def test_it_is_how_often_counts_come_of_sources_drawn_one_by_one() -> None:
    mean, draws = 4.0, 30_000
    seen = np.bincount(drawn(np.full(1, mean), draws, "brute").ravel() + rng(4).poisson(9.0, draws), minlength=80)[:60]
    model = NonPoissonian(np.arange(60), np.ones((1, 60)), [SHARES], np.ones(60), 0)
    expected = draws * np.exp(model.by_pixel(np.full(60, 9.0 + mean), model.law(np.array([mean]), [LAW])))
    some = expected > 10
    assert some.sum() > 25
    assert ((seen - expected) ** 2 / expected)[some].sum() < chi2.isf(1e-6, some.sum())
    # Poisson's law of the same mean is told apart
    plain = draws * poisson.pmf(np.arange(60), 9.0 + mean)
    assert ((seen - plain) ** 2 / plain)[plain > 10].sum() > 20 * some.sum()


@pytest.mark.parametrize(("at_break", "smooth", "mean"), [(20.0, 450.0, 60.0), (3.0, 20.0, 1500.0), (300.0, 2000.0, 400.0)])
def test_probabilities_of_thousands_of_counts_add_up(at_break: float, smooth: float, mean: float) -> None:
    n = 12_000
    model = NonPoissonian(np.arange(n), np.ones((1, n)), [SHARES], np.ones(n), 1)
    law = source_counts(at_break, 6.0, 0.0, at_break / 100)
    p = np.exp(model.by_pixel(np.full(n, smooth + mean), model.law(np.array([mean]), [law])))
    assert p.sum() == pytest.approx(1.0, abs=1e-7)
    assert np.arange(n) @ p == pytest.approx(smooth + mean, rel=1e-5)


def test_the_exposure_makes_sources_brighter() -> None:
    counts = np.full(PIXELS, 30)
    made = NonPoissonian(counts, SOURCES[None], [SHARES], np.full(PIXELS, 1.3), 0)
    brighter = source_counts(1.3 * LAW.break_counts, LAW.above, LAW.below, 1.3 * LAW.least_counts)
    expected = SMOOTH + SOURCES
    assert made.log_likelihood(expected, made.law(np.ones(1), [LAW])) == pytest.approx(
        likelihood(counts).log_likelihood(expected, likelihood(counts).law(np.ones(1), [brighter])), rel=1e-9
    )


def test_groups_of_pixels_tell_what_single_pixels_do() -> None:
    counts = drawn(SOURCES, 1, "groups")[0] + rng(5).poisson(SMOOTH)
    values = {}
    for groups in (0, 40):
        made = NonPoissonian(counts, SOURCES[None], [SHARES], EXPOSURE, groups)
        values[groups] = [made.log_likelihood(SMOOTH + SOURCES, made.law(np.array([a]), [LAW], SMOOTH + SOURCES)) for a in (0.0, 0.5, 1.0)]
    whole, rough = (np.array(values[groups]) - values[groups][0] for groups in (0, 40))
    assert whole[2] > whole[1] > 5
    np.testing.assert_allclose(rough, whole, atol=0.3)


def test_amplitudes_of_smooth_counts_are_the_template_fits() -> None:
    templates, known = np.stack([SMOOTH, SOURCES]), np.full(PIXELS, 2.0)
    counts = rng(6).poisson(1.1 * SMOOTH + 2.0)
    found = likelihood(counts).best(templates, np.zeros((1, 2)), np.zeros(1), [LAW], known, np.array([0.5, 3.0]))
    assert found.log_likelihood == pytest.approx(log_likelihood(counts, found.expected), rel=1e-9)
    best = max(log_likelihood(counts, a * SMOOTH + b * SOURCES + known) for a in np.linspace(1, 1.2, 41) for b in np.linspace(0, 0.4, 9))
    assert found.log_likelihood > best - 0.1 and found.amplitudes.min() >= 0


def test_the_likeliest_amplitudes_are_those_of_another_method() -> None:
    """Sources half free, half fixed, and counted where they are."""
    templates, mixing, fixed, none = np.stack([SMOOTH, SOURCES]), np.array([[0.0, 0.5]]), np.array([0.5]), np.zeros(PIXELS)
    made = likelihood(drawn(SOURCES, 1, "best")[0] + rng(7).poisson(SMOOTH), 40)

    def cost(a: np.ndarray) -> float:
        a = np.abs(a)
        return -made.log_likelihood(a @ templates, made.law(mixing @ a + fixed, [LAW]))

    other = minimize(cost, [1.0, 1.0], method="Nelder-Mead", options={"xatol": 1e-4, "fatol": 1e-3})
    for start in ([1.0, 1.0], [0.6, 2.0], [1.2, 0.1]):
        found = made.best(templates, mixing, fixed, [LAW], none, np.array(start))
        assert -other.fun - 0.1 < found.log_likelihood < -other.fun + 1e-2
        assert found.log_likelihood == pytest.approx(made.log_likelihood(found.amplitudes @ templates, found.law), rel=1e-12)


def test_amplitudes_with_sources_have_no_bias() -> None:
    templates, none, found = np.stack([SMOOTH, SOURCES]), np.zeros(PIXELS), []
    for counts in drawn(SOURCES, 40, "profile") + rng(7).poisson(SMOOTH, (40, PIXELS)):
        found.append(likelihood(counts, 40).best(templates, np.array([[0.0, 1.0]]), np.zeros(1), [LAW], none, np.ones(2)).amplitudes)
    each = np.array(found)
    assert np.all(np.abs(each.mean(0) - 1) < 5 * each.std(0) / np.sqrt(len(each))) and each[:, 1].std() < 0.2


@pytest.mark.parametrize(
    ("counts", "sources", "words"),
    [
        (np.ones(3), np.ones((1, 4)), r"do not fit counts of \(3,\)"),
        (np.full(4, 0.5), np.ones((1, 4)), "counts: needs whole numbers"),
        (np.ones(4), np.zeros((1, 4)), "sources, exposure: must be finite and above 0"),
    ],
)
def test_refused(counts: np.ndarray, sources: np.ndarray, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        NonPoissonian(counts, sources, [SHARES], np.ones(len(counts)))
