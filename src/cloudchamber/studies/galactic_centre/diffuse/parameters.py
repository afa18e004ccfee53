"""What the diffuse emission depends on: names, units, the prior's ranges, and what is physically possible."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


class Parameter(NamedTuple):
    """The prior is uniform from ``low`` to ``high``, or uniform in the logarithm; maps can be made of all values within ``limits``."""

    low: float
    high: float
    unit: str
    doc: str
    logarithmic: bool = False
    limits: tuple[float, float] = (0.0, 1.0)


PARAMETERS: Mapping[str, Parameter] = MappingProxyType(
    {
        "molecular_share": Parameter(0.05, 0.55, "", "molecular hydrogen's share of the hydrogen within the Sun's orbit: the unknown X_CO"),
        "central_zone_share": Parameter(0.001, 0.06, "", "emission of the central molecular zone over that of the gas within the Sun's orbit", True),
        "arm_contrast": Parameter(0.0, 0.9, "", "amplitude of four spiral arms over the mean density of the gas"),
        "gas_height_factor": Parameter(0.8, 3.0, "", "height of the gas over the published one", True, (0.1, 10.0)),
        "turbulence": Parameter(0.15, 0.7, "", "rms of the logarithm of the gas column of a ring", False, (0.0, 3.0)),
        "turbulence_index": Parameter(2.4, 3.6, "", "steepness of the power spectrum of that logarithm, above the outer scale", False, (0.0, 6.0)),
        "cosmic_ray_scale_kpc": Parameter(5.0, 60.0, "kpc", "nuclei fall off by e over this in Galactocentric radius", True, (0.5, 1e4)),
        "cosmic_ray_height_kpc": Parameter(0.5, 6.0, "kpc", "height of the halo of cosmic rays, nuclei and electrons", True, (0.1, 1e3)),
        "electron_scale_kpc": Parameter(5.0, 60.0, "kpc", "electrons fall off by e over this in Galactocentric radius", True, (0.5, 1e4)),
        "electron_hole": Parameter(0.0, 1.0, "", "share of electrons that the centre lacks, where sources are rare and losses are fast"),
        "bulge_light": Parameter(0.03, 2.0, "", "energy density of the bulge's starlight at the centre over that of the disk's", True, (0.0, 100.0)),
        "bubble_edge_deg": Parameter(0.5, 7.0, "deg", "width of the edge of the Fermi bubbles", False, (0.01, 20.0)),
    }
)

GAS_AND_LIGHT = tuple(name for name in PARAMETERS if name != "bubble_edge_deg")
"""Those of all but the Fermi bubbles."""


def draw_parameters(events: int, rng: np.random.Generator) -> dict[str, Array]:
    """Every parameter (events,), from its prior."""
    return {name: from_unit(parameter, rng.random(events)) for name, parameter in PARAMETERS.items()}


def checked(parameters: Mapping[str, Array], names: Collection[str] = PARAMETERS.keys()) -> dict[str, Array]:
    """Each of ``names`` (events,) as float64; ValueError for one that lacks, has another length, or a value that is not finite or physically impossible."""
    if lacking := [name for name in names if name not in parameters]:
        raise ValueError(f"diffuse emission lacks {', '.join(lacking)}; it needs all of {', '.join(names)}")
    found = {name: np.asarray(parameters[name], float) for name in names}
    events = found["molecular_share"].shape
    for name, values in found.items():
        low, high = PARAMETERS[name].limits
        if values.ndim != 1 or values.shape != events:
            raise ValueError(f"{name} has shape {values.shape}; all parameters must have one length (events,), that of molecular_share is {events}")
        if not np.all((values >= low) & (values <= high)):
            wrong = values[~((values >= low) & (values <= high))][0]
            raise ValueError(f"{name} is {wrong:g}; it must lie between {low:g} and {high:g}{' ' + PARAMETERS[name].unit if PARAMETERS[name].unit else ''}")
    return found


def from_unit(parameter: Parameter, u: Array) -> Array:
    """Values of the prior where shares ``u`` of it lie below, of any shape."""
    if parameter.logarithmic:
        return np.asarray(parameter.low * (parameter.high / parameter.low) ** u)
    return np.asarray(parameter.low + (parameter.high - parameter.low) * u)
