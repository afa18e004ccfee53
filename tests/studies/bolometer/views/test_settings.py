"""What both views are told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cloudchamber.rng import rng
from cloudchamber.studies.bolometer.flux.modulation import CosmicRays
from cloudchamber.studies.bolometer.views.hits import HitsView
from cloudchamber.studies.bolometer.views.settings import Conditions, check_noise, made_families
from cloudchamber.studies.bolometer.views.windows import WindowsView


def test_conditions_are_drawn_from_their_ranges() -> None:
    drawn = Conditions(phi_mv=(300.0, 400.0), thickness_um=(500.0, 500.0)).draw(1000, CosmicRays(), rng(1))
    assert 300 <= drawn["phi_mv"].min() < 310 and 390 < drawn["phi_mv"].max() <= 400 and np.all(drawn["thickness_um"] == 500)


def test_years_have_the_phi_of_their_spectrum(tmp_path: Path) -> None:
    drawn = Conditions(years=(2009.2, 2009.4)).draw(200, CosmicRays(), rng(1))
    np.testing.assert_allclose(drawn["phi_mv"], 279 + 18)
    np.testing.assert_allclose(Conditions(years=(2009.2, 2009.4)).draw(200, CosmicRays(interstellar="burger_usoskin_2000"), rng(1))["phi_mv"], 279 + 113)
    path = tmp_path / "sunspots.csv"
    path.write_text("year,sunspot_number\n2031,0\n2032,50\n2033,100\n")
    drawn = Conditions(years=(2031.5, 2033.5), sunspots=str(path)).draw(2000, CosmicRays(), rng(1))
    assert 294 <= drawn["phi_mv"].min() < 300 and 650 < drawn["phi_mv"].max() <= 657


def test_years_without_a_phi_are_refused() -> None:
    with pytest.raises(ValueError, match=r"year: 2032 is outside the allowed \[2009, 2023\]"):
        WindowsView(conditions=Conditions(years=(2010.0, 2032.0))).ready()
    with pytest.raises(ValueError, match=r"years: phi of the solar cycle belongs to a named spectrum, not to that of the table .flux\.csv."):
        Conditions(years=(2010.0, 2011.0)).ready(CosmicRays(table="flux.csv"))
    with pytest.raises(ValueError, match="years: the first one must not be after the last one, got 2012 and 2011"):
        Conditions(years=(2012.0, 2011.0))
    with pytest.raises(ValueError, match=r"sunspots: .ssn\.csv. tells phi of times: say which with years"):
        Conditions(sunspots="ssn.csv")


@pytest.mark.parametrize("phi_mv", [(400.0, 300.0), (-1.0, 300.0), (300.0, 2500.0), (float("nan"), 300.0)])
def test_bad_ranges_are_refused(phi_mv: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match=r"phi_mv: needs 0 <= low <= high <= 2000, got"):
        Conditions(phi_mv=phi_mv)


def test_families_are_those_of_the_detector() -> None:
    assert made_families(HitsView()) == ("wafer", "absorber")
    assert made_families(WindowsView(families=("wafer",))) == ("wafer",)
    with pytest.raises(ValueError, match="families: 'slow' is none of this detector's: wafer, absorber"):
        WindowsView(families=("slow",))


def test_a_part_of_a_range_may_be_left_out() -> None:
    drawn = Conditions(without_phi_mv=(450.0, 550.0), without_thickness_um=(470.0, 530.0)).draw(4000, CosmicRays(), rng(1))
    for name, low, high, first, after in (("phi_mv", 200, 1000, 450, 550), ("thickness_um", 300, 700, 470, 530)):
        values = drawn[name]
        assert low <= values.min() and values.max() <= high and not np.any((values > first) & (values < after))
        assert np.mean(values < first) == pytest.approx((first - low) / (high - low - after + first), abs=0.04)
    with pytest.raises(ValueError, match="without_phi_mv: needs a part of 200 to 1000, got 900 to 1100"):
        Conditions(without_phi_mv=(900.0, 1100.0))
    with pytest.raises(ValueError, match="without_phi_mv: years say what phi there is"):
        Conditions(years=(2010.0, 2011.0), without_phi_mv=(450.0, 550.0))


def test_noise_that_is_none_is_refused() -> None:
    for noise in (-1e-17, float("nan"), 2.0):
        with pytest.raises(ValueError, match="noise_w"):
            check_noise(noise)
