"""What an air shower was, what the array's stations recorded of it, and what the parametric fit made of that.

Positions are horizontal, x to the east, y to the north, on a plane; the origin is the station nearest to the strongest signal's, so that arrays of any extent
look alike. Directions are those that the shower came from: ``zenith_deg`` from the vertical, ``azimuth_deg`` from +x towards +y. Times count from the event's
own reference, the start of the earliest record.
"""

from __future__ import annotations

from cloudchamber.schema import Column

PARTICLES = ("gamma", "p", "He", "N", "Fe")
MASS = (0, 1, 4, 14, 56)
BINS, STEP_NS = 256, 20.0
"""Samples of a record and the time between them (50 MHz)."""

LEAST_EV, MOST_EV = 1e12, 1e22
"""Particles of which anything is seen on the ground; a logarithm of the energy, or one in another unit, lies outside."""

THETA = {
    "particle": Column(doc="primary particle", categories=PARTICLES),
    "energy_ev": Column(unit="eV", doc="primary energy", dtype="float64", low=LEAST_EV, high=MOST_EV),
    "zenith_deg": Column(unit="deg", doc="angle of the arrival direction from the vertical", low=0, high=90),
    "azimuth_deg": Column(unit="deg", doc="azimuth the shower came from, from +x (east) towards +y (north)", low=-360, high=360),
    "core_x_m": Column(unit="m", doc="where the axis meets the ground", low=-1e5, high=1e5),
    "core_y_m": Column(unit="m", doc="where the axis meets the ground", low=-1e5, high=1e5),
    "xmax_g_cm2": Column(unit="g/cm2", doc="slant depth of the shower maximum", low=0),
    "ln_muon_scale": Column(doc="ln of the number of muons relative to the mean proton shower's of this energy"),
}
HITS = {
    "station_x_m": Column(unit="m", doc="position of each station with a record", low=-1e5, high=1e5, ragged=True),
    "station_y_m": Column(unit="m", doc="position of each station with a record", low=-1e5, high=1e5, ragged=True),
    "start_ns": Column(unit="ns", doc="time of the first sample of each record", dtype="float64", low=-1e7, high=1e7, ragged=True),
    "waveform": Column(shape=(2, BINS), unit="counts", doc="FADC samples of the upper and the lower layer", dtype="uint16", low=0, high=4095, ragged=True),
}
SILENT = {
    "silent_x_m": Column(unit="m", doc="position of each working station without a record, near those with one", low=-1e5, high=1e5, ragged=True),
    "silent_y_m": Column(unit="m", doc="position of each working station without a record, near those with one", low=-1e5, high=1e5, ragged=True),
}
PULSES = {
    "pulse_density": Column(unit="VEM/m2", doc="signal density of each record, the mean of the layers", low=0, ragged=True),
    "pulse_time_ns": Column(unit="ns", doc="time of the first particles of each record", low=-1e9, high=1e9, ragged=True),
    "pulse_use": Column(doc="what of each record is good: 0 nothing, 1 the time alone (saturated), 2 time and signal", low=0, high=2, ragged=True),
}
FIT = {
    "fit_zenith_deg": Column(unit="deg", doc="zenith angle by the parametric fit", low=0, high=90),
    "fit_azimuth_deg": Column(unit="deg", doc="azimuth by the parametric fit", low=-360, high=360),
    "fit_core_x_m": Column(unit="m", doc="core by the parametric fit", low=-1e5, high=1e5),
    "fit_core_y_m": Column(unit="m", doc="core by the parametric fit", low=-1e5, high=1e5),
    "fit_s800_vem": Column(unit="VEM", doc="signal density at 800 m by the parametric fit", low=0),
    "fit_energy_ev": Column(unit="eV", doc="energy by S800 and zenith angle", dtype="float64", low=0),
    "fit_t0_ns": Column(unit="ns", doc="time of the shower front at the core by the parametric fit", dtype="float64"),
    "fit_curvature": Column(doc="curvature parameter a of the shower front by the parametric fit", low=0),
    "fit_covariance": Column(shape=(7, 7), doc="covariance of core x, y [m], zenith, azimuth [rad], ln S800, t0 [ns], a"),
    "fit_direction_error_deg": Column(unit="deg", doc="pointing error, (sigma_zenith^2 + sin^2 zenith sigma_azimuth^2)^1/2", low=0),
    "fit_chi2_time": Column(doc="chi2 of the times", low=0),
    "fit_chi2_signal": Column(doc="chi2 of the signals", low=0),
    "fit_ndf_time": Column(doc="times less the parameters that they alone fix", dtype="int64"),
    "fit_ndf_signal": Column(doc="signals less the parameters that they alone fix", dtype="int64"),
    "fit_stations": Column(doc="stations that the fit used", dtype="int64", low=0),
    "fit_flags": Column(doc="what is wrong with an event, bit by bit: see flags.py", dtype="int64", low=0),
}
RECORDED = {**HITS, **SILENT}
"""What the array itself gives."""
SEEN = {**RECORDED, **PULSES, **FIT}
"""With what the standard reconstruction made of it."""
