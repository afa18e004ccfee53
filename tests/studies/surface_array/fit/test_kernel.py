import numpy as np
import pytest

from cloudchamber.rng import rng
from cloudchamber.studies.surface_array.fit import kernel
from cloudchamber.studies.surface_array.fit.constants import Constants
from cloudchamber.studies.surface_array.fit.start import FULL, QUIET, expected_density, expected_time, ln_seen, mean_ln_curvature

AREA_M2 = 3.0
CONSTANTS = Constants()
X, Y = (1200.0 * (a.ravel() - 3.0) for a in np.meshgrid(np.arange(7.0), np.arange(7.0)))
CLOSE = np.hypot(X, Y) < 2000.0
KIND = np.where(CLOSE, FULL, QUIET)


def shower(u: float = 0.35, v: float = -0.2) -> np.ndarray:
    p = np.array([150.0, -220.0, u, v, np.log(25.0), 4000.0, 0.0])
    p[6] = mean_ln_curvature(p, CONSTANTS)
    return p


def stations(p: np.ndarray, seed: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Times and densities of ``p``, with a seed those that the fit's own error bars allow."""
    density = np.array([expected_density(x, y, p, CONSTANTS) for x, y in zip(X, Y, strict=True)]) * CLOSE
    weights = np.empty((len(X), 3))
    if seed is not None:
        kernel.freeze(X, Y, np.maximum(density, 1e-9), KIND, p, AREA_M2, False, CONSTANTS, weights)
        noise = rng(seed).standard_normal((2, len(X)))
        variance = np.divide(1.0, weights[:, 1], out=CONSTANTS.signal_variance * density, where=weights[:, 1] > 0)
        density = np.where(CLOSE, np.maximum(density + np.sqrt(variance) * noise[0], 0.2), 0.0)
    time = np.array([expected_time(x, y, ln_seen(s, AREA_M2), p, CONSTANTS) for x, y, s in zip(X, Y, density, strict=True)])
    if seed is not None:
        kernel.freeze(X, Y, np.maximum(density, 1e-9), KIND, p, AREA_M2, False, CONSTANTS, weights)
        time = time + noise[1] / np.sqrt(np.where(CLOSE, weights[:, 0], 1.0))
    return time, density


def fit(time: np.ndarray, density: np.ndarray) -> tuple[np.ndarray, ...]:
    return kernel.fit_events(X, Y, time, density, KIND, np.array([0, len(X)]), AREA_M2, CONSTANTS._replace(silent_weight=0.0))


def test_gradient_and_curvature_of_chi2() -> None:
    p = shower()
    time, density = stations(p, 3)
    weights, normal, gradient = np.empty((len(X), 3)), np.empty((7, 7)), np.empty(7)
    kernel.freeze(X, Y, density, KIND, p, AREA_M2, False, CONSTANTS, weights)
    assert (weights[:, 1] > 0).any() and (weights[CLOSE, 2] > 0).any() and (weights[~CLOSE, 2] > 0).any()
    p = p + np.array([30.0, -20.0, 0.01, 0.02, 0.1, 20.0, 0.1])

    def chi2(q: np.ndarray) -> tuple[float, np.ndarray]:
        slopes = np.empty(7)
        return kernel._normal_equations(X, Y, time, density, weights, AREA_M2, shower(), CONSTANTS, q, normal, slopes), slopes

    _, gradient = chi2(p)
    step = np.array([0.1, 0.1, 1e-5, 1e-5, 1e-4, 0.1, 1e-4])
    numeric = [-(chi2(p + h)[0] - chi2(p - h)[0]) / (4 * h.max()) for h in np.diag(step)]
    np.testing.assert_allclose(gradient, numeric, rtol=1e-4, atol=1e-6 * np.abs(gradient / step).max() * step.min())
    assert np.all(np.linalg.eigvalsh(normal) > 0)


@pytest.mark.parametrize(("u", "v"), [(0.35, -0.2), (0.0, 0.0), (-0.4, 0.3)])
def test_events_without_noise_are_found_again(u: float, v: float) -> None:
    p = shower(u, v)
    fitted, information, chi2, counts, flags = fit(*stations(p))
    assert np.abs((fitted[0] - p) / np.sqrt(np.diag(np.linalg.inv(information[0])))).max() < 0.05
    assert chi2.max() < 0.05 and counts.tolist() == [[CLOSE.sum(), CLOSE.sum()]] and flags.tolist() == [0]


def test_errors_are_as_large_as_the_covariance_says() -> None:
    p, pulls, chi2 = shower(), [], 0.0
    for seed in range(150):
        fitted, information, both, counts, _ = fit(*stations(p, seed))
        pulls.append((fitted[0] - p) / np.sqrt(np.diag(np.linalg.inv(information[0]))))
        chi2 += both.sum() / (counts.sum() - 6)
    # the curvature is measured once more by what holds it
    assert np.std(pulls, axis=0)[:6] == pytest.approx(np.ones(6), abs=0.25)
    assert np.abs(np.mean(pulls, axis=0)).max() < 0.5
    assert chi2 / 150 == pytest.approx(1.0, abs=0.25)
