"""The columns of the study: priors within what is possible, units, and the image that a map is."""

from __future__ import annotations

import numpy as np
import pytest

from cloudchamber.physics.gamma.face import direction_at
from cloudchamber.studies.galactic_centre.columns import (
    GIVEN,
    PARAMETERS,
    SHAPES,
    TARGET,
    YEARS,
    diffuse_columns,
    schema_of,
    shape_schema,
    theta_columns,
    x_columns,
)
from cloudchamber.studies.galactic_centre.diffuse.parameters import PARAMETERS as DIFFUSE

UNITS = {"_cm2_s_sr": "1/(cm2 s sr)", "_cm2_s": "1/(cm2 s)", "_deg": "deg", "_kpc": "kpc"}


def test_every_prior_lies_within_what_is_possible() -> None:
    for name, parameter in {**PARAMETERS, **DIFFUSE}.items():
        assert parameter.limits[0] <= parameter.low < parameter.high <= parameter.limits[1], name
        assert parameter.low > 0 or not parameter.logarithmic, name


def test_columns_state_what_they_hold() -> None:
    columns = theta_columns()
    assert set(columns) == {*PARAMETERS, "years"} and not set(columns) & set(diffuse_columns())
    assert (columns["years"].low, columns["years"].high) == YEARS
    for name, column in {**columns, **diffuse_columns()}.items():
        assert column.doc and column.low < column.high and not column.shape
        wanted = next((unit for end, unit in UNITS.items() if name.endswith(end)), "yr" if name == "years" else "")
        assert column.unit == wanted, name


def test_sixteen_parameters_are_inferred_and_shapes_of_the_diffuse_emission_are_not() -> None:
    assert len(set(TARGET)) == len(TARGET) == 16 and TARGET[0] == "f_src"
    assert set(TARGET) <= set(PARAMETERS)


@pytest.mark.parametrize(("bins", "nside"), [(3, 128), (1, 32)])
def test_maps_are_images_of_the_face_towards_the_galactic_centre(bins: int, nside: int) -> None:
    columns = x_columns(bins, nside)
    assert tuple(columns) == GIVEN
    counts = columns["counts"]
    assert counts.shape == (bins, nside, nside) and counts.dtype == "int32" and columns["exposure_cm2_s"].shape == (bins,)
    pixels = np.random.default_rng(1).integers(0, nside, (20, 2))
    lon, lat = direction_at(*(pixels + 0.5).T, nside)
    assert np.array_equal(counts.geometry.place_of(lon, lat), pixels @ (nside, 1))


def test_shapes_are_known_by_their_columns() -> None:
    for nside in (32, 64):
        found = schema_of({name: np.ones((2, nside, nside)) for name in SHAPES})
        assert found is not None and found == shape_schema(nside)
        assert found.x[SHAPES[0]].shape == (nside, nside) and set(found.theta) == set(DIFFUSE) - {"bubble_edge_deg"}
