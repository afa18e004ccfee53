"""Backtracking against an independent integrator, finer steps, and the published size of deflections."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from cloudchamber.physics.sphere import angular_distance_deg, lon_lat_deg, pixel_centres
from cloudchamber.studies.cosmic_ray_sky.galaxy.backtrack import TURN_RAD_EV, backtrack
from cloudchamber.studies.cosmic_ray_sky.galaxy.fields import field_parameters, fields_at


def rng() -> np.random.Generator:
    return np.random.default_rng(5)


def median_rad_ev(rigidity_ev: float, field: str = "jf12") -> float:
    sky = pixel_centres(16)
    return float(np.median(np.deg2rad(angular_distance_deg(sky, backtrack(sky, rigidity_ev, field, False, rng()).directions))) * rigidity_ev)


def test_turn_of_a_unit_field() -> None:
    """The Larmor radius of 1 EV in 1 microgauss is 1.081 kpc."""
    assert pytest.approx(1.081, abs=5e-4) == 1 / TURN_RAD_EV


@pytest.mark.parametrize("field", ["jf12", "uf23-base"])
def test_against_an_integrator_of_high_order(field: str) -> None:
    parameters, rigidity = field_parameters(field), 40.0
    directions = pixel_centres(1)[[1, 9]]
    ours = backtrack(directions, rigidity, field, False, rng()).directions
    for direction, end in zip(directions, ours, strict=True):

        def slope(path: float, state: np.ndarray) -> np.ndarray:
            return np.concatenate((state[3:], TURN_RAD_EV / rigidity * np.cross(fields_at(state[None, :3].copy(), parameters)[0], state[3:])))

        found = solve_ivp(slope, (0, 60), np.concatenate(([parameters[1], 0, 0], direction)), rtol=1e-6, max_step=0.2)
        inside = np.linalg.norm(found.y[:3], axis=0) < parameters[2]
        assert angular_distance_deg(found.y[3:, inside.argmin()], end) < 0.1


def test_steps_have_converged() -> None:
    sky = pixel_centres(8)
    ends = [backtrack(sky, 10.0, "jf12", False, rng(), step).directions for step in (None, 0.02)]
    assert np.median(angular_distance_deg(*ends)) < 0.05


def test_deflection_falls_as_one_over_rigidity() -> None:
    assert median_rad_ev(400.0) == pytest.approx(median_rad_ev(200.0), rel=0.02)


def test_median_deflection_of_jf12() -> None:
    assert 5.3 < median_rad_ev(60.0) < 5.5


def test_random_field_blurs_most_by_5_6_rad_ev() -> None:
    """The largest rms over pixels of 7 deg; the figure behind a blur of 2.79 rad EV, half of the maximum."""
    sky = pixel_centres(8)
    sky = sky[np.abs(lon_lat_deg(sky)[1]) < 12]
    ends = backtrack(np.repeat(sky, 200, axis=0), 60.0, "jf12", True, rng()).directions.reshape(len(sky), 200, 3)
    mean = ends.mean(axis=1, keepdims=True)
    angle = np.deg2rad(angular_distance_deg(ends, mean))
    assert np.sqrt(np.mean(angle**2, axis=1)).max() * 60.0 == pytest.approx(5.58, rel=0.08)


def test_strong_fields_let_go() -> None:
    paths = backtrack(pixel_centres(4), 1.0, "jf12", True, rng())
    assert paths.lengths_kpc.max() < 300.0
    assert np.linalg.norm(paths.directions, axis=1) == pytest.approx(1.0)


def test_bad_rigidity_is_refused() -> None:
    with pytest.raises(ValueError, match="rigidity_ev must be above 0"):
        backtrack(pixel_centres(1), 0.0, "jf12", False, rng())
