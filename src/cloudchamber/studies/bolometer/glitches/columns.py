"""The columns of candidates, places in the data where the matched filter sees a pulse; and of lists of pulses."""

from __future__ import annotations

from cloudchamber.schema import Column, Schema, Table
from cloudchamber.studies.bolometer import columns
from cloudchamber.studies.bolometer.glitches.matched import AFTER, BEFORE

FAMILIES = ("long", "short", "slow")
"""Whose pulses are looked for: hits of one bolometer's own."""
GLITCHES = ("none", *FAMILIES)
"""What a candidate is."""
SAMPLES = BEFORE + AFTER

THETA = {
    "glitch": Column(doc="what the candidate is: noise, or a pulse of a family", categories=GLITCHES),
    "lag_s": Column(unit="s", doc="start of the pulse from the candidate's first sample on; of noise a number without a meaning"),
    "height_w": Column(unit="W", doc="height of the pulse, sum of its exponentials at its start; of noise a number without a meaning", low=0.0),
}
SEEN = {
    "detector": Column(doc="row of the bolometer", dtype="int64", low=0),
    "time_s": Column(dtype="float64", unit="s", doc="time of the candidate's first sample since 2000-01-01 UTC, or since the data's first where none is known"),
    "mjd": Column(dtype="float64", unit="d", doc="the same as modified Julian date, UTC; 0 of simulated candidates, which have none", low=0.0),
    "rate_hz": Column(unit="Hz", doc="sampling rate", low=0.0),
    "noise_w": Column(unit="W", doc="white noise of a sample", low=0.0),
    "filter_family": Column(doc="family by the matched filter", categories=FAMILIES),
    "filter_lag_s": Column(unit="s", doc="start of the pulse by the matched filter, from the first sample on"),
    "filter_height_w": Column(unit="W", doc="height by the matched filter", low=0.0),
    "filter_significance": Column(doc="that height over its error", low=0.0),
    "data_sigma": Column((SAMPLES,), doc=f"data from {BEFORE} samples before the first one on, less their mean, in units of the noise"),
    "residual_sigma": Column((SAMPLES,), doc="the same without all pulses that the filter found"),
    "family_told": Column(doc="whether the list of true pulses tells the family of this one; where it does not, the filter's stands in (truth)", dtype="bool"),
    "missed_height_w": Column(unit="W", doc="heights of true pulses near by that are no candidate (truth)", low=0.0, ragged=True),
    "missed_glitch": Column(doc="their families, none where it is not told (truth)", categories=GLITCHES, ragged=True),
}
SCHEMA = Schema(THETA, SEEN)

LIST = {
    "detector": Column(doc="row or name of the bolometer", dtype="int64", low=0),
    "time_s": Column(dtype="float64", unit="s", doc="start of the pulse, as in the file it belongs to: since 2000-01-01 UTC, or since the first sample"),
    "mjd": Column(dtype="float64", unit="d", doc="the same as modified Julian date, UTC", low=0.0),
    "amplitude_w": Column(unit="W", doc="height of the pulse", low=0.0),
    "family": Column(doc="its family", categories=GLITCHES),
    "probability": Column(doc="that it is a pulse, of an answer of infer: those of 0.5 and less are left out", low=0.0, high=1.0),
}
"""What a list of pulses may have: detector, a time, and amplitude_w it must."""


def schema_of(table: Table) -> Schema | None:
    """The schema of a table of candidates, else what the other views know of it."""
    return SCHEMA if "residual_sigma" in table or "glitch" in table else columns.schema_of(table)
