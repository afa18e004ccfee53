"""The standard quality cuts on reconstructed events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from cloudchamber.studies.surface_array.fit.flags import FitFlag


@dataclass(frozen=True)
class Cuts:
    """What a reconstructed event must satisfy to enter an analysis.

    References: T. Abu-Zayyad et al. (2013), ApJ 768, L1, section 2.
    """

    min_stations: int = 5
    max_zenith_deg: float = 45.0
    max_chi2_per_ndf: float = 4.0
    max_s800_error: float = 0.25
    max_direction_error_deg: float = 5.0


UNUSABLE = FitFlag.NO_STATION | FitFlag.FEW_STATIONS | FitFlag.NOT_CONVERGED | FitFlag.COVARIANCE | FitFlag.ALL_SATURATED


def passes(events: Mapping[str, Any], cuts: Cuts | None = None) -> np.ndarray:
    """Mask of the events, with the columns ``FIT``, that pass the ``cuts`` and whose fit is usable at all."""
    cuts = cuts or Cuts()
    s800_error = np.sqrt(np.asarray(events["fit_covariance"])[:, 4, 4])
    chi2_per_ndf = [events[f"fit_chi2_{part}"] / np.maximum(events[f"fit_ndf_{part}"], 1) for part in ("signal", "time")]
    good = (events["fit_flags"] & int(UNUSABLE)) == 0
    good &= (events["fit_stations"] >= cuts.min_stations) & (events["fit_zenith_deg"] < cuts.max_zenith_deg)
    good &= (s800_error < cuts.max_s800_error) & (events["fit_direction_error_deg"] < cuts.max_direction_error_deg)
    return np.asarray(good & (np.maximum(*chi2_per_ndf) < cuts.max_chi2_per_ndf))
