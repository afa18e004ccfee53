"""Counts maps that cannot be read as they are meant: without an exposure, of other pixels, energies, units, coordinates, or with parts that nobody saw."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from bad_inputs.case import Case, World

Make = Callable[[World, Path], Path]


def cases() -> list[Case]:
    """One event a file, by ``convert``."""
    words = "convert galactic_centre {bad} --out {out}.h5"
    known = f"{words} --read.exposure 4e11"
    return [
        Case("a counts map without its exposure", words, r"depends on the exposure: give --read.exposure", counts()),
        Case("an exposure in other units", f"{words} --read.exposure -5", r"exposure", counts()),
        Case("an exposure file that is not there", f"{words} --read.exposure {{here}}/no.fits", r"no\.fits", counts()),
        Case("counts of coarser pixels", known, r"nside", counts(nside=32)),
        Case("counts in pixels of equatorial coordinates", known, r"half|nside", counts(frame="icrs", nside=64)),
        Case("fractional counts", known, r"no count, such as 16\.4; allowed: whole numbers", counts(factor=0.41)),
        Case("negative counts", known, r"no count, such as -40", counts(factor=-1.0)),
        Case("a map that lacks a half", known, r"(does not show|seen|covers)", counts(half=True)),
        Case("a map that lacks a pixel of the region", known, r"does not show 0\.\d% of the sky", counts(hole=True)),
        Case("other energy bins", known, r"(?s)edges|bins", counts(edges=(1.0, 2.0, 3.0, 6.0))),
        Case("a map without energies", known, r"energ", counts(energies=False)),
        Case("counts in units of a flux", known, r"unit", counts(units="cm-2 s-1")),
        Case("counts without coordinates", known, r"frame|COORDSYS", counts(frame=None)),
        Case("a table that is no map", known, r"map", counts(maps=False)),
    ]


def counts(
    nside: int = 128,
    frame: str | None = "galactic",
    factor: float = 1.0,
    half: bool = False,
    hole: bool = False,
    edges: tuple[float, ...] = (1.0, 1.8, 3.3, 6.0),
    energies: bool = True,
    units: str = "",
    maps: bool = True,
) -> Make:
    """Writes a HEALPix file as gtbin does, with this fault."""

    def make(world: World, here: Path) -> Path:
        import healpix
        import numpy as np

        from gamma_files import ebounds, healpix_hdu, table, write

        if not maps:
            return write(here / "bad.fits", table("EVENTS", {"ENERGY": np.ones(3)}))
        cube = np.full((3, 12 * nside**2), 40.0) * factor
        _, lat = healpix.pix2ang(nside, np.arange(12 * nside**2), lonlat=True)
        if half:
            cube[:, lat > 0] = np.nan
        if hole:
            cube[:, healpix.ang2pix(nside, 5.0, 5.0, lonlat=True)] = -1.6375e30
        stated: dict[str, Any] = {f"CHANNEL{number}": units for number in (1, 2, 3)} if units else {}
        extensions = (ebounds(np.array(edges)),) if energies else ()
        return write(here / "bad.fits", healpix_hdu(cube, nside, frame=frame, units=stated or None), *extensions)

    return make
