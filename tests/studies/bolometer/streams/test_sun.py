"""phi over a stream's time."""

from __future__ import annotations

import numpy as np
import pytest

from cloudchamber.studies.bolometer.flux.cycle import SolarCycle
from cloudchamber.studies.bolometer.flux.modulation import CosmicRays
from cloudchamber.studies.bolometer.streams.sun import Sun, interval

RAYS = CosmicRays()


def test_known_years_are_the_cycle_s_own() -> None:
    year = np.linspace(2009, 2022.5, 50)
    assert np.array_equal(Sun().phi_at(year, RAYS), SolarCycle().phi_mv(year))


def test_years_to_come_are_those_of_eleven_years_before() -> None:
    sun, middles = Sun(), 2012.5 + np.arange(11)
    for cycles in (1, 2, 5):
        assert np.allclose(sun.phi_at(middles + 11 * cycles, RAYS), SolarCycle().phi_mv(middles))
    # no jump where the forecast begins, nor where it begins again: nowhere more than between two known years
    step = np.abs(np.diff(sun.phi_at(np.arange(2009, 2060, 0.01), RAYS)))
    assert step.max() <= 0.01 * 210
    assert sun.forecasts(2022.6) and not sun.forecasts(2022.4)


def test_forecast_flux_is_as_foreseen_for_a_mission() -> None:
    """4 pi I of protons above 39 MeV, per cm2 s, as forecast for LiteBIRD: 4.4 in the middle of 2032, 2.6 in the middle of 2035."""
    for year, flux in ((2032.5, 4.4), (2035.5, 2.6)):
        phi = float(Sun().phi_at(np.array(year), RAYS))
        assert 4 * np.pi * RAYS.integral_per_cm2_s_sr(phi) == pytest.approx(flux, rel=0.1)


def test_what_nobody_knows_is_refused() -> None:
    with pytest.raises(ValueError, match=r"year: 2032 is outside the allowed"):
        Sun(forecast=False).phi_at(np.array([2020.0, 2032.0]), RAYS)
    with pytest.raises(ValueError, match=r"belongs to a named spectrum"):
        Sun().phi_at(np.array(2012.0), CosmicRays(table="mine.csv"))
    assert Sun(phi_mv=450.0).phi_at(np.array([2032.0, 2060.0]), RAYS).tolist() == [450.0, 450.0]
    with pytest.raises(ValueError, match=r"give one of them"):
        Sun(phi_mv=450.0, sunspots="ssn.csv")


def test_an_interval_that_is_none_is_one_number() -> None:
    assert (interval(344.1, 343.9), interval(344.0, 402.2)) == ("344", "344 to 402")
