import numpy as np
import pytest

from cloudchamber.physics.shower import fit_gaisser_hillas, gaisser_hillas, gaisser_hillas_rl, xmax_parabola

DEPTH = 10.0 * np.arange(248)


def draw(n: int, seed: int = 1) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    return 10 ** rng.uniform(5, 10, n), rng.uniform(500, 1000, n), rng.uniform(0.1, 0.5, n), rng.uniform(180, 280, n)


def profiles(parameters: tuple[np.ndarray, ...]) -> np.ndarray:
    return gaisser_hillas_rl(DEPTH, *(p[:, None] for p in parameters))


def test_the_two_forms_are_one_curve() -> None:
    nmax, xmax, r, width = draw(20)
    classic = gaisser_hillas(DEPTH, *(p[:, None] for p in (nmax, xmax, xmax - width / r, width * r)))
    np.testing.assert_allclose(profiles((nmax, xmax, r, width)), classic, rtol=1e-9)


def test_classic_form_peaks_at_xmax_and_vanishes_above_x0() -> None:
    assert gaisser_hillas(700.0, 5.0, 700.0, -100.0, 60.0, 0.01, -1e-6) == 5.0
    np.testing.assert_array_equal(gaisser_hillas([0.0, 40.0, 50.0], 5.0, 700.0, 50.0, 60.0), 0.0)


@pytest.mark.parametrize(("r", "width"), [(0.0, 220.0), (0.3, -1.0)])
def test_shape_must_be_positive(r: float, width: float) -> None:
    with pytest.raises(ValueError, match="positive"):
        gaisser_hillas_rl(DEPTH, 1.0, 700.0, r, width)


def test_classic_form_refuses_xmax_above_x0() -> None:
    with pytest.raises(ValueError, match="xmax > x0"):
        gaisser_hillas(DEPTH, 1.0, 100.0, 200.0, 70.0)


def test_fit_returns_the_parameters_of_exact_profiles() -> None:
    truth = draw(200)
    fit = fit_gaisser_hillas(DEPTH, profiles(truth))
    for fitted, true in zip(fit[:4], truth, strict=True):
        np.testing.assert_allclose(fitted, true, rtol=1e-7)
    assert fit.rms.max() < 1e-8
    np.testing.assert_allclose(fit.x0_g_cm2, truth[1] - truth[3] / truth[2], rtol=1e-5)
    np.testing.assert_allclose(fit.lambda_g_cm2, truth[3] * truth[2], rtol=1e-6)


def test_fit_of_noisy_profiles_is_unbiased() -> None:
    truth = draw(400)
    noise = np.exp(0.02 * np.random.default_rng(2).normal(size=(400, 248)))
    fit = fit_gaisser_hillas(DEPTH, profiles(truth) * noise)
    for fitted, true in zip(fit[:4], truth, strict=True):
        pull = fitted / true - 1
        assert abs(pull.mean()) < 5 * pull.std() / np.sqrt(400)
    assert abs(np.median(fit.rms) - 0.012) < 0.003


def test_fit_finds_a_maximum_below_the_ground() -> None:
    truth = tuple(np.array([p]) for p in (1e7, 800.0, 0.25, 230.0))
    cut = np.where(DEPTH <= 750, profiles(truth), 0.0)
    assert fit_gaisser_hillas(DEPTH, cut).xmax_g_cm2[0] == pytest.approx(800, abs=1e-3)


def test_fit_gives_nan_where_there_is_nothing_to_fit() -> None:
    empty = np.zeros((2, 248))
    empty[1, 5:9] = 1
    assert np.isnan(np.array(fit_gaisser_hillas(DEPTH, empty))).all()


def test_parabola_finds_the_maximum() -> None:
    truth = draw(200)
    xmax, height = xmax_parabola(DEPTH, profiles(truth))
    np.testing.assert_allclose(xmax, truth[1], atol=0.15)
    np.testing.assert_allclose(height, truth[0], rtol=2e-5)


def test_parabola_is_exact_for_a_gaussian_on_an_uneven_grid() -> None:
    depth = np.array([0.0, 600.0, 690.0, 720.0, 800.0])
    xmax, height = xmax_parabola(depth, 3 * np.exp(-(((depth - 701.5) / 150) ** 2))[None])
    assert (xmax[0], height[0]) == (pytest.approx(701.5), pytest.approx(3))


@pytest.mark.parametrize(("values", "expected"), [((1, 2, 3), 20.0), ((3, 2, 1), 0.0), ((0, 2, 0), 10.0), ((0, 0, 0), 0.0), ((2, 2, 2), 0.0)])
def test_parabola_at_the_edges(values: tuple[int, ...], expected: float) -> None:
    xmax, height = xmax_parabola([0.0, 10.0, 20.0], [values])
    assert (xmax[0], height[0]) == (expected, max(values))


@pytest.mark.parametrize(
    ("depth", "profile", "message"),
    [([0, 20, 10], np.ones((1, 3)), "rise"), ([0, 10, 20], np.ones((1, 4)), "shape"), ([0, 10, 20], np.full((1, 3), np.nan), "NaN")],
)
def test_bad_profiles_are_refused(depth: list[int], profile: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        xmax_parabola(depth, profile)
    with pytest.raises(ValueError, match=message):
        fit_gaisser_hillas(depth, profile)
