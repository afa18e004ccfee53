"""Units that travel with numbers: converted to a column's own, or refused; never dropped."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

_NAMES = {"degree": "deg", "degrees": "deg", "radians": "rad", "radian": "rad", "°": "deg"}


@lru_cache(maxsize=256)
def parsed(text: str) -> Any:
    """The astropy unit that a text names, None where it names none."""
    from astropy import units

    try:
        return units.Unit(_NAMES.get(text.strip().lower(), text.strip()))
    except (ValueError, TypeError):
        return None


def unit_of(values: Any) -> Any:
    """The unit that an astropy Quantity or Column carries, None where there is none."""
    return getattr(values, "unit", None)


def with_unit(values: np.ndarray, text: str, where: str) -> Any:
    """Numbers as a Quantity of the unit that a file states; ValueError where it is none that is known."""
    from astropy import units

    unit = parsed(text)
    if unit is None:
        raise ValueError(f"{where}: '{text}' is no unit that is known; write such as GeV, deg, m, ns")
    return units.Quantity(values, unit, copy=False, dtype=values.dtype if values.dtype.kind == "f" else np.float64)


def converted(name: str, values: Any, unit: str) -> np.ndarray:
    """Plain numbers in the column's ``unit``; ValueError where the unit that ``values`` carry is another kind of thing."""
    from astropy import units

    given = units.Unit(unit_of(values))
    plain = np.asarray(values.value) if hasattr(values, "value") else np.asarray(values)
    if str(given) == "" or (unit and str(given) == unit):
        return plain
    wanted = parsed(unit) if unit else units.dimensionless_unscaled
    if wanted is None:
        raise ValueError(f"column '{name}' is in {unit}, which numbers in {given} cannot be turned into: give plain numbers in {unit}")
    try:
        factor = given.to(wanted)
    except units.UnitConversionError:
        raise ValueError(f"column '{name}' is in {unit or 'plain numbers'}, got {given}, which is another kind of quantity") from None
    return plain if factor == 1.0 else plain * factor
