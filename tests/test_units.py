"""Units and masks that richer arrays carry are never dropped."""

from __future__ import annotations

import numpy as np
import pytest
from astropy import units
from astropy.table import Column as AstropyColumn
from astropy.table import MaskedColumn

from cloudchamber.schema import Column
from cloudchamber.units import converted, logarithm_meant, parsed

ENERGY = Column(unit="MeV", dtype="float64")


def test_quantities_are_converted() -> None:
    np.testing.assert_allclose(ENERGY.check("energy_mev", [1.0, 2.0] * units.GeV), [1000.0, 2000.0])
    np.testing.assert_allclose(ENERGY.check("energy_mev", AstropyColumn([1.0, 2.0], unit="keV")), [1e-3, 2e-3])
    np.testing.assert_allclose(Column(unit="deg").check("zenith_deg", np.array([np.pi / 6]) * units.rad), [30.0], rtol=1e-6)
    np.testing.assert_array_equal(ENERGY.check("energy_mev", [1.0, 2.0] * units.dimensionless_unscaled), [1.0, 2.0])


@pytest.mark.parametrize(("unit", "wrong"), [("MeV", units.m), ("", units.m), ("lg(E/eV)", units.eV)])
def test_another_kind_of_quantity_is_refused(unit: str, wrong: units.Unit) -> None:
    with pytest.raises(ValueError, match=r"column 'a'.* (m|eV)\b"):
        converted("a", [1.0] * wrong, unit)


@pytest.mark.parametrize("values", [np.ma.masked_array([18.0, 18.5], [False, True]), MaskedColumn([18.0, 18.5], mask=[False, True], unit="MeV")])
def test_a_masked_entry_is_refused(values: object) -> None:
    with pytest.raises(ValueError, match=r"column 'energy_mev': no value in event 1 \(1 masked or missing in all\)"):
        ENERGY.check("energy_mev", values)


def test_a_mask_that_hides_nothing_is_no_matter() -> None:
    np.testing.assert_array_equal(ENERGY.check("energy_mev", np.ma.masked_array([1.0, 2.0], [False, False])), [1.0, 2.0])


def test_words_for_units() -> None:
    assert parsed("degrees") == units.deg and parsed("GeV") == units.GeV and parsed("furlong") is None


@pytest.mark.parametrize(
    ("values", "bounds", "unit", "meant"),
    [
        ([18.0, 19.5], (1e17, 1e20), "eV", "are these logarithms"),
        ([18.0, 19.5], (1e17, 1e20), "", "are these logarithms"),
        ([2.5, 3.1], (100.0, 2e3), "MeV", "are these logarithms"),
        ([1e18, 3e19], (15.0, 20.0), "lg(E/eV)", "is this E"),
        ([18.0, 2e18], (1e17, 1e20), "eV", ""),
        ([2.5, 3.1], (100.0, 2e3), "mm", ""),
        ([30.0, 40.0], (1e17, 1e20), "eV", ""),
        ([25.0], (None, 20.0), "lg(E/eV)", "is this E"),
        ([], (1e17, 1e20), "eV", ""),
    ],
)
def test_logarithms_and_energies_are_told_apart(values: list[float], bounds: tuple[float | None, float], unit: str, meant: str) -> None:
    found = logarithm_meant(np.array(values), *bounds, unit)
    assert (meant in found) if meant else found == ""
