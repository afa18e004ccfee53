"""A stream's file, or a store of windows, read as candidates: the matched filter runs over it, block after block.

Blocks have fixed places in the file, and the filter sees some time before and after each: what is found does not depend on how much is read at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from cloudchamber.formats.recording import FITS, open_recording
from cloudchamber.schema import Table, take
from cloudchamber.stream import DAY_S, ORIGIN_MJD, same_rate
from cloudchamber.studies.bolometer.detector import PLANCK, Detector
from cloudchamber.studies.bolometer.formats import fits_data, hdf5_data, head_of, is_ours, turned, windows_of
from cloudchamber.studies.bolometer.glitches.candidates import Truth, candidates, glitch_codes
from cloudchamber.studies.bolometer.glitches.lists import read_list
from cloudchamber.studies.bolometer.glitches.matched import AFTER, BEFORE, noise_of, shapes_of
from cloudchamber.studies.bolometer.glitches.view import AFTER_MARGIN, MARGIN, STRETCH, check_threshold
from cloudchamber.study import Format, find_study, make_stream

Array = NDArray[Any]

THRESHOLD = 3.5
LOOKED, LOOKED_SAMPLES = 32, 4096
"""Pieces from all over a file that the noise is taken from."""
LEAST_SAMPLES = 4 * (BEFORE + AFTER)


@dataclass(frozen=True)
class Data:
    """Data of bolometers, read in pieces of W, (bolometers, samples): ``start_s`` is the time of the first sample, since 2000-01-01 where that is ``known``."""

    names: tuple[str, ...]
    samples: int
    rate_hz: float
    start_s: float
    known: bool
    detector: Detector
    read: Callable[[int, int], Array]


def read_glitches(
    path: Path,
    *,
    threshold: Annotated[float | None, "the matched filter's significance from which on a place is a candidate, 3.5 by default"] = None,
    noise_w: Annotated[float | None, "white noise of a sample / W, in place of what the data show"] = None,
    rate_hz: Annotated[float | None, "sampling rate / Hz, where the file does not tell"] = None,
    truth: Annotated[Path | None, "a list of the true pulses, or the store of hits that `cloudchamber stream --truth` made"] = None,
) -> Iterator[Table]:
    """Candidates of each block of the data; with a ``truth``, what they are and what was missed."""
    threshold = THRESHOLD if threshold is None else threshold
    check_threshold(threshold)
    if noise_w is not None and not 0 < noise_w < 1:
        raise ValueError(f"--read.noise-w: {noise_w:g} is outside the allowed (0, 1) W")
    if path.is_dir():
        if truth is not None:
            raise ValueError("--read.truth: a store of windows knows its own hits")
        yield from _of_windows(path, threshold, noise_w)
        return
    data = _opened(path, rate_hz)
    if data.samples < LEAST_SAMPLES:
        raise ValueError(f"'{path}' holds {data.samples} samples; pulses are looked for in {LEAST_SAMPLES} at least{turned(len(data.names), data.samples)}")
    shapes_of(data.detector, data.rate_hz)
    noise = _noise(path, data) if noise_w is None else np.full(len(data.names), noise_w)
    known = None if truth is None else _truth(truth, data)
    yield from _blocks(path, data, noise, threshold, known)


def _blocks(path: Path, data: Data, noise: Array, threshold: float, truth: Truth | None) -> Iterator[Table]:
    last = np.full(len(data.names), -np.inf)
    for start in range(0, data.samples, STRETCH):
        first, stop = max(start - MARGIN, 0), min(start + STRETCH + AFTER_MARGIN, data.samples)
        core = start - first, min(start + STRETCH, data.samples) - first
        seen = _finite(path, data, data.read(first, stop), first)
        near = None if truth is None else truth.within(first, stop, first)
        table = candidates(seen, noise, data.detector, data.rate_hz, threshold, core, near)
        sample = first + np.round(table["time_s"] * data.rate_hz)
        # a pulse on the border may be seen from both sides
        new = sample > last[table["detector"]] + 1
        table, sample = take(table, new), sample[new]
        np.maximum.at(last, table["detector"], sample)
        table["time_s"] = data.start_s + sample / data.rate_hz
        if same_rate(data.rate_hz, data.detector.rate_hz):
            # to a network it is the one that it knows
            table["rate_hz"] = np.full(len(sample), data.detector.rate_hz)
        if data.known:
            table["mjd"] = ORIGIN_MJD + table["time_s"] / DAY_S
        else:
            del table["mjd"]
        yield take(table, np.lexsort((table["detector"], table["time_s"])))


def _finite(path: Path, data: Data, seen: Array, first: int) -> Array:
    if not np.all(np.isfinite(seen)):
        row, place = np.argwhere(~np.isfinite(seen))[0]
        raise ValueError(f"'{path}': {data.names[row]} is {seen[row, place]} at sample {first + place}: fill gaps, or cut the file there")
    return seen


def _noise(path: Path, data: Data) -> Array:
    """Of each bolometer, from pieces all over the data."""
    length = min(LOOKED_SAMPLES, data.samples)
    starts = np.unique(np.linspace(0, data.samples - length, min(LOOKED, -(-data.samples // length))).astype(int))
    noise = np.median([noise_of(_finite(path, data, data.read(start, start + length), start)) for start in starts.tolist()], axis=0)
    _refuse_quiet(path, noise, data.names)
    return noise


def _refuse_quiet(path: Path, noise: Array, names: tuple[str, ...]) -> None:
    if np.any(noise <= 0):
        quiet = names[int(np.argmin(noise))]
        raise ValueError(
            f"'{path}': the data of {quiet} show no noise, so that no pulse is more significant than another: make data with `--settings.noise-w 5e-17`, "
            "or say what noise to assume with --read.noise-w"
        )


def _truth(path: Path, data: Data) -> Truth:
    told = read_list(path, data.names, data.known)
    sample = (told["time_s"] - data.start_s) * data.rate_hz
    found = Truth(sample, told["detector"], told["amplitude_w"], told["family"])
    if not len(found.within(0, data.samples).sample):
        end = data.start_s + data.samples / data.rate_hz
        raise ValueError(f"'{path}': none of its {len(sample)} pulses lies in the time of the data, {data.start_s:.3f} to {end:.3f} s")
    return found


def _opened(path: Path, rate_hz: float | None) -> Data:
    if not path.is_file():
        raise ValueError(f"there is no file '{path}'")
    fits = path.suffix in FITS
    if is_ours(path, fits):
        found = open_recording(path)
        contents = found.contents
        if contents.identity.get("study") != "bolometer":
            raise ValueError(f"'{path}' holds a stream of the study '{contents.identity.get('study')}', not of bolometers")
        settings = {key: value for key, value in contents.identity["settings"].items() if key != "kind"}
        detector = getattr(make_stream(find_study("bolometer"), contents.identity["stream"], settings), "detector", PLANCK)
        _refuse_other_rate(path, rate_hz, contents.rate_hz)
        start_s = contents.first / contents.rate_hz
        return Data(contents.names, contents.samples, contents.rate_hz, start_s, True, detector, _as_float(found.first, found.read))
    detectors, total, read = (fits_data if fits else hdf5_data)(path)
    names, told_hz, told_s = head_of(path, fits, detectors, rate_hz)
    rate = told_hz if rate_hz is None else rate_hz
    _refuse_other_rate(path, rate_hz, told_hz)
    if rate is None or not np.isfinite(rate) or not 0 < rate <= 1e6:
        raise ValueError(f"'{path}' does not tell its sampling rate (sampling_rate_hz, in FITS SAMPRATE): give --read.rate-hz")
    return Data(names, total, rate, told_s or 0.0, told_s is not None, PLANCK, read)


def _refuse_other_rate(path: Path, given_hz: float | None, told_hz: float | None) -> None:
    if given_hz is not None and told_hz is not None and not same_rate(given_hz, told_hz):
        raise ValueError(f"--read.rate-hz: {given_hz:g} Hz is asked for, and '{path}' says that it is sampled at {told_hz:g} Hz")


def _as_float(origin: int, read: Callable[[int, int], Any]) -> Callable[[int, int], Array]:
    return lambda first, stop: np.asarray(read(origin + first, origin + stop), float)


def _of_windows(path: Path, threshold: float, noise_w: float | None) -> Iterator[Table]:
    """Each window by itself; ``time_s`` goes on from window to window."""
    from cloudchamber.store.read import Store

    if not (path / "dataset.json").exists():
        raise ValueError(f"'{path}' is no event store")
    store = Store(path)
    store.refuse_gaps()
    view = windows_of(store)
    if view is None:
        raise ValueError(f"the store '{path}' holds no simulated windows of bolometers: give the stream's file")
    detector = view.detector
    rate, samples = detector.rate_hz / detector.decimation, store.schema.columns["power_w"].shape[1]
    shapes_of(detector, rate)
    gain = {name: each.near_w_per_kev for name, each in zip(detector.family_names, detector.families, strict=True)}
    names = tuple(f"bolometer_{row}" for row in range(detector.bolometers))
    for window in range(store.n_events):
        event = store.read(None, slice(window, window + 1))
        data = np.asarray(event["power_w"][0], float)
        noise = noise_of(data) if noise_w is None else np.full(len(data), noise_w)
        _refuse_quiet(path, noise, names)
        code = event["hit_family"].values
        categories = store.schema.columns["hit_family"].categories
        height = event["hit_deposit_kev"].values * np.array([gain.get(categories[each], 0.0) for each in code])
        truth = Truth(event["hit_time_s"].values * rate, event["hit_bolometer"].values, height, glitch_codes(code))
        table = candidates(data, noise, detector, rate, threshold, (0, samples), truth)
        table["time_s"] = table["time_s"] + window * samples / rate
        del table["mjd"]
        yield take(table, np.lexsort((table["detector"], table["time_s"])))


GLITCHES_FORMAT = Format("glitches", (), read_glitches, None, "a stream's file, or a store of windows, as what a matched filter finds in it")
