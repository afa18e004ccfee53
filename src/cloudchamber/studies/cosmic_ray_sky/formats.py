"""Event lists of observatories: the cosmic rays of one file are one sky, or several where a column ``sky`` numbers them."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Annotated

import numpy as np

from cloudchamber.formats.text import is_number, read_rows, read_text
from cloudchamber.physics.exposure import exposure_at_sine
from cloudchamber.physics.sphere import equatorial_from_galactic, galactic_from_equatorial
from cloudchamber.schema import Ragged, Table, chunked
from cloudchamber.study import Format
from cloudchamber.units import parsed

GALACTIC = (("lon_deg", "lat_deg"), ("glon", "glat"), ("l", "b"))
EQUATORIAL = (("ra_deg", "dec_deg"), ("ra", "dec"))
ENERGIES_EV = {"energy_ev": 1.0, "energy_eev": 1e18, "energy": 1e18, "e": 1e18}
"""Names of an energy column and its unit in eV."""
EXPOSURES = {"auger": "Pierre Auger Observatory", "ta": "Telescope Array", "both": "the two together", "uniform": "the same everywhere"}
RAYS_AT_ONCE = 100_000
"""Lines of a list of many skies that are in memory together."""
HOURS_FROM, WIDE_DEG = 20.0, 60.0
"""A list of some dozens that fills 24 but not 360 while its declinations spread so far is one in hours."""
LEAST_EV, MOST_EV = 1e12, 1e22
"""What arrives and is seen from the ground; an energy in another unit than its column's name says lies outside."""
MANY, LOGARITHMS = 20, (17.0, 21.0)
"""No steep spectrum leaves so many cosmic rays between these energies in EeV, where the decimal logarithms of energies in eV lie."""
CHANCE, ROOM = 1e-6, 10.0
"""Lists are refused where chance makes so many identical cosmic rays so rarely; sources bring them ten times as close as independent columns."""
MARK, TRUE = "in_domain", ("True", "true", "1")
AUGER_2022 = ("year", "julian_day", "utc_s", "zenith", "azimuth", "ra", "dec", "energy_eev", "accumulated_exposure")
"""Columns of the Pierre Auger list of arXiv:2206.13492 (doi 10.5281/zenodo.6504276)."""


@dataclass(frozen=True)
class Lines:
    """Cosmic rays of a list: the texts of each column, by its lower-case name, and how many come ``before`` in the file."""

    path: Path
    columns: dict[str, list[str]]
    before: int

    def numbers(self, name: str) -> np.ndarray:
        bad = [(row, text) for row, text in enumerate(self.columns[name], self.before + 1) if not is_number(text)]
        if bad:
            raise ValueError(f"'{self.path}', column '{name}', cosmic ray {bad[0][0]}: '{bad[0][1]}' is no number")
        values = np.array([float(text) for text in self.columns[name]])
        self.refuse(name, values, ~np.isfinite(values), "a finite number")
        return values

    def refuse(self, name: str, values: np.ndarray, bad: np.ndarray, allowed: str) -> None:
        if bad.any():
            row = int(np.argmax(bad))
            raise ValueError(f"'{self.path}', column '{name}', cosmic ray {self.before + row + 1}: {values[row]:g}; allowed: {allowed}")


def read_sky(
    path: Path,
    *,
    observatory: Annotated[str | None, f"who saw all of it: {', '.join(EXPOSURES)}"] = None,
    names: Annotated[str | Sequence[str] | None, "the columns' names, of a list without a header, such as ra,dec,energy_eev"] = None,
) -> Iterator[Table]:
    """The skies of a list with named columns, comma- or space-separated, in chunks; ``names`` replace a header that is not there.

    Coordinates are in degrees, Galactic or equatorial; energies in EeV unless the name is ``energy_ev``. The exposure is that of ``observatory``, else of
    the column ``observatory`` or ``exposure``. ValueError names file, line and column of what is wrong.
    """
    names = (names,) if isinstance(names, str) else names
    apart, seen, empty = True, set[str](), True
    # a sky may be longer than what is read at once, and an observatory see the last ones only
    last = -np.inf
    for lines in _lines(path, names):
        empty = False
        seen |= {name.lower() for name in lines.columns.get("observatory", [])}
        if "sky" in lines.columns:
            sky = lines.numbers("sky")
            apart = apart and sky[0] >= last and bool(np.all(np.diff(sky) >= 0))
            last = sky[-1]
        else:
            apart = False
    if empty:
        raise ValueError(f"'{path}' holds no cosmic rays")
    if observatory is None and seen:
        observatory = "both" if seen == {"auger", "ta"} else ", ".join(sorted(seen))
    for lines in _by_sky(_lines(path, names)) if apart else [_together(list(_lines(path, names)))]:
        yield _skies(lines, observatory)


def _skies(lines: Lines, observatory: str | None) -> Table:
    energy = _energy(lines)
    dec, lon, lat = _directions(lines)
    if observatory is None and "exposure" in lines.columns:
        exposure = lines.numbers("exposure")
        lines.refuse("exposure", exposure, exposure <= 0, "above 0: no event arrives where there is no exposure")
    else:
        exposure = _exposure(lines, observatory, dec)
    sky = lines.numbers("sky") if "sky" in lines.columns else np.zeros(len(energy))
    _refuse_repeats(lines, sky, energy)
    order = np.argsort(sky, kind="stable")
    offsets = np.concatenate([[0], np.cumsum(np.unique(sky, return_counts=True)[1])])
    found = {"lon_deg": lon, "lat_deg": lat, "energy_ev": energy, "exposure": exposure}
    table: Table = {name: Ragged(values[order], offsets) for name, values in found.items()}
    if MARK in lines.columns:
        table[MARK] = np.array([text in TRUE for text in lines.columns[MARK]])[order][offsets[:-1]]
    return table


def write_sky(path: Path, tables: Table | Iterable[Table]) -> None:
    """One cosmic ray a line; several skies are numbered in the column ``sky``, and a model's mark ``in_domain`` stands beside each."""
    names, before = ("lon_deg", "lat_deg", "energy_ev", "exposure"), 0
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        for table in chunked(tables):
            missing = [name for name in names if name not in table]
            if missing:
                raise ValueError(f"a sky has the columns {', '.join(names)}; '{missing[0]}' is missing")
            counts = np.diff(table["lon_deg"].offsets)
            ra, dec = equatorial_from_galactic(table["lon_deg"].values, table["lat_deg"].values)
            sky = np.repeat(np.arange(before, before + len(counts)), counts)
            cells = {"sky": sky, "ra_deg": ra, "dec_deg": dec} | {name: table[name].values for name in names}
            if MARK in table:
                cells[MARK] = np.repeat(table[MARK], counts)
            if before == 0:
                writer.writerow(cells)
            writer.writerows(zip(*(values.tolist() for values in cells.values()), strict=True))
            before += len(counts)


def _lines(path: Path, names: Sequence[str] | None) -> Iterator[Lines]:
    """The list in parts; a unit that the file states is that of the column's name, or refused."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        if names is not None:
            names = tuple(name.lower() for name in names)
            rows = _without_header(path, file, names)
        else:
            text = read_text(path, file)
            names, rows = tuple(name.lower() for name in text.names), text.rows
            if twice := [name for index, name in enumerate(names) if name and name in names[:index]]:
                raise ValueError(f"'{path}' gives the column '{twice[0]}' twice: which one counts?")
            for name, unit in text.units.items():
                _expect_unit(path, name.lower(), unit)
        before = 0
        while part := [cells for _, cells in islice(rows, RAYS_AT_ONCE)]:
            yield Lines(path, dict(zip(names, map(list, zip(*part, strict=True)), strict=True)), before)
            before += len(part)


def _without_header(path: Path, file: Iterable[str], names: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    for number, cells in read_rows(path, file):
        if not is_number(cells[0]):
            continue
        if len(cells) != len(names):
            raise ValueError(f"'{path}', line {number}: {len(cells)} entries, but there are {len(names)} columns ({', '.join(names)}): is the file cut off?")
        yield number, cells


def _by_sky(parts: Iterator[Lines]) -> Iterator[Lines]:
    """Parts that end where a sky does, of a list in which no sky comes back."""
    waiting = next(parts)
    for lines in parts:
        sky = waiting.numbers("sky")
        end = int(np.searchsorted(sky, lines.numbers("sky")[0]))
        if end:
            yield _cut(waiting, 0, end)
        waiting = _together([_cut(waiting, end, len(sky)), lines])
    yield waiting


def _cut(lines: Lines, low: int, high: int) -> Lines:
    return Lines(lines.path, {name: cells[low:high] for name, cells in lines.columns.items()}, lines.before + low)


def _together(parts: list[Lines]) -> Lines:
    first = parts[0]
    return Lines(first.path, {name: [cell for part in parts for cell in part.columns[name]] for name in first.columns}, first.before)


def _expect_unit(path: Path, name: str, unit: str) -> None:
    """ValueError where a file says that a column is in another unit than it is read in."""
    angles = {each for pair in (*GALACTIC, *EQUATORIAL) for each in pair}
    wanted = "deg" if name in angles else {1.0: "eV", 1e18: "EeV"}.get(ENERGIES_EV.get(name, 0.0))
    if wanted is not None and parsed(unit) != parsed(wanted):
        raise ValueError(f"'{path}': the column '{name}' is in {unit}, and is read in {wanted}: convert it (energies in eV belong in a column energy_ev)")


def _energy(lines: Lines) -> np.ndarray:
    """Energies in eV."""
    name = next((name for name in ENERGIES_EV if name in lines.columns), None)
    if name is None:
        raise ValueError(f"'{lines.path}' has no energies: name a column energy_eev or energy_ev; it has: {', '.join(lines.columns)}")
    values = lines.numbers(name)
    unit = ENERGIES_EV[name]
    low, high = LEAST_EV / unit, MOST_EV / unit
    advice = "; are these EeV? name the column energy_eev" if unit == 1.0 else "; are these eV? name the column energy_ev"
    if len(values) >= MANY and np.ptp(values) > 0 and LOGARITHMS[0] <= values.min() and values.max() <= LOGARITHMS[1]:
        raise ValueError(f"'{lines.path}': every '{name}' lies from {values.min():g} to {values.max():g}: are these logarithms, lg(E/eV)? give energies")
    lines.refuse(name, values, (values < low) | (values > high), f"from {low:g} to {high:g} {'eV' if unit == 1.0 else 'EeV'}{advice}")
    return values * unit


def _directions(lines: Lines) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Declination, Galactic longitude (-180 to 180) and latitude, in degrees."""
    for kinds, galactic in ((GALACTIC, True), (EQUATORIAL, False)):
        pair = next((pair for pair in kinds if set(pair) <= set(lines.columns)), None)
        if pair is None:
            continue
        lon, lat = (lines.numbers(name) for name in pair)
        lines.refuse(pair[0], lon, (lon < -180) | (lon > 360), "from -180 to 360 degrees")
        lines.refuse(pair[1], lat, np.abs(lat) > 90, "from -90 to 90 degrees")
        if len(lon) >= 10 and lon.max() - lon.min() <= 2 * np.pi and np.abs(lat).max() <= np.pi / 2:
            raise ValueError(f"'{lines.path}': no '{pair[0]}' is further than 2 pi from another, no '{pair[1]}' beyond pi/2: are these radians? give degrees")
        if len(lon) >= MANY and lon.min() >= 0 and HOURS_FROM <= lon.max() <= 24 and np.ptp(lat) > WIDE_DEG:
            raise ValueError(
                f"'{lines.path}': every '{pair[0]}' lies from 0 to 24, while '{pair[1]}' spans {np.ptp(lat):.0f} degrees: are these hours? give degrees"
            )
        if galactic:
            return equatorial_from_galactic(lon, lat)[1], (lon + 180.0) % 360.0 - 180.0, lat
        return (lat, *galactic_from_equatorial(lon, lat))
    wanted = " or ".join(", ".join(pair) for pair in (*GALACTIC, *EQUATORIAL))
    raise ValueError(f"'{lines.path}' has no directions: name two columns {wanted}; it has: {', '.join(lines.columns)}")


def _refuse_repeats(lines: Lines, sky: np.ndarray, energy: np.ndarray) -> None:
    """ValueError where more cosmic rays of a ``sky`` are alike, number by number, than rounding explains."""
    from scipy.stats import poisson

    # as the file has them, where rounding shows
    pair = next(pair for pair in (*GALACTIC, *EQUATORIAL) if set(pair) <= set(lines.columns))
    rays = np.column_stack([*(lines.numbers(name) for name in pair), energy])
    together = np.column_stack([sky, rays])
    _, first, place, counts = np.unique(together, axis=0, return_index=True, return_inverse=True, return_counts=True)
    found = _pairs(counts)
    if not found:
        return
    every = _pairs(np.unique(sky, return_counts=True)[1])
    # the repeated rows themselves say nothing of the rounding
    alike = [max(_pairs(np.unique(column, return_counts=True)[1]) - found, 0.0) / _pairs(np.array([len(rays)])) for column in rays.T]
    if poisson.sf(found - 1, ROOM * every * np.prod(alike)) < CHANCE:
        earlier = first[place.ravel()]
        again = int(np.argmax(earlier != np.arange(len(rays))))
        rows = f"{lines.before + int(earlier[again]) + 1} and {lines.before + again + 1}"
        raise ValueError(
            f"'{lines.path}': {found:.0f} pair(s) of cosmic rays are the same in direction and energy, the first in rows {rows}: "
            "was the list joined with itself, or with one that shares events? give each once"
        )


def _pairs(counts: np.ndarray) -> float:
    return float(np.sum(counts * (counts - 1.0))) / 2


def _exposure(lines: Lines, observatory: str | None, dec: np.ndarray) -> np.ndarray:
    if observatory is None:
        known = "|".join(EXPOSURES)
        raise ValueError(f"'{lines.path}' does not say how the sky was exposed: add a column 'observatory' or 'exposure', or give --read.observatory {known}")
    exposure = exposure_at_sine(np.sin(np.deg2rad(dec)), observatory)
    lines.refuse("dec_deg", dec, exposure <= 0, f"where '{observatory}' sees the sky")
    return exposure


FORMATS = (
    Format("sky", (".csv", ".txt"), read_sky, write_sky, "a cosmic ray a line, with named columns and its exposure or observatory"),
    Format("auger2022", (".dat",), partial(read_sky, observatory="auger", names=AUGER_2022), doc="Pierre Auger Observatory, ApJS 2022"),
    *(Format(name, (), partial(read_sky, observatory=name), doc=f"as sky; exposure: {what}") for name, what in EXPOSURES.items()),
)
