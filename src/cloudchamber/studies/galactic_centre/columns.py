"""The columns of a map of the Galactic Centre: what emits there (theta), and the photons counted (x)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from cloudchamber.geometry import Healpix
from cloudchamber.schema import Column, Schema, Table
from cloudchamber.studies.galactic_centre.diffuse.parameters import GAS_AND_LIGHT, Parameter
from cloudchamber.studies.galactic_centre.diffuse.parameters import PARAMETERS as DIFFUSE

FLUX, INTENSITY = "1/(cm2 s)", "1/(cm2 s sr)"
EDGES_GEV = (1.0, 1.8, 3.3, 6.0)
"""Fluxes of the prior are meant between the first and the last."""

PARAMETERS: Mapping[str, Parameter] = MappingProxyType(
    {
        "f_src": Parameter(0.0, 1.0, "", "share of the excess's flux that is of point sources"),
        "excess_flux_cm2_s": Parameter(2e-8, 6e-7, FLUX, "flux of the excess within 10 deg of the Galactic Centre, all bins together", False, (0.0, 1e-4)),
        "excess_slope": Parameter(0.9, 1.4, "", "gamma, the inner slope of the density whose square emits", False, (0.4, 1.45)),
        "excess_axis_ratio": Parameter(0.7, 1.43, "", "extent of the excess across the plane over that along it", True, (0.2, 5.0)),
        "excess_lon_deg": Parameter(-0.5, 0.5, "deg", "Galactic longitude of the excess's centre", False, (-5.0, 5.0)),
        "excess_lat_deg": Parameter(-0.5, 0.5, "deg", "Galactic latitude of the excess's centre", False, (-5.0, 5.0)),
        "source_break_cm2_s": Parameter(2e-12, 1e-9, FLUX, "flux at which the excess's dN/dF breaks", True, (1e-14, 1e-6)),
        "source_index_above": Parameter(2.2, 8.0, "", "dN/dF ~ F^-this above the break", False, (2.05, 50.0)),
        "source_index_below": Parameter(-2.0, 1.4, "", "dN/dF ~ F^-this below the break, down to a hundredth of it", False, (-20.0, 1.9)),
        "disk_flux_cm2_s": Parameter(0.0, 2e-7, FLUX, "flux of unresolved sources of the disk within 10 deg of the Galactic Centre", False, (0.0, 1e-4)),
        "disk_height_kpc": Parameter(0.1, 1.0, "kpc", "scale height of the disk's sources", True, (0.1, 1.0)),
        "disk_break_cm2_s": Parameter(1e-10, 1e-8, FLUX, "flux at which the disk's dN/dF breaks", True, (1e-14, 1e-6)),
        "disk_index_above": Parameter(2.2, 3.5, "", "dN/dF ~ F^-this above the break", False, (2.05, 50.0)),
        "disk_index_below": Parameter(-1.0, 1.4, "", "dN/dF ~ F^-this below the break, down to a hundredth of it", False, (-20.0, 1.9)),
        "pi0_cm2_s_sr": Parameter(3e-6, 1.3e-5, INTENSITY, "mean of pi0 decay and bremsstrahlung, r < 10 deg and |b| > 2 deg", False, (0.0, 1e-3)),
        "inverse_compton_cm2_s_sr": Parameter(1e-6, 9e-6, INTENSITY, "mean of inverse Compton emission there", False, (0.0, 1e-3)),
        "bubbles_cm2_s_sr": Parameter(0.0, 1.2e-6, INTENSITY, "mean of the Fermi bubbles there", False, (0.0, 1e-3)),
        "isotropic_cm2_s_sr": Parameter(0.0, 1e-6, INTENSITY, "of all that is isotropic", False, (0.0, 1e-3)),
        "pi0_index": Parameter(2.4, 2.9, "", "photon index of pi0 decay and bremsstrahlung", False, (1.5, 3.5)),
        "inverse_compton_index": Parameter(2.0, 2.4, "", "photon index of inverse Compton emission", False, (1.5, 3.5)),
        "extragalactic_scale": Parameter(0.7, 1.3, "", "number of extragalactic sources over that of the Fermi-LAT's fourth catalogue", True, (0.0, 100.0)),
    }
)
"""Fluxes between 1 and 6 GeV."""

YEARS = (0.1, 100.0)
REGION_DEG, PLANE_DEG = 25.0, 2.0
"""What is looked at: nearer to the Galactic Centre than the one, further from the plane than the other."""
TARGET = (
    "f_src",
    "excess_flux_cm2_s",
    "excess_slope",
    "excess_axis_ratio",
    "source_break_cm2_s",
    "source_index_above",
    "source_index_below",
    "disk_flux_cm2_s",
    "disk_height_kpc",
    "disk_break_cm2_s",
    "pi0_cm2_s_sr",
    "inverse_compton_cm2_s_sr",
    "bubbles_cm2_s_sr",
    "isotropic_cm2_s_sr",
    "pi0_index",
    "extragalactic_scale",
)
"""What is inferred."""
GIVEN = ("counts", "exposure_cm2_s")
SHAPES = ("pi0_shape", "inverse_compton_shape")
"""Maps of the diffuse emission, before any instrument."""
SHAPES_NSIDE = 64


def theta_columns() -> dict[str, Column]:
    """Those that every simulator of the study has."""
    return {name: _column(parameter) for name, parameter in PARAMETERS.items()} | {
        "years": Column(unit="yr", doc="how long the sky was observed", low=YEARS[0], high=YEARS[1])
    }


def diffuse_columns() -> dict[str, Column]:
    """Those of the random diffuse emission."""
    return {name: _column(parameter) for name, parameter in DIFFUSE.items()}


def x_columns(bins: int, nside: int) -> dict[str, Column]:
    """Counts by energy bin in the pixels of HEALPix base pixel 4, and the exposure."""
    return {
        "counts": Column(
            shape=(bins, nside, nside), doc="photons counted, by energy bin", dtype="int32", low=0, high=1e8, geometry=Healpix(nside, base_pixel=4)
        ),
        "exposure_cm2_s": Column(shape=(bins,), unit="cm2 s", doc="exposure of the Galactic Centre, by energy bin", low=0.0, high=1e15),
    }


def shape_schema(nside: int) -> Schema:
    """Theta and x of the random diffuse emission without the Fermi bubbles: intensities over their mean nearer than 10 deg and beyond the plane's 2 deg."""
    docs = ("of pi0 decay and bremsstrahlung", "of inverse Compton emission")
    image = Healpix(nside, base_pixel=4)
    x = {
        name: Column(shape=(nside, nside), doc=f"intensity {doc} over its mean within 10 deg of the centre and beyond |b| of 2 deg", low=0.0, geometry=image)
        for name, doc in zip(SHAPES, docs, strict=True)
    }
    return Schema({name: column for name, column in diffuse_columns().items() if name in GAS_AND_LIGHT}, x)


def template_columns(backgrounds: int, bubbles: bool) -> dict[str, Column]:
    """Those of diffuse emission after templates; ``bubbles``: whether the Fermi bubbles are random."""
    weight = Column(shape=(backgrounds,), doc="share of each background's templates in the diffuse emission, with a sum of 1", low=0.0, high=1.0)
    return {"background_weight": weight} | ({"bubble_edge_deg": diffuse_columns()["bubble_edge_deg"]} if bubbles else {})


def schema_of(table: Table) -> Schema | None:
    """The schema of a table of maps after templates or of diffuse emission alone, None of another."""
    if shapes := [name for name in SHAPES if name in table]:
        return shape_schema(np.shape(table[shapes[0]])[-1])
    weight = table.get("background_weight")
    if weight is None or np.ndim(weight) != 2:
        return None
    bins, nside = np.shape(table["counts"])[1:3] if "counts" in table and np.ndim(table["counts"]) == 4 else (len(EDGES_GEV) - 1, 128)
    return Schema(theta_columns() | template_columns(np.shape(weight)[1], "bubble_edge_deg" in table), x_columns(bins, nside))


def _column(parameter: Parameter) -> Column:
    return Column(unit=parameter.unit, doc=parameter.doc, low=parameter.limits[0], high=parameter.limits[1])
