"""Candidates of a stretch of data: what the matched filter finds, the data about it, and where the truth is known what it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cloudchamber.schema import Ragged, Table
from cloudchamber.studies.bolometer.columns import FAMILIES as ALL_FAMILIES
from cloudchamber.studies.bolometer.detector import Detector
from cloudchamber.studies.bolometer.glitches.columns import FAMILIES, GLITCHES, SAMPLES
from cloudchamber.studies.bolometer.glitches.matched import AFTER, BEFORE, Found, find_pulses, shapes_of

Array = NDArray[Any]

MATCHED_SAMPLES = 3.0
"""A pulse is found where a candidate lies so near."""


class Truth(NamedTuple):
    """True pulses, each (pulses,): place in samples from the stretch's first one on, row, height in W, code of ``columns.GLITCHES``."""

    sample: Array
    detector: Array
    height_w: Array
    glitch: Array

    def within(self, first: float, stop: float, origin: float = 0.0) -> Truth:
        """Those of some samples, counted from ``origin`` on."""
        inside = (self.sample >= first) & (self.sample < stop)
        part = Truth(*(values[inside] for values in self))
        return part._replace(sample=part.sample - origin)


def glitch_codes(family: Array) -> Array:
    """Codes of ``columns.GLITCHES`` of codes of all families; ValueError for a family that is not looked for."""
    known = np.array([GLITCHES.index(name) if name in GLITCHES else -1 for name in ALL_FAMILIES])
    codes = known[np.asarray(family, int)]
    if np.any(codes < 0):
        raise ValueError(
            f"hits of the family '{ALL_FAMILIES[int(np.asarray(family)[codes < 0][0])]}' are no pulses of one bolometer: {', '.join(FAMILIES)} are"
        )
    return codes


def candidates(data: Array, noise_w: Array, detector: Detector, rate_hz: float, threshold: float, core: tuple[int, int], truth: Truth | None = None) -> Table:
    """Of ``data`` in W (bolometers, samples), those whose first sample lies in the ``core``; ``time_s`` counts from the first sample of ``data`` on.

    ``truth`` adds what they are, and what was missed.
    """
    shapes = shapes_of(detector, rate_hz)
    names = [family.name for family in detector.families]
    parts = [
        of_bolometer(row, find_pulses(line / noise, shapes, threshold), line / noise, noise, rate_hz, names, core)
        for row, (line, noise) in enumerate(zip(data, noise_w, strict=True))
    ]
    table: Table = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return table if truth is None else table | _told(table, truth, rate_hz, core)


def of_bolometer(row: int, found: Found, data: Array, noise_w: float, rate_hz: float, names: Sequence[str], core: tuple[int, int]) -> Table:
    """Candidates of one bolometer's ``data`` in units of its noise."""
    pulses = found.pulses
    keep = (pulses.sample >= core[0]) & (pulses.sample < core[1])
    sample, lead, height, family, significance = (values[keep] for values in pulses)
    n = len(sample)
    window = sample[:, None] + np.arange(-BEFORE, AFTER)
    seen, left = (values[window].reshape(n, SAMPLES) for values in (data, found.residual))
    codes = np.array([FAMILIES.index(name) for name in names])
    return {
        "detector": np.full(n, row),
        "time_s": sample / rate_hz,
        "mjd": np.zeros(n),
        "rate_hz": np.full(n, rate_hz),
        "noise_w": np.full(n, noise_w),
        "filter_family": codes[family],
        "filter_lag_s": -lead / rate_hz,
        "filter_height_w": height * noise_w,
        "filter_significance": significance,
        "data_sigma": seen - seen.mean(axis=1, keepdims=True),
        "residual_sigma": left - left.mean(axis=1, keepdims=True),
    }


def _told(table: Table, truth: Truth, rate_hz: float, core: tuple[int, int]) -> Table:
    """Theta of the candidates, and the true pulses of the core that none is."""
    sample = np.round(table["time_s"] * rate_hz)
    start = sample + table["filter_lag_s"] * rate_hz
    match = matched(start, table["detector"], truth)
    real, which = match >= 0, np.maximum(match, 0)
    n = len(start)
    theta: Table = {"glitch": np.zeros(n, int), "lag_s": np.zeros(n), "height_w": np.zeros(n), "family_told": np.ones(n, bool)}
    if len(truth.sample):
        # of a list that tells no family, the filter's stands in
        told = np.where(truth.glitch[which] > 0, truth.glitch[which], table["filter_family"] + 1)
        theta["glitch"] = np.where(real, told, 0)
        theta["lag_s"] = np.where(real, (truth.sample[which] - sample) / rate_hz, 0.0)
        theta["height_w"] = np.where(real, truth.height_w[which], 0.0)
        theta["family_told"] = ~real | (truth.glitch[which] > 0)
    lost = (truth.sample >= core[0]) & (truth.sample < core[1])
    lost[match[real]] = False
    return theta | missed(table["detector"], start, Truth(*(values[lost] for values in truth)))


def matched(start: Array, detector: Array, truth: Truth) -> Array:
    """Which true pulse each candidate is, -1 for none, (candidates,): the highest pulses choose first, each the nearest one that is left."""
    match = np.full(len(start), -1)
    for row in np.unique(truth.detector):
        mine = np.flatnonzero(detector == row)
        mine = mine[np.argsort(start[mine], kind="stable")]
        place = start[mine]
        true = np.flatnonzero(truth.detector == row)
        for pulse in true[np.argsort(-truth.height_w[true], kind="stable")]:
            first, stop = np.searchsorted(place, truth.sample[pulse] + np.array([-MATCHED_SAMPLES, MATCHED_SAMPLES]))
            free = [k for k in range(first, stop) if match[mine[k]] < 0]
            if free:
                match[mine[min(free, key=lambda k: abs(place[k] - truth.sample[pulse]))]] = pulse
    return match


def missed(detector: Array, start: Array, lost: Truth) -> Table:
    """Columns that hand the ``lost`` pulses over, each to the candidate before it of its bolometer, or else to the first one."""
    n = len(start)
    order = np.lexsort((start, detector))
    key = np.array([tuple(pair) for pair in zip(detector[order], start[order], strict=True)], dtype=[("row", float), ("start", float)])
    wanted = np.array([tuple(pair) for pair in zip(lost.detector, lost.sample, strict=True)], dtype=[("row", float), ("start", float)])
    owner = order[np.maximum(np.searchsorted(key, wanted, side="right") - 1, 0)] if n else np.empty(0, int)
    by_owner = np.argsort(owner, kind="stable")
    offsets = np.concatenate([[0], np.cumsum(np.bincount(owner, minlength=n))]) if n else np.zeros(1, int)
    values = (lost.height_w[by_owner], lost.glitch[by_owner]) if n else (np.empty(0), np.empty(0, int))
    return {"missed_height_w": Ragged(values[0].astype(np.float32), offsets), "missed_glitch": Ragged(values[1].astype(np.int64), offsets)}
