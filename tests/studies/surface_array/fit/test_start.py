import numpy as np
import pytest

from cloudchamber.rng import rng
from cloudchamber.studies.surface_array.constants import LIGHT_M_NS
from cloudchamber.studies.surface_array.fit import start as first
from cloudchamber.studies.surface_array.fit.constants import Constants
from cloudchamber.studies.surface_array.fit.flags import FitFlag

X, Y = (1200.0 * a.ravel() for a in np.meshgrid(np.arange(3.0), np.arange(2.0)))


def plane(u: float, v: float) -> np.ndarray:
    return -(u * X + v * Y) / LIGHT_M_NS


def test_clean_keeps_the_stronger_of_two_records_and_drops_the_silent_double() -> None:
    x, y = np.array([0.0, 0.5, 1200.0, 0.0]), np.zeros(4)
    kind = np.array([first.FULL, first.FULL, first.FULL, first.QUIET])
    flags = first.clean(x, y, np.zeros(4), np.array([3.0, 9.0, 1.0, 0.0]), kind)
    assert flags == FitFlag.DUPLICATE and kind.tolist() == [first.IGNORED, first.FULL, first.FULL, first.IGNORED]


def test_clean_drops_a_time_from_another_shower() -> None:
    time, kind = plane(0.3, 0.1), np.full(6, first.FULL)
    time[4] += 50_000.0
    assert first.clean(X, Y, time, np.ones(6), kind) == FitFlag.TIME_OUTLIER
    assert np.flatnonzero(kind == first.IGNORED).tolist() == [4]


def test_clean_uses_lower_bounds_where_there_is_nothing_else() -> None:
    kind = np.full(6, first.TIME_ONLY)
    assert first.clean(X, Y, plane(0.0, 0.0), np.ones(6), kind) == FitFlag.SATURATED | FitFlag.ALL_SATURATED
    assert np.all(kind == first.FULL)


def test_signals_far_from_their_centre_do_not_count() -> None:
    x, kind = np.array([0.0, 1000.0, 4000.0, 6000.0, 6000.0]), np.array([first.FULL, first.FULL, first.QUIET, first.FULL, first.QUIET])
    first.limit_signals(x, np.zeros(5), np.array([100.0, 50.0, 0.0, 0.3, 0.0]), kind)
    assert kind.tolist() == [first.FULL, first.FULL, first.QUIET, first.TIME_ONLY, first.IGNORED]


@pytest.mark.parametrize("attempt", [0, 1, 2])
def test_start_is_near_the_plane(attempt: int) -> None:
    p = np.empty(7)
    first.start(X, Y, plane(0.4, -0.2) + 1e4, np.full(6, 500.0), np.full(6, first.FULL), attempt, 3.0, p, Constants())
    np.testing.assert_allclose(p[2:4], [0.4, -0.2], atol=0.03)
    np.testing.assert_allclose(p[:2], [1200.0, 600.0], atol=1.0)


def test_solve() -> None:
    root = rng(1).standard_normal((7, 7))
    matrix, right, solution = root @ root.T, rng(2).standard_normal(7), np.empty(7)
    assert first.solve(matrix, right, 0.0, solution)
    np.testing.assert_allclose(matrix @ solution, right, atol=1e-9)
    assert first.solve(matrix, right, 0.5, solution)
    np.testing.assert_allclose((matrix + 0.5 * np.diag(np.diag(matrix))) @ solution, right, atol=1e-9)
    matrix[3] = matrix[:, 3] = 0.0
    assert not first.solve(matrix, right, 0.0, solution)
