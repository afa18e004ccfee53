import numpy as np
import pytest

from cloudchamber.schema import Ragged
from cloudchamber.studies.cosmic_ray_sky.scans.scans import check_maps, check_thresholds


def ragged(*maps):
    return Ragged.from_list([np.asarray(one, dtype=float) for one in maps])


def test_good_maps_pass():
    check_maps(ragged(np.eye(3), np.eye(3)[:1]), ragged([4e19, 5e19, 6e19], [1e20]))


@pytest.mark.parametrize(
    ("vectors", "energy_ev", "message"),
    [
        (ragged(np.eye(3)), ragged([50.0, 60.0, 70.0]), "energy_ev: 50 is outside .* EeV"),
        (ragged(np.eye(3)), ragged([5e19, np.nan, 5e19]), "energy_ev: nan"),
        (ragged(np.eye(3)), ragged([5e19, -5e19, 5e19]), "energy_ev: -5e"),
        (ragged(2 * np.eye(3)), ragged([5e19, 5e19, 5e19]), "unit vectors"),
        (ragged(np.full((3, 3), np.nan)), ragged([5e19, 5e19, 5e19]), "unit vectors"),
        (ragged(np.eye(2)), ragged([5e19, 5e19]), "unit vectors"),
        (ragged(np.eye(3)), ragged([5e19, 5e19]), "same cosmic rays, got 3 and 2"),
        (ragged(np.eye(3)[:1], np.eye(3)[:2]), ragged([5e19, 5e19], [5e19]), "same cosmic rays"),
    ],
)
def test_bad_maps_are_refused(vectors, energy_ev, message):
    with pytest.raises(ValueError, match=message):
        check_maps(vectors, energy_ev)


def test_thresholds_must_rise():
    np.testing.assert_array_equal(check_thresholds([4e19, 5e19]), [4e19, 5e19])
    for bad in ([], [5e19, 4e19], [[4e19]]):
        with pytest.raises(ValueError, match="thresholds_ev must rise"):
            check_thresholds(bad)
