"""Files of observations as litebird_sim writes them: HDF5 with data sets (detectors, samples) that tell their detectors, unit, rate and start.

A background goes into a copy, as a data set of its own with the same attributes; the file that was read stays as it is.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cloudchamber.atomic import replacing
from cloudchamber.formats.recording import refuse_full
from cloudchamber.meant import meant
from cloudchamber.stream import mjd_s

TOD, ORIGIN = "tod", "cloudchamber"
"""The data set that tells of an observation, and the attribute that tells what a background is."""
COPIED = ("units", "sampling_rate_hz", "start_time", "mjd_time", "detectors")
UNITS = {"K_CMB": 1.0, "mK_CMB": 1e3, "uK_CMB": 1e6, "K_RJ": 1.0, "mK_RJ": 1e3, "uK_RJ": 1e6}
"""Of litebird_sim: how many are a kelvin."""


@dataclass(frozen=True)
class Observation:
    """What a file tells: ``places`` are the detectors' numbers in the whole simulation, ``wafers`` their names or "", ``bands`` (centre, width) in GHz.

    ``start_s`` is seconds since ``stream.ORIGIN`` where ``dated``, else since a beginning that the file does not know. All this is told by its data set
    ``name``; ``fields`` are those that tell the like: the fields whose background is in each. ``taken`` are the names of all that is in the file.
    """

    path: Path
    name: str
    names: tuple[str, ...]
    places: tuple[int, ...]
    wafers: tuple[str, ...]
    bands: tuple[tuple[float, float], ...]
    unit: str
    rate_hz: float
    start_s: Fraction
    dated: bool
    samples: int
    fields: dict[str, tuple[str, ...]]
    taken: frozenset[str]


def open_observation(path: Path, name: str | None = None) -> Observation:
    """What the file tells, by its data set ``name``, by default that of the signal; ValueError for one that is no observation."""
    import h5py

    if not path.is_file():
        raise ValueError(f"there is no file '{path}'")
    try:
        with h5py.File(path, "r", locking=False) as file:
            found = {key: each for key, each in file.items() if isinstance(each, h5py.Dataset) and "detectors" in each.attrs}
            if not found:
                raise ValueError(f"'{path}' has no data set with the attribute 'detectors': write it by litebird_sim's write_list_of_observations")
            if name is not None and name not in found:
                raise ValueError(f"'{path}' has no data set '{name}' of detectors{meant(name, found)}; it has: {', '.join(found)}")
            like = name or (TOD if TOD in found else next(iter(found)))
            earlier = {key: tuple(str(one["field"]) for one in json.loads(each.attrs.get(ORIGIN, "[]"))) for key, each in found.items()}
            told = dict(found[like].attrs) | {"det_idx": file.attrs.get("det_idx")}
            return _told(path, like, found[like].shape, found[like].dtype, told, earlier, frozenset(file))
    except OSError as error:
        raise ValueError(f"'{path}' is not readable HDF5 ({' '.join(str(error).split())})") from None


def _told(
    path: Path, name: str, shape: tuple[int, ...], kind: Any, told: dict[str, Any], fields: dict[str, tuple[str, ...]], taken: frozenset[str]
) -> Observation:
    where = f"'{path}', {name}"
    if len(shape) != 2 or kind.kind != "f" or 0 in shape:
        raise ValueError(f"{where}: needs numbers, detectors x samples, got {kind}, {' x '.join(map(str, shape))}")
    if lacking := [key for key in COPIED if key not in told]:
        raise ValueError(f"{where}: has no attribute '{lacking[0]}'; litebird_sim writes {', '.join(COPIED)}")
    try:
        unit, rate, dated = str(told["units"]), float(told["sampling_rate_hz"]), bool(told["mjd_time"])
    except (TypeError, ValueError) as error:
        raise ValueError(f"{where}: sampling_rate_hz or mjd_time is none ({error})") from None
    if unit not in UNITS:
        raise ValueError(f"{where}: a power is not known in '{unit}', only in {', '.join(UNITS)}")
    if not (np.isfinite(rate) and rate > 0):
        raise ValueError(f"{where}: sampling_rate_hz is {rate:g}")
    try:
        detectors = json.loads(told["detectors"])
        names = tuple(str(each["name"]) for each in detectors)
        wafers = tuple(str(each.get("wafer") or "") for each in detectors)
        bands = tuple((float(each.get("bandcenter_ghz") or 0.0), float(each.get("bandwidth_ghz") or 0.0)) for each in detectors)
        places = tuple(map(int, json.loads(told["det_idx"]))) if told["det_idx"] is not None else tuple(range(shape[0]))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"{where}: its detectors cannot be read ({type(error).__name__}: {error})") from None
    if {len(names), len(places)} != {shape[0]}:
        raise ValueError(f"{where}: has {shape[0]} rows, and tells {len(names)} detectors at {len(places)} places")
    if twice := [each for each in names if names.count(each) > 1]:
        raise ValueError(f"{where}: two detectors are called '{twice[0]}'")
    try:
        start = mjd_s(str(told["start_time"])) if dated else Fraction(float(told["start_time"]))
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{where}: start_time: {error}") from None
    return Observation(path, name, names, places, wafers, bands, unit, rate, start, dated, shape[1], fields, taken)


@dataclass(frozen=True)
class Injecting:
    """A copy that is being written."""

    file: Any
    field: str
    add_to: str | None

    def put(self, places: Sequence[int], first: int, values: NDArray[np.float64]) -> None:
        """The background of some of the detectors from the sample ``first`` on, (detectors, samples), in the file's unit."""
        for place, line in zip(places, values, strict=True):
            stop = first + len(line)
            self.file[self.field][place, first:stop] = line
            if self.add_to is not None:
                self.file[self.add_to][place, first:stop] = self.file[self.add_to][place, first:stop] + line


@contextmanager
def injecting(observation: Observation, out: Path, field: str, add_to: str | None, description: str, origin: dict[str, Any]) -> Iterator[Injecting]:
    """Write a copy with the new data set ``field``, which ``put`` fills; ``out`` appears whole at the end, or not at all.

    ``origin`` goes into the attribute ``ORIGIN`` of the data set, and of ``add_to``, to which the background is added too, after what was injected before.
    """
    import h5py

    refuse_full(out, observation.path.stat().st_size + 8 * len(observation.names) * observation.samples)
    with replacing(out) as temporary:
        shutil.copyfile(observation.path, temporary)
        with h5py.File(temporary, "r+") as file:
            like = file[observation.name]
            made = file.create_dataset(field, shape=like.shape, dtype=like.dtype)
            made.attrs.update({**{key: like.attrs[key] for key in COPIED}, "description": description, ORIGIN: json.dumps([origin])})
            if add_to is not None:
                file[add_to].attrs[ORIGIN] = json.dumps([*json.loads(like.attrs.get(ORIGIN, "[]")), origin])
            yield Injecting(file, field, add_to)
