"""Units of maps as files spell them: photons/cm2/s/sr/MeV, ph cm-2 s-1 sr-1 MeV-1, m2 s."""

from __future__ import annotations

import re
import warnings

from cloudchamber.formats.maps import COUNTED

COUNTS = re.compile(rf"\b({'|'.join(sorted((each for each in COUNTED if each), key=len, reverse=True))})\b", re.IGNORECASE)


def factor_to(where: str, unit: str, wanted: str) -> float:
    """What values in ``unit`` are to be multiplied with to be in ``wanted``; photons and counts are numbers. ValueError for another kind of unit."""
    factor = factor_or_none(unit, wanted)
    if factor is None:
        raise ValueError(f"{where}: unit '{unit}' is none that becomes {wanted}")
    return factor


def factor_or_none(unit: str, wanted: str) -> float | None:
    """None where the unit is of another kind, or none at all."""
    from astropy import units as u

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", u.UnitsWarning)
        for target in (u.Unit(wanted), u.ph * u.Unit(wanted)):
            try:
                return float(u.Unit(COUNTS.sub("ph", unit)).to(target))
            except (ValueError, TypeError, u.UnitConversionError):
                continue
    return None
