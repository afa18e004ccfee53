import numpy as np
import pytest

from cloudchamber.studies.surface_array.array.grid import Grid
from cloudchamber.studies.surface_array.array.trigger import triggers


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        ([(0, 0), (1, 0), (0, 1)], True),
        ([(0, 0), (1, 0), (2, 0)], True),
        ([(5, 5), (0, 0), (1, 1), (0, 1)], True),
        ([(0, 0), (1, 0)], False),
        ([(0, 0), (2, 0), (1, 1)], False),
        ([(0, 0), (1, 0), (3, 0)], False),
        ([(0, 0), (1, 0), (2, 1)], False),
        ([], False),
    ],
)
def test_patterns(places: list[tuple[int, int]], expected: bool) -> None:
    assert triggers(np.array(places, float).reshape(-1, 2), np.zeros(len(places))) is expected


def test_coincidence() -> None:
    places = np.array([(0.0, 0.0), (1.0, 0.0), (0.0, 1.0)])
    assert triggers(places, np.array([0.0, 4000.0, 7999.0]))
    assert not triggers(places, np.array([0.0, 4000.0, 8001.0]))


def test_neighbours_of_a_triangular_grid() -> None:
    positions = Grid(3, 3, 1500.0, layout="triangular").positions_m / 1500.0
    nearest = np.argsort(np.hypot(*positions.T))[:3]
    assert triggers(positions[nearest], np.zeros(3))
