"""Profiles onto the study's grid: sums are kept, and what is wrong is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cloudchamber.studies.airshower.columns import depth_grid
from cloudchamber.studies.airshower.formats.grid import (
    check_profile,
    deposit_between_depths,
    deposit_on_grid,
    need,
    numbers_on_grid,
    theta_column,
    unknown_primary,
    warn_about_cuts,
)


@pytest.mark.parametrize("step", [3.0, 10.0, 17.5])
def test_the_deposited_energy_is_kept(step: float) -> None:
    edges = np.arange(0.0, 1043.0, step)
    energy = np.random.default_rng(1).uniform(0, 5, len(edges) - 1)
    deposit = deposit_on_grid(edges, energy, "shower")
    assert 10 * deposit.sum() == pytest.approx(energy.sum(), rel=1e-12)
    assert not deposit[depth_grid() > edges[-1]].any()
    assert 10 * deposit_between_depths(deposit).sum() == pytest.approx(energy.sum() - 5 * deposit[0], rel=1e-12)


def test_an_even_deposit_stays_even() -> None:
    deposit = deposit_on_grid(np.arange(0.0, 1001.0, 4.0), np.full(250, 4 * 2.5), "shower")
    np.testing.assert_allclose(deposit[1:99], 2.5)
    # half of the first depth's 10 g/cm2 lies above the atmosphere
    assert deposit[0] == pytest.approx(1.25)


def test_numbers_are_interpolated_and_zero_outside() -> None:
    numbers = numbers_on_grid(np.array([105.0, 125.0]), np.array([1.0, 3.0]), "shower")
    assert numbers[11:13].tolist() == [1.5, 2.5] and numbers.sum() == 4.0


def test_bad_profiles_are_named() -> None:
    with pytest.raises(ValueError, match="shower 3: the depths must rise strictly"):
        check_profile(np.array([0.0, 10.0, 10.0]), np.ones(3), "shower 3")
    with pytest.raises(ValueError, match="shower 3: 2 values for 3 depths"):
        check_profile(np.array([0.0, 10.0, 20.0]), np.ones(2), "shower 3")
    with pytest.raises(ValueError, match="shower 3: NaN or infinite value at depth 10 g/cm2"):
        check_profile(np.array([0.0, 10.0, 20.0]), np.array([1, np.inf, 1]), "shower 3")
    with pytest.raises(ImportError, match=r"needs 'absent_library': pip install 'cloudchamber\[formats\]'"):
        need("absent_library.part")


def test_theta_is_given_or_found_or_asked_for() -> None:
    path = Path("a.long")
    assert theta_column("zenith_deg", 30.0, [1.0, 2.0], 2, path).tolist() == [30.0, 30.0]
    assert theta_column("zenith_deg", None, [1.0, 2.0], 2, path).tolist() == [1.0, 2.0]
    with pytest.raises(ValueError, match=r"a.long: the file does not say 'zenith_deg'; give --read\.zenith-deg, .*each of the 2 showers"):
        theta_column("zenith_deg", None, None, 2, path)
    with pytest.raises(ValueError, match="zenith_deg has 3 values for 2 showers"):
        theta_column("zenith_deg", [1, 2, 3], None, 2, path)
    assert "primary 22 is none of this study's: p, He, N, Si, Fe, photon" in str(unknown_primary(path, 22))


def test_other_cuts_are_told() -> None:
    warn_about_cuts(Path("a.long"), {"electrons": 0.00102, "muons": 1.0})
    with pytest.warns(UserWarning, match=r"counts muons above 0.3 GeV, this study above 1 GeV"):
        warn_about_cuts(Path("a.long"), {"muons": 0.3})
