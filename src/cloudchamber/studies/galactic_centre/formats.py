"""Counts maps of gamma-ray astronomy, HEALPix or images, as the Fermi tools, gammapy and healpy write them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, cast, get_args

import numpy as np

from cloudchamber.geometry import Frame
from cloudchamber.physics.gamma.face import within
from cloudchamber.schema import Table
from cloudchamber.studies.galactic_centre.columns import EDGES_GEV, PLANE_DEG, REGION_DEG
from cloudchamber.studies.galactic_centre.sky.instrument import relative_exposure
from cloudchamber.study import Format

DEFAULT_EDGES = ",".join(f"{each:g}" for each in EDGES_GEV)
LUMPY, OTHER_EXPOSURE = 0.05, 0.15
"""More than so much uneven placing of a file's pixels, or so different a course of the exposure over the region, would be seen by a network as emission."""


def read_maps(
    path: Path,
    *,
    exposure: Annotated[str | None, "file with the exposure, or its value in cm2 s, the same everywhere"] = None,
    edges_gev: Annotated[str, "edges of the energy bins that the model knows / GeV, such as 1,1.8,3.3,6"] = DEFAULT_EDGES,
    nside: Annotated[int, "HEALPix nside that the model knows"] = 128,
    frame: Annotated[str | None, "coordinates of a file that does not tell: galactic or icrs"] = None,
) -> Table:
    """One event. ValueError for a file that is no counts map, has no exposure, other energies, or lacks a part of what networks look at."""
    # astropy takes a second
    from cloudchamber.studies.galactic_centre.fits.counts import read_counts

    if exposure is None:
        raise ValueError(f"'{path}' holds counts, and what they mean depends on the exposure: give --read.exposure FILE, or a value in cm2 s")
    found = read_counts(path, nside, _edges(edges_gev), exposure=_number_or_path(exposure), frame=_frame(frame))
    region = within(nside, REGION_DEG, PLANE_DEG)
    unseen = float(np.mean(~found.seen[region]))
    if unseen:
        raise ValueError(
            f"'{path}' does not show {unseen:.1%} of the sky nearer than {REGION_DEG:g} deg to the Galactic Centre and further than {PLANE_DEG:g} deg from the "
            f"plane, all of which a network looks at: pixels that nobody saw are no pixels without photons"
        )
    uneven = float(np.abs(found.share[region] - 1).max())
    if uneven > LUMPY:
        raise ValueError(
            f"'{path}': its pixels fill ours unevenly, by up to {uneven:.0%} (allowed: {LUMPY:.0%}): bin the photons in Galactic HEALPix, or finer"
        )
    assert found.exposure_cm2_s is not None
    return {"counts": found.counts[None], "exposure_cm2_s": _at_centre(path, found.exposure_cm2_s, nside)[None]}


def _frame(word: str | None) -> Frame | None:
    if word is None or word in get_args(Frame):
        return cast("Frame | None", word)
    raise ValueError(f"--read.frame {word}: is none of {', '.join(get_args(Frame))}")


def _edges(words: str) -> list[float]:
    try:
        return [float(word) for word in words.split(",")]
    except ValueError:
        raise ValueError(f"--read.edges-gev {words}: needs numbers with commas between, such as 1,1.8,3.3,6") from None


def _number_or_path(exposure: str) -> float | Path:
    try:
        return float(exposure)
    except ValueError:
        return Path(exposure)


def _at_centre(path: Path, exposure: np.ndarray, nside: int) -> np.ndarray:
    """The exposure of the Galactic Centre, (bins,), of one that varies over the region as networks know it."""
    region = within(nside, REGION_DEG, PLANE_DEG)
    scaled = exposure[:, region] / relative_exposure(nside)[region]
    centre = scaled.mean(axis=1)
    if not np.all(centre > 0):
        raise ValueError(f"'{path}': an exposure of {centre.min():g} cm2 s")
    off = float(np.abs(scaled / centre[:, None] - 1).max())
    if off > OTHER_EXPOSURE:
        raise ValueError(f"'{path}': over the region its exposure varies otherwise than the Fermi-LAT's in its survey, by up to {off:.0%}")
    return np.asarray(centre)


FORMATS = (
    Format("counts", (".fits", ".fit", ".fits.gz", ".fit.gz"), read_maps, None, "counts maps of the Fermi tools, gammapy and healpy, with their exposure"),
)
