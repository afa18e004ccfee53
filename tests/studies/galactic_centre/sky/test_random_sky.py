"""The default simulator: its prior, its settings, its columns."""

from __future__ import annotations

import numpy as np
import pytest

from cloudchamber.rng import rng
from cloudchamber.schema import Table, check_table, take
from cloudchamber.studies.galactic_centre.columns import PARAMETERS, TARGET
from cloudchamber.studies.galactic_centre.diffuse.parameters import PARAMETERS as DIFFUSE
from cloudchamber.studies.galactic_centre.sky.random_sky import RandomSky
from cloudchamber.studies.galactic_centre.sky.skies import prior_of

SKY = RandomSky(nside=64)


def theta_of(events: int, seed: int = 1, **given: float) -> Table:
    theta = SKY.prior(events, rng(seed))
    return theta | {name: np.full(events, value, np.float32) for name, value in given.items()}


def test_there_are_at_least_sixteen_parameters_with_units_and_meanings() -> None:
    assert len(TARGET) == 16 and len(set(TARGET)) == 16 and set(TARGET) <= set(PARAMETERS)
    theta = SKY.schema.theta
    assert all(column.doc for column in theta.values())
    for name, column in theta.items():
        wanted = {"cm2_s": "1/(cm2 s)", "s_sr": "1/(cm2 s sr)", "_deg": "deg", "_kpc": "kpc"}
        assert next((unit for end, unit in wanted.items() if name.endswith(end)), column.unit) == column.unit


def test_the_prior_keeps_its_ranges() -> None:
    drawn = SKY.prior(2000, rng(3))
    check_table(drawn, SKY.schema.theta)
    for name, parameter in (prior_of(SKY.bins) | dict(DIFFUSE)).items():
        assert parameter.low - 1e-6 <= drawn[name].min() and drawn[name].max() <= parameter.high * (1 + 1e-6) + 1e-6
        assert parameter.limits[0] <= parameter.low < parameter.high <= parameter.limits[1]
    assert drawn["years"].min() >= 5 and drawn["years"].max() <= 16


def test_maps_are_of_the_schema_and_of_their_seed_for_any_bins() -> None:
    one = RandomSky(edges_gev=(2.0, 20.0), events="psf3", nside=64)
    for sky, bins in ((SKY, 3), (one, 1)):
        theta = sky.prior(2, rng(1))
        made = sky.simulate(theta, rng(2))
        check_table(made, sky.schema.x)
        assert made["counts"].shape == (2, bins, 64, 64) and np.array_equal(made["counts"], sky.simulate(theta, rng(2))["counts"])
        assert not np.array_equal(made["counts"], sky.simulate(theta, rng(3))["counts"])


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"nside": 100}, "nside: 100"),
        ({"years": (0.0, 5.0)}, "years: needs"),
        ({"edges_gev": (3.0, 1.0)}, "edges_gev"),
        ({"years": (9.0, 5.0)}, "years: needs"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        RandomSky(**settings)


def test_theta_out_of_range_is_refused() -> None:
    theta = theta_of(3)
    with pytest.raises(ValueError, match="excess_slope"):
        SKY.simulate(theta | {"excess_slope": np.full(3, 1.6)}, rng(1))
    with pytest.raises(ValueError, match="pi0_cm2_s_sr"):
        SKY.simulate(take(theta, slice(0, 2)) | {"pi0_cm2_s_sr": np.array([np.nan, 1.0])}, rng(1))
