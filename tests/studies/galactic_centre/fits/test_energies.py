"""Energies of maps, in GeV whatever the file writes, and what does not fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from astropy.io import fits

import gamma_files as made
from cloudchamber.studies.galactic_centre.fits.energies import bins_within, energies_of


def of(maps: int, *hdus: Any, **cards: Any) -> Any:
    header = fits.Header(cards)
    return energies_of("here", fits.HDUList([fits.PrimaryHDU(header=header), *hdus]), fits.PrimaryHDU(header=header), maps)


@pytest.mark.parametrize("table", [
    made.ebounds(), made.bands("PRIMARY_BANDS"), made.bands("EBOUNDS", unit="TeV", scale=1e-3), made.bands("PRIMARY_BANDS", unit="GeV", scale=1),
    made.energies(made.EDGES_GEV),
])  # fmt: skip
def test_edges(table: Any) -> None:
    found = of(3, table)
    np.testing.assert_allclose(found.edges_gev, made.EDGES_GEV, rtol=1e-6)
    np.testing.assert_allclose(found.points_gev, np.sqrt(made.EDGES_GEV[1:] * made.EDGES_GEV[:-1]), rtol=1e-6)


def test_points() -> None:
    found = of(4, made.energies(made.EDGES_GEV))
    assert found.edges_gev is None and found.points_gev.tolist() == pytest.approx(made.EDGES_GEV.tolist())
    assert of(3) is None and of(3, made.table("GTI", {"START": np.zeros(1)})) is None


@pytest.mark.parametrize(("maps", "table", "message"), [
    (2, made.ebounds(), "'EBOUNDS': 3 bins of energy for 2 maps"),
    (3, made.ebounds(unit=None), r"column E_MIN has no unit \(TUNIT\)"),
    (3, made.ebounds(unit="cm"), "column E_MIN is in 'cm', which is no energy"),
    (3, made.ebounds(np.array([1.0, 3, 2, 4])), "must be above 0 and rise, got 1, 3, 2 GeV"),
    (9, made.energies(made.EDGES_GEV), "4 energies for 9 maps; allowed: one for each map, or the 10 edges"),
    (2, made.table("EBOUNDS", {"E_MIN": np.array([1.0, 3]), "E_MAX": np.array([2.0, 4])}, {"E_MIN": "GeV", "E_MAX": "GeV"}), "must follow on one another"),
])  # fmt: skip
def test_what_does_not_fit(maps: int, table: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        of(maps, table)


def test_bands_that_lack() -> None:
    with pytest.raises(ValueError, match=r"should be in the extension 'OTHER' \(BANDSHDU\), which the file lacks"):
        of(3, made.ebounds(), BANDSHDU="OTHER")


def test_bins() -> None:
    edges = np.geomspace(1, 100, 21)
    assert bins_within("here", edges, edges[[0, 5, 20]] * 1.0005) == [slice(0, 5), slice(5, 20)]
    with pytest.raises(ValueError, match=r"1, 1.259.* GeV, which do not make up those wanted, 1, 1.1, 100 GeV: 1.1 lacks"):
        bins_within("here", edges, [1, 1.1, 100])
    for wrong in ([1.0], [10.0, 1.0], [0.0, 1.0]):
        with pytest.raises(ValueError, match="edges_gev: needs two or more that rise, above 0"):
            bins_within("here", edges, wrong)
