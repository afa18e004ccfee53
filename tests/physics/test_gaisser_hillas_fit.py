"""The compiled fit: its slopes, its window, and what it gives up."""

from __future__ import annotations

import numpy as np

from cloudchamber.physics.gaisser_hillas_fit import _normal_equations, fit_profiles
from cloudchamber.physics.shower import gaisser_hillas_rl

DEPTH = np.arange(0.0, 1500.0, 10.0)


def test_the_gradient_is_the_slope_of_the_loss() -> None:
    y = gaisser_hillas_rl(DEPTH, 1.0, 700.0, 0.25, 230.0)
    at, normal, gradient = np.array([0.1, 6.6, np.log(0.3), np.log(210.0)]), np.empty((4, 4)), np.empty(4)
    _normal_equations(DEPTH, y, at, normal, gradient)
    np.testing.assert_array_equal(normal, normal.T)
    assert np.linalg.eigvalsh(normal).min() > 0
    spare = np.empty((4, 4)), np.empty(4)
    for i, step in enumerate(1e-6 * np.eye(4)):
        # the gradient of the least squares is minus half the loss's
        rise = (_normal_equations(DEPTH, y, at + step, *spare) - _normal_equations(DEPTH, y, at - step, *spare)) / 2e-6
        assert abs(-rise / 2 - gradient[i]) < 1e-6 * np.abs(gradient).max()


def test_only_the_window_about_the_maximum_counts() -> None:
    profile = gaisser_hillas_rl(DEPTH, 1e8, 700.0, 0.25, 230.0)
    spoilt = np.where(profile < 0.05e8, 0.04e8, profile)
    np.testing.assert_allclose(fit_profiles(DEPTH, spoilt[None], 0.1)[0, :4], [1e8, 700.0, 0.25, 230.0], rtol=1e-6)


def test_a_fit_scales_with_the_profile_and_moves_with_the_depth() -> None:
    profile = gaisser_hillas_rl(DEPTH, 1.0, 650.0, 0.3, 220.0) * np.exp(0.02 * np.random.default_rng(1).normal(size=len(DEPTH)))
    (one,) = fit_profiles(DEPTH, profile[None], 0.1)
    (large,) = fit_profiles(DEPTH, 1e9 * profile[None], 0.1)
    (moved,) = fit_profiles(DEPTH + 100.0, profile[None], 0.1)
    np.testing.assert_allclose(large, one * [1e9, 1, 1, 1, 1], rtol=1e-6)
    np.testing.assert_allclose(moved, one + np.array([0, 100, 0, 0, 0]), rtol=1e-4)


def test_a_maximum_far_outside_is_no_measurement() -> None:
    rising = np.exp(DEPTH[:40] / 30.0)
    assert np.isnan(fit_profiles(DEPTH[:40], rising[None], 0.1)).all()
