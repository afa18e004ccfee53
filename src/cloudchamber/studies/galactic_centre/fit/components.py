"""Counts that each component of the study's skies makes, as templates of a fit: amplitudes are then in the units of theta's columns."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cloudchamber.meant import meant
from cloudchamber.studies.galactic_centre.diffuse.maps import Diffuse
from cloudchamber.studies.galactic_centre.sky.blur import blurred
from cloudchamber.studies.galactic_centre.sky.excess import excess_maps
from cloudchamber.studies.galactic_centre.sky.instrument import relative_exposure
from cloudchamber.studies.galactic_centre.sky.skies import Instrument, expected_diffuse, populations

Array = NDArray[Any]

SMOOTH = ("pi0_cm2_s_sr", "inverse_compton_cm2_s_sr", "bubbles_cm2_s_sr", "isotropic_cm2_s_sr", "excess_flux_cm2_s")
SOURCES = ("disk_flux_cm2_s", "extragalactic_scale")
USUAL: Mapping[str, float] = MappingProxyType(
    {
        "years": 10.0,
        "pi0_index": 2.7,
        "inverse_compton_index": 2.2,
        "excess_slope": 1.2,
        "excess_axis_ratio": 1.0,
        "excess_lon_deg": 0.0,
        "excess_lat_deg": 0.0,
        "disk_height_kpc": 0.3,
    }
)
"""What the templates depend on, by theta's names."""
OF_SOURCES = {
    "f_src": 0.0,
    "source_break_cm2_s": 1e-10,
    "source_index_above": 3.0,
    "source_index_below": 0.0,
    "disk_break_cm2_s": 1e-9,
    "disk_index_above": 3.0,
    "disk_index_below": 0.0,
}
"""The brightness of single sources leaves their mean as it is."""


def component_templates(instrument: Instrument, shapes: Diffuse, values: Mapping[str, float] | None = None) -> dict[str, Array]:
    """Counts expected in (bins, nside, nside) of a 1 in each column: of smooth emission, the excess's, the disk's and extragalactic sources' as if smooth.

    ``shapes`` are those of one event, (1, nside, nside); a component whose shape is 0 everywhere is left out. ``values`` are other than ``USUAL`` ones;
    ValueError for a name that is none of them, and values outside the tables of the excess or the disk.
    """
    values = values or {}
    if unknown := [name for name in values if name not in USUAL]:
        raise ValueError(f"components do not depend on '{unknown[0]}'{meant(unknown[0], USUAL)}; they do on {', '.join(USUAL)}")
    fixed = {name: np.array([value]) for name, value in {**USUAL, **OF_SOURCES, **values}.items()}
    nothing = fixed | {name: np.zeros(1) for name in (*SMOOTH, *SOURCES)}
    excess = excess_maps(fixed["excess_slope"], fixed["excess_axis_ratio"], fixed["excess_lon_deg"], fixed["excess_lat_deg"], instrument.nside)
    found = {name: expected_diffuse(nothing | {name: np.ones(1)}, shapes, excess, instrument)[0] for name in SMOOTH}
    bins = instrument.bins
    for name, sources in zip(SOURCES, populations(nothing | {name: np.ones(1) for name in SOURCES}, excess, instrument)[1:], strict=True):
        per_bin = sources.expected[0] * bins.share(sources.spectrum)
        found[name] = blurred(sources.maps[0] * per_bin[:, None, None] * relative_exposure(instrument.nside), bins, sources.index)
    return {name: template for name, template in found.items() if template.any()}
