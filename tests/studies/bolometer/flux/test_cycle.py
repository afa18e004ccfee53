"""phi over the solar cycle."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cloudchamber.studies.bolometer.flux.cycle import MONITOR_PHI_MV, OFFSET_MV, SolarCycle


def test_yearly_means_stand_at_the_year_s_middle_and_belong_to_a_spectrum() -> None:
    years = np.array([2009.5, 2014.5])
    corti, burger = SolarCycle().phi_mv(years), SolarCycle("burger_usoskin_2000").phi_mv(years)
    np.testing.assert_allclose(corti, np.array([MONITOR_PHI_MV[2009], MONITOR_PHI_MV[2014]]) + OFFSET_MV["corti_2019"])
    np.testing.assert_allclose(burger - corti, 95.0)
    assert np.isfinite(SolarCycle().phi_mv(np.array([2009.0, 2023.0]))).all()


def test_offsets_are_those_of_ams_02_s_windows() -> None:
    """Fits to all bins up to 104 GV of 2011-13 and 2011-18 less the monitors' 567 and 531 MV."""
    assert {"corti_2019": np.mean([600 - 567, 534 - 531]), "burger_usoskin_2000": np.mean([693 - 567, 631 - 531])} == OFFSET_MV


def test_sunspots_half_a_year_before(tmp_path: Path) -> None:
    path = tmp_path / "sunspots.csv"
    path.write_text("year,sunspot_number\n2030,0\n2031,50\n2032,100\n")
    cycle = SolarCycle(sunspots=str(path))
    np.testing.assert_allclose(cycle.phi_mv(np.array([2030.5, 2031.5, 2032.5])), 276 + 18 + 3.63 * np.array([0.0, 50.0, 100.0]))
    with pytest.raises(ValueError, match=r"year: 2032.1 is outside the allowed \[2030, 2032\]"):
        cycle.phi_mv(np.array([2032.6]))


def test_years_without_a_value_are_refused() -> None:
    with pytest.raises(ValueError, match=r"year: 2032 is outside the allowed \[2009, 2023\] of the packaged yearly phi; give a table of sunspots"):
        SolarCycle().phi_mv(np.array([2012.0, 2032.0]))


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ("2030,1\n2029,2\n", "column 'year', row 2: 2029; times must rise"),
        ("2030,1\n2031,-1\n", "column 'sunspot_number', row 2: -1; .*no value"),
        ("2030,1\n2031,nan\n", "column 'sunspot_number', row 2: nan"),
        ("2030,1\n2031,2\n2032.5,3\n", "column 'year', row 3: 2032.5; the row before is more than 1.01 yr earlier"),
        ("2030,1\n", "needs two rows at least, got 1"),
    ],
)
def test_bad_sunspots_are_refused(rows: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "sunspots.csv"
    path.write_text(f"year,sunspot_number\n{rows}")
    with pytest.raises(ValueError, match=told):
        SolarCycle(sunspots=str(path)).phi_mv(np.array([2030.7]))
    with pytest.raises(ValueError, match="there is no such file"):
        SolarCycle(sunspots=str(tmp_path / "gone.csv")).phi_mv(np.array([2030.7]))
    with pytest.raises(ValueError, match="is a folder, and a file is needed"):
        SolarCycle(sunspots=str(tmp_path)).phi_mv(np.array([2030.7]))
