from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import kstest

from cloudchamber.rng import rng
from cloudchamber.schema import check_table
from cloudchamber.studies.calorimeter.beam import Beam
from cloudchamber.studies.calorimeter.columns import calorimeter_schema
from cloudchamber.studies.calorimeter.geometry import Crystals

CRYSTALS = Crystals()
SCHEMA = calorimeter_schema(CRYSTALS)


def test_default_beam() -> None:
    theta = check_table(Beam().draw(5000, CRYSTALS, SCHEMA, rng(1)), SCHEMA.theta)
    assert set(theta["particle"]) == {0, 1}
    assert kstest(np.log(theta["energy_mev"]), "uniform", (np.log(200), np.log(25))).pvalue > 1e-6
    for name in ("impact_x_mm", "impact_y_mm"):
        assert kstest(theta[name], "uniform", (-30, 60)).pvalue > 1e-6
    lowest = np.cos(np.radians(20))
    assert kstest(np.cos(np.radians(theta["polar_deg"].astype(float))), "uniform", (lowest, 1 - lowest)).pvalue > 1e-6
    assert kstest(theta["azimuth_deg"], "uniform", (-180, 360)).pvalue > 1e-6


def test_fixed_energies_at_the_centre() -> None:
    beam = Beam(particles=("e+",), energies_mev=(500.0, 2500.0), impact="centre", polar_max_deg=0.0)
    theta = beam.draw(100, CRYSTALS, SCHEMA, rng(2))
    assert set(theta["particle"]) == {2}
    assert set(theta["energy_mev"]) == {500.0, 2500.0}
    assert not np.any(theta["impact_x_mm"]) and not np.any(theta["impact_y_mm"]) and not np.any(theta["polar_deg"])


def test_impact_over_the_whole_face() -> None:
    theta = Beam(impact="array").draw(5000, CRYSTALS, SCHEMA, rng(3))
    assert kstest(theta["impact_x_mm"], "uniform", (-150, 300)).pvalue > 1e-6


def test_same_seed_same_beam() -> None:
    first, second = (Beam().draw(50, CRYSTALS, SCHEMA, rng(4)) for _ in range(2))
    assert all(np.array_equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"particles": ()}, "particles: name at least one"),
        ({"energy_mev": (0.0, 100.0)}, "energy_mev: .* above 0 MeV"),
        ({"energy_mev": (300.0, 100.0)}, "energy_mev"),
        ({"energies_mev": (500.0, -1.0)}, "energies_mev: .* above 0 MeV"),
        ({"impact": "edge"}, "impact: 'edge' is unknown; allowed: central, centre, array"),
        ({"polar_max_deg": 90.0}, r"polar_max_deg: 90.0 .* \[0, 89.9\] deg"),
    ],
)
def test_bad_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Beam(**settings)


def test_a_beam_that_its_simulator_does_not_hold_is_refused() -> None:
    with pytest.raises(ValueError, match="particles: 'pi-' is not among e-, gamma, e\\+; ask elsewhere"):
        Beam(particles=("e-", "pi-")).check(("e-", "gamma", "e+"), 1.0, "; ask elsewhere")
    with pytest.raises(ValueError, match=r"50 is outside the allowed \[100, 1e\+06\] MeV of this simulator"):
        Beam(energies_mev=(50.0,)).check(("e-", "gamma"), 100.0)
