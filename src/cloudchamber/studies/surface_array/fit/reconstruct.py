"""The standard parametric reconstruction of surface arrays: seven parameters from the time and the integral signal of each station.

References: D. Ivanov, thesis, Rutgers University (2012), chapter 5; ``ldf`` has the formulas, ``fit_kernel`` what is minimised.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from cloudchamber.meant import meant
from cloudchamber.schema import Ragged, Table
from cloudchamber.studies.surface_array.array.detector import Detector
from cloudchamber.studies.surface_array.columns import FIT, HITS, PULSES, SILENT
from cloudchamber.studies.surface_array.fit.constants import Constants
from cloudchamber.studies.surface_array.fit.flags import FitFlag
from cloudchamber.studies.surface_array.fit.kernel import fit_events
from cloudchamber.studies.surface_array.fit.ldf import energy_ev
from cloudchamber.studies.surface_array.fit.pulses import analyse
from cloudchamber.studies.surface_array.fit.start import FULL, IGNORED, QUIET, TIME_ONLY

FARTHEST_M, LATEST_NS = 1e6, 1e9
"""Positions and times beyond these are errors."""
LEAST_EIGENVALUE = 1e-6
"""Of the information matrix scaled to a unit diagonal: below it, some combination of parameters is not measured."""
TUNED_TO_DEG = 45.0
MODEL_CORE_M = 10.0
"""What the core is uncertain by since no shower has exactly the mean lateral distribution."""
POOR_CHI2 = 2.0
"""chi2 per degree of freedom beyond which the covariance is widened by it."""
LARGEST_AZIMUTH_VARIANCE = np.pi**2 / 3
"""That of an azimuth of which nothing is known."""


def reconstruct(table: Mapping[str, Any], detector: Detector | None = None, constants: Constants | None = None) -> Table:
    """The columns ``PULSES`` and ``FIT`` of every event of ``table``, which holds the columns ``HITS`` and ``SILENT``.

    Whatever an event holds, its columns are finite and its flags say what was wrong. ValueError/TypeError: a column is missing or has another shape.
    """
    detector = detector or Detector()
    _check(table)
    pulses, bad = pulse_columns(table, detector)
    stations, absent_bad = _flat(table, pulses)
    fitted, information, chi2, counts, flags = fit_events(*(*stations, detector.area_m2, constants or Constants()))
    flags |= np.where(bad | absent_bad, int(FitFlag.BAD_RECORD), 0)
    return {**pulses, **_columns(fitted, information, chi2, counts, flags)}


def _check(table: Mapping[str, Any]) -> None:
    for group in (HITS, SILENT):
        first = next(iter(group))
        for name, column in group.items():
            if name not in table:
                raise ValueError(f"missing column '{name}'{meant(name, table)}; needed: {', '.join({**HITS, **SILENT})}")
            values = table[name]
            if not isinstance(values, Ragged):
                raise TypeError(f"column '{name}' is ragged: give cloudchamber.Ragged(values, offsets), not {type(values).__name__}")
            if values.dtype.kind not in "buif":
                raise TypeError(f"column '{name}' must hold numbers, got dtype {values.dtype}")
            if values.values.shape[1:] != column.shape:
                raise ValueError(f"column '{name}' must have shape (entries, {', '.join(map(str, column.shape))}), got {values.values.shape}")
            if not np.array_equal(values.offsets, table[first].offsets):
                raise ValueError(f"columns '{name}' and '{first}' differ in the number of entries per event")
    if len(table["station_x_m"]) != len(table["silent_x_m"]):
        raise ValueError(f"column 'silent_x_m' has {len(table['silent_x_m'])} events, the other columns have {len(table['station_x_m'])}")


def pulse_columns(table: Mapping[str, Any], detector: Detector) -> tuple[Table, np.ndarray]:
    """The columns ``PULSES`` of all records, and which events have one without any use."""
    hits = table["station_x_m"].offsets
    pulses = analyse(table["waveform"].values, detector)
    time_ns = table["start_ns"].values + pulses.time_ns
    sound = pulses.usable & (np.abs(time_ns) < LATEST_NS) & _near(table["station_x_m"], table["station_y_m"])
    values = {
        "pulse_density": np.where(sound, pulses.density, 0.0),
        "pulse_time_ns": np.where(sound, time_ns, 0.0),
        "pulse_use": np.where(sound, np.where(pulses.saturated, TIME_ONLY, FULL), IGNORED),
    }
    return {name: column.check(name, Ragged(values[name], hits)) for name, column in PULSES.items()}, _any(~sound, hits)


def _flat(table: Mapping[str, Any], pulses: Table) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
    """(x, y, time, density, kind, offsets) of all events' stations, records before silent ones, as the kernel takes them; events with a bad silent station."""
    hits, silent = table["station_x_m"].offsets, table["silent_x_m"].offsets
    offsets = hits + silent
    at_hits = np.repeat(silent[:-1], np.diff(hits)) + np.arange(hits[-1])
    at_silent = np.repeat(hits[1:], np.diff(silent)) + np.arange(silent[-1])
    x, y, time, density = (np.zeros(offsets[-1]) for _ in range(4))
    kind = np.zeros(offsets[-1], np.int64)
    use, near = pulses["pulse_use"].values, _near(table["silent_x_m"], table["silent_y_m"])
    kind[at_hits], kind[at_silent] = use, np.where(near, QUIET, IGNORED)
    x[at_hits], y[at_hits] = (np.where(use != IGNORED, table[name].values, 0.0) for name in ("station_x_m", "station_y_m"))
    x[at_silent], y[at_silent] = (np.where(near, table[name].values, 0.0) for name in ("silent_x_m", "silent_y_m"))
    time[at_hits], density[at_hits] = pulses["pulse_time_ns"].values, pulses["pulse_density"].values
    return (x, y, time, density, kind, offsets), _any(~near, silent)


def _near(x: Ragged, y: Ragged) -> np.ndarray:
    return np.asarray((np.abs(x.values) < FARTHEST_M) & (np.abs(y.values) < FARTHEST_M))


def _any(mask: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Which events have an entry of the flat ``mask``."""
    total = np.concatenate([[0], np.cumsum(mask)])
    return np.asarray(total[offsets[1:]] > total[offsets[:-1]])


def _columns(fitted: np.ndarray, information: np.ndarray, chi2: np.ndarray, counts: np.ndarray, flags: np.ndarray) -> Table:
    u, v, a = fitted[:, 2], fitted[:, 3], np.exp(fitted[:, 6] - 0.5 * fitted[:, 4])
    sine = np.hypot(u, v)
    zenith_deg, azimuth_deg = np.rad2deg(np.arcsin(np.minimum(sine, 1.0))), np.rad2deg(np.arctan2(v, u))
    covariance, singular = _inverse(information)
    times, signals = counts.T
    held = (flags & int(FitFlag.CURVATURE_HELD)) > 0
    ndf = np.stack((np.maximum(times - np.where(held, 3, 4), 0), np.maximum(signals - 3, 0)), 1)
    misfit = (chi2 / np.maximum(ndf, 1)).max(axis=1)
    poor = misfit > POOR_CHI2
    covariance[poor] *= misfit[poor, None, None]
    covariance[:, [0, 1], [0, 1]] += MODEL_CORE_M**2
    # d(zenith, azimuth) / d(u, v); a vertical shower's azimuth is any
    cosine, least_sine = np.sqrt(1.0 - sine**2), np.maximum(sine, 1e-6)
    away_u, away_v = np.where(sine > 0, u / least_sine, 1.0), v / least_sine
    jacobian = np.zeros_like(covariance)
    for i in (0, 1, 4, 5):
        jacobian[:, i, i] = 1.0
    jacobian[:, 2, 2], jacobian[:, 2, 3] = away_u / cosine, away_v / cosine
    jacobian[:, 3, 2], jacobian[:, 3, 3] = -away_v / least_sine, away_u / least_sine
    jacobian[:, 6, 6], jacobian[:, 6, 4] = a, -0.5 * a
    covariance = jacobian @ covariance @ np.swapaxes(jacobian, 1, 2)
    variance = np.diagonal(covariance, axis1=1, axis2=2)
    direction_error = np.sqrt(variance[:, 2] + least_sine**2 * variance[:, 3])
    cap = np.ones_like(fitted)
    cap[:, 3] = np.minimum(1.0, np.sqrt(LARGEST_AZIMUTH_VARIANCE / variance[:, 3]))
    covariance = covariance * cap[:, :, None] * cap[:, None, :]
    s800 = np.exp(fitted[:, 4])
    flags = flags | np.where(singular, int(FitFlag.COVARIANCE), 0) | np.where(poor, int(FitFlag.POOR_FIT), 0)
    flags |= np.where(zenith_deg > TUNED_TO_DEG, int(FitFlag.INCLINED), 0)
    values = {
        "fit_zenith_deg": zenith_deg,
        "fit_azimuth_deg": azimuth_deg,
        "fit_core_x_m": fitted[:, 0],
        "fit_core_y_m": fitted[:, 1],
        "fit_s800_vem": s800,
        "fit_energy_ev": energy_ev(s800, zenith_deg),
        "fit_t0_ns": fitted[:, 5],
        "fit_curvature": a,
        "fit_covariance": covariance,
        "fit_direction_error_deg": np.rad2deg(direction_error),
        "fit_chi2_time": chi2[:, 0],
        "fit_chi2_signal": chi2[:, 1],
        "fit_ndf_time": ndf[:, 0],
        "fit_ndf_signal": ndf[:, 1],
        "fit_stations": times,
        "fit_flags": flags,
    }
    return {name: column.check(name, values[name]) for name, column in FIT.items()}


def _inverse(information: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Inverses of (events, 7, 7) information matrices, eigenvalues kept from vanishing, and which events needed that."""
    scale = 1.0 / np.sqrt(np.diagonal(information, axis1=1, axis2=2))
    values, vectors = np.linalg.eigh(information * scale[:, :, None] * scale[:, None, :])
    inverse = (vectors / np.maximum(values, LEAST_EIGENVALUE)[:, None, :]) @ np.swapaxes(vectors, 1, 2)
    return inverse * scale[:, :, None] * scale[:, None, :], values[:, 0] < LEAST_EIGENVALUE
