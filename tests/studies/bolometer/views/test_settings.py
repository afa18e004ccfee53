"""What both views are told."""

from __future__ import annotations

import numpy as np
import pytest

from cloudchamber.rng import rng
from cloudchamber.studies.bolometer.views.hits import HitsView
from cloudchamber.studies.bolometer.views.settings import Conditions, made_families
from cloudchamber.studies.bolometer.views.windows import WindowsView


def test_conditions_are_drawn_from_their_ranges() -> None:
    drawn = Conditions(phi_mv=(300.0, 400.0), thickness_um=(500.0, 500.0)).draw(1000, rng(1))
    assert 300 <= drawn["phi_mv"].min() < 310 and 390 < drawn["phi_mv"].max() <= 400 and np.all(drawn["thickness_um"] == 500)


@pytest.mark.parametrize("phi_mv", [(400.0, 300.0), (-1.0, 300.0), (300.0, 2500.0), (float("nan"), 300.0)])
def test_bad_ranges_are_refused(phi_mv: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match=r"phi_mv: needs 0 <= low <= high <= 2000, got"):
        Conditions(phi_mv=phi_mv)


def test_families_are_those_of_the_detector() -> None:
    assert made_families(HitsView()) == ("wafer", "absorber")
    assert made_families(WindowsView(families=("wafer",))) == ("wafer",)
    with pytest.raises(ValueError, match="families: 'slow' is none of this detector's: wafer, absorber"):
        WindowsView(families=("slow",))
