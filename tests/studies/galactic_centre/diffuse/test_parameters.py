"""Priors lie within what is physically possible, and bad parameters are named."""

from __future__ import annotations

import numpy as np
import pytest

from cloudchamber.rng import rng
from cloudchamber.studies.galactic_centre.diffuse.parameters import PARAMETERS, checked, draw_parameters


def test_priors_are_within_the_limits() -> None:
    for name, parameter in PARAMETERS.items():
        assert parameter.limits[0] <= parameter.low < parameter.high <= parameter.limits[1], name
        assert parameter.low > 0 or not parameter.logarithmic, name
        assert name.endswith(f"_{parameter.unit}") == bool(parameter.unit), name


def test_draws_fill_the_prior() -> None:
    drawn = draw_parameters(4000, rng(1))
    assert list(drawn) == list(PARAMETERS)
    for name, (low, high, *_, logarithmic, _) in PARAMETERS.items():
        u = np.log(drawn[name] / low) / np.log(high / low) if logarithmic else (drawn[name] - low) / (high - low)
        assert 0 <= u.min() < 0.01 and 0.99 < u.max() <= 1, name
        # six standard errors of a uniform mean
        assert np.mean(u) == pytest.approx(0.5, abs=6 / np.sqrt(12 * 4000)), name


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("turbulence", None, "lacks turbulence"),
        ("arm_contrast", np.zeros(3), r"arm_contrast has shape \(3,\)"),
        ("electron_scale_kpc", np.array([10.0, np.nan]), "electron_scale_kpc is nan; it must lie between 0.5 and 10000 kpc"),
        ("molecular_share", np.array([0.2, 1.2]), "molecular_share is 1.2; it must lie between 0 and 1$"),
        ("bubble_edge_deg", 3.0, r"bubble_edge_deg has shape \(\)"),
        ("cosmic_ray_height_kpc", np.array([4.0, -4.0]), "cosmic_ray_height_kpc is -4"),
    ],
)
def test_bad_parameters(name: str, value: object, words: str) -> None:
    parameters = draw_parameters(2, rng(2)) | {name: value}
    if value is None:
        del parameters[name]
    with pytest.raises(ValueError, match=words):
        checked(parameters)


def test_beyond_the_prior_is_allowed() -> None:
    found = checked(draw_parameters(2, rng(3)) | {"turbulence": [0, 2], "gas_height_factor": [5, 0.2]})
    assert found["turbulence"].dtype == float and found["turbulence"][1] == 2
