import numpy as np
import pytest

from cloudchamber.studies.surface_array.array.grid import Grid


def test_square_grid_about_the_origin() -> None:
    grid = Grid(columns=3, rows=5, spacing_m=100.0)
    positions = grid.positions_m
    assert positions.shape == (15, 2)
    assert positions.min(axis=0) == pytest.approx([-100, -200])
    assert positions.max(axis=0) == pytest.approx([100, 200])
    assert [0, 0] in positions.tolist()


def test_triangular_grid_has_six_neighbours() -> None:
    grid = Grid(columns=7, rows=7, spacing_m=1500.0, layout="triangular")
    distance = np.hypot(*grid.positions_m.T)
    assert np.sum(distance == 0) == 1
    assert np.sum(np.abs(distance - 1500.0) < 1e-6) == 6
    assert np.prod(grid.cell_m) == pytest.approx(1500.0**2 * 3**0.5 / 2)


def test_air_above_and_at_telescope_array() -> None:
    assert Grid().vertical_depth_g_cm2 == pytest.approx(876, abs=10)
    assert Grid().density_g_cm2_m == pytest.approx(0.106, abs=0.002)


@pytest.mark.parametrize("settings", [{"columns": 0}, {"rows": -1}, {"spacing_m": 0.0}, {"altitude_m": 1e4}, {"layout": "hexagonal"}])
def test_bad_settings_are_named(settings: dict) -> None:
    with pytest.raises(ValueError, match=next(iter(settings))):
        Grid(**settings)
