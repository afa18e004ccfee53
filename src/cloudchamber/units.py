"""Units that travel with numbers: converted to a column's own, or refused; never dropped."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

UNSAID = ("", "-", "--", "1", "none")
"""What files write where a column has no unit, or nobody knows it."""
ENERGIES = ("eV", "keV", "MeV", "GeV", "TeV", "PeV", "EeV")
LARGE = 1e9
"""A column whose values are all larger is one of energies, whatever its unit says."""
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


def stated(values: np.ndarray, text: str, unit: str, where: str) -> np.ndarray:
    """Numbers that a file states to be in ``text``, in a column's ``unit``; ValueError where that cannot be. Without a word they are in the column's unit."""
    text = text.strip().removeprefix("[").removesuffix("]")
    if text.lower() in UNSAID or text == unit or values.dtype.kind not in "iuf":
        return values
    given = parsed(text)
    if given is None:
        raise ValueError(f"{where}: '{text}' is no unit that is known; write such as GeV, deg, m, ns, or the column's own, {unit or 'none'}")
    return _times(values, given, unit, where)


def converted(name: str, values: Any, unit: str) -> np.ndarray:
    """Plain numbers in a column's ``unit``; ValueError where the unit that ``values`` carry is another kind of thing."""
    from astropy import units

    given = units.Unit(unit_of(values))
    plain = np.asarray(values.value) if hasattr(values, "value") else np.asarray(values)
    return plain if str(given) in ("", unit) else _times(plain, given, unit, f"column '{name}'")


def logarithm_meant(values: np.ndarray, low: float | None, high: float | None, unit: str) -> str:
    """What is meant where ``values`` all lie outside the bounds, and most of them are logarithms of energies inside, or energies whose logarithms are."""
    values = np.asarray(values, float)
    least, most = -np.inf if low is None else low, np.inf if high is None else high
    if not len(values) or not np.all((values < least) | (values > most)):
        return ""
    if (unit in ENERGIES or least > LARGE) and values.max() < 25 and _mostly(10.0**values, least, most):
        return " (are these logarithms, lg E? give E)"
    if unit.startswith("lg(") and values.min() > 0 and _mostly(np.log10(values), least, most):
        return " (is this E? give lg E)"
    return ""


def _mostly(values: np.ndarray, low: float, high: float) -> bool:
    return bool(np.mean((values >= low) & (values <= high)) > 0.5)


def _times(values: np.ndarray, given: Any, unit: str, where: str) -> np.ndarray:
    from astropy import units

    if isinstance(given, units.FunctionUnitBase):
        raise ValueError(f"{where} is in {given}, a logarithm: give plain numbers{f' in {unit}' if unit else ''}")
    wanted = parsed(unit) if unit else units.dimensionless_unscaled
    if wanted is None:
        raise ValueError(f"{where} is in {unit}, which numbers in {given} cannot be turned into: give plain numbers in {unit}")
    try:
        factor = float(given.to(wanted))
    except units.UnitConversionError:
        raise ValueError(f"{where} is in {unit or 'plain numbers'}, got {given}, which is another kind of quantity") from None
    if abs(factor - round(factor)) < 1e-12 * factor:
        factor = float(round(factor))
    if values.dtype.kind in "iu" and factor.is_integer() and np.abs(values.astype(np.float64)).max(initial=0.0) * factor < 2**63:
        # a time in whole seconds has more nanoseconds than a float has digits
        return values.astype(np.int64) * int(factor)
    return values * factor
