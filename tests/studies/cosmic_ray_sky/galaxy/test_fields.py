"""The fields by name, behind one function."""

from __future__ import annotations

import numpy as np
import pytest

from cloudchamber.studies.cosmic_ray_sky.galaxy import jf12, uf23
from cloudchamber.studies.cosmic_ray_sky.galaxy.fields import FIELDS, field_parameters, fields_at, random_rms_at

POSITIONS = np.array([[-8.5, 0.0, 0.02], [3.0, 4.0, 0.5], [-6.0, 5.0, -2.0], [0.0, 12.0, 3.0]])


def test_the_names_are_those_of_jansson_farrar_and_the_eight_of_unger_farrar() -> None:
    assert len(FIELDS) == 9 and FIELDS[0] == "jf12" and "uf23-base" in FIELDS
    with pytest.raises(ValueError, match="field: 'jf13' is not known; allowed: jf12, uf23-base"):
        field_parameters("jf13")


@pytest.mark.parametrize("name", FIELDS)
def test_each_name_gives_its_own_field_and_none_past_its_end(name: str) -> None:
    parameters = field_parameters(name)
    own = jf12.field if name == "jf12" else uf23.field
    np.testing.assert_array_equal(fields_at(POSITIONS, parameters), [own(*place, parameters) for place in POSITIONS])
    strength = np.linalg.norm(fields_at(POSITIONS, parameters), axis=1)
    # a few microgauss, as near the Sun
    assert 0.1 < strength[0] < 10
    assert not fields_at(np.array([[0.0, 0.0, 100.0], [80.0, 0.0, 0.0]]), parameters).any()


def test_the_random_field_is_stronger_in_the_disk() -> None:
    near, above = random_rms_at(np.array([[-8.5, 0.0, 0.0], [-8.5, 0.0, 5.0]]))
    assert near > 2 * above > 0
