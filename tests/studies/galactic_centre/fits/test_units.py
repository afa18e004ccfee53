"""Units as files of the field spell them."""

from __future__ import annotations

import pytest

from cloudchamber.studies.galactic_centre.fits.units import factor_or_none, factor_to

SPECTRAL = "cm-2 s-1 sr-1 GeV-1"


@pytest.mark.parametrize("unit", ["photons/cm2/s/sr/MeV", "ph cm-2 s-1 sr-1 MeV-1", "photon/cm^2/s/MeV/sr", "1 / (cm2 MeV s sr)", "cm-2 s-1 MeV-1 sr-1"])
def test_spellings(unit: str) -> None:
    assert factor_to("here", unit, SPECTRAL) == pytest.approx(1000)


def test_exposures() -> None:
    assert factor_to("here", "m2 s", "cm2 s") == pytest.approx(1e4) and factor_to("here", "cm^2 s", "cm2 s") == pytest.approx(1)


@pytest.mark.parametrize("unit", ["", "counts", "MeV2 cm-2 s-1 MeV-1", "blorb"])
def test_other_kinds(unit: str) -> None:
    assert factor_or_none(unit, SPECTRAL) is None
    with pytest.raises(ValueError, match=f"here: unit '{unit}' is none that becomes cm-2 s-1 sr-1 GeV-1"):
        factor_to("here", unit, SPECTRAL)
