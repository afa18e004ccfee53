"""Estimates, pulls and levels: calibrated where the posterior is exact."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kstest

from cloudchamber.studies.surface_array.estimates import (
    angle_errors_deg,
    ball_level,
    direction_error68_deg,
    direction_pulls,
    fit_pulls,
    level,
    network_direction,
    nuclear_ln_energy,
    opening_deg,
    zenith_azimuth_deg,
)


def directions(events: int, draws: int, spread_deg: float) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Truth and draws that scatter alike about the same unknown centre, on a small patch of the sphere."""
    random = np.random.default_rng(1)
    zenith, azimuth = random.uniform(20, 60, events), random.uniform(-180, 180, events)

    def scattered(*shape: int) -> tuple[np.ndarray, np.ndarray]:
        steps = spread_deg * random.standard_normal((2, *shape))
        centre = (slice(None), *[None] * (len(shape) - 1))
        return zenith[centre] + steps[0], azimuth[centre] + steps[1] / np.sin(np.deg2rad(zenith[centre]))

    (true_zenith, true_azimuth), (drawn_zenith, drawn_azimuth) = scattered(events), scattered(events, draws)
    return {"zenith_deg": true_zenith, "azimuth_deg": true_azimuth}, {"zenith_deg_draws": drawn_zenith, "azimuth_deg_draws": drawn_azimuth}


@pytest.mark.parametrize("draws", [5, 50])
def test_an_exact_posterior_has_pulls_of_width_one_whatever_its_draws(draws: int) -> None:
    truth, answer = directions(20_000, draws, 0.2)
    pulls = direction_pulls(truth, answer)
    # Student's t of 4 degrees of freedom has no fourth moment: its width is known to a few percent
    assert np.abs(pulls.std(axis=0) - 1).max() < (0.08 if draws == 5 else 0.03)
    assert np.abs(pulls.mean(axis=0)).max() < 0.05


def test_pulls_need_draws() -> None:
    with pytest.raises(ValueError, match="pulls need at least 4 draws an event, got 3"):
        direction_pulls(*directions(2, 3, 0.2))


def test_levels_of_an_exact_posterior_are_uniform() -> None:
    random = np.random.default_rng(2)
    centre = random.standard_normal((4000, 1, 2))
    draws, true = centre + random.standard_normal((4000, 99, 2)), centre[:, 0] + random.standard_normal((4000, 2))
    jitter = random.uniform(-0.005, 0.005, 4000)
    for found in (level(draws[..., 0], true[:, 0]), ball_level(draws, true)):
        assert kstest(np.clip(found + jitter, 0, 1), "uniform").pvalue > 1e-6
    # and not where the draws scatter too little
    narrow = ball_level(centre + 0.5 * (draws - centre), true)
    assert np.mean(narrow > 0.9) > 0.3


def test_68_percent_of_a_gaussian_lie_within_one_and_a_half_deviations() -> None:
    _, answer = directions(50, 4000, 0.2)
    from cloudchamber.studies.surface_array.estimates import drawn_directions

    # two dimensions: (-2 ln 0.32)^1/2 = 1.51
    assert direction_error68_deg(drawn_directions(answer)).mean() == pytest.approx(0.2 * 1.51, rel=0.01)


def test_angles_wrap_and_lean() -> None:
    truth = {"zenith_deg": np.array([30.0]), "azimuth_deg": np.array([179.0])}
    answer = {"zenith_deg_draws": np.array([[30.0, 30.0]]), "azimuth_deg_draws": np.array([[-179.0, -179.0]])}
    direction = network_direction(answer)
    np.testing.assert_allclose(zenith_azimuth_deg(direction), [[30.0], [-179.0]])
    zenith, azimuth = angle_errors_deg(truth, direction)
    # 2 degrees of azimuth at 30 degrees from the vertical are 1 degree on the sphere
    assert zenith == pytest.approx(0, abs=1e-9) and azimuth == pytest.approx(1.0)
    assert opening_deg(truth, direction) == pytest.approx(1.0, abs=1e-3)


def test_fit_pulls_are_in_the_errors_that_the_fit_states() -> None:
    covariance = np.diag([1, 1, np.deg2rad(0.5) ** 2, np.deg2rad(2.0) ** 2, 1, 1, 1])[None]
    table = {"zenith_deg": np.array([30.0]), "azimuth_deg": np.array([-179.0]), "fit_zenith_deg": np.array([31.0]), "fit_azimuth_deg": np.array([179.0])}
    np.testing.assert_allclose(fit_pulls(table | {"fit_covariance": covariance}), [[2.0, -1.0]])


def test_the_energy_of_a_nucleus_leaves_photons_out() -> None:
    energy = np.exp([[1.0, 2.0, 9.0], [1.0, 2.0, 9.0], [1.0, 2.0, 9.0]])
    particle = np.array([[1, 4, 0], [0, 0, 0], [2, 2, 2]])
    np.testing.assert_allclose(nuclear_ln_energy({"energy_ev_draws": energy, "particle_draws": particle}), [1.5, 4.0, 4.0])
    np.testing.assert_allclose(nuclear_ln_energy({"energy_ev_draws": energy}), 4.0)
