"""CONEX ROOT files: the trees ``Header`` and ``Shower`` as CONEX 5 to 7 write them.

dE/dX stands in the middle of each bin of X, the particle numbers at X; one primary a file.
References: Bergmann et al., Astropart. Phys. 26 (2007) 420; the README of conex2r 7.50.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from cloudchamber.formats.hdf5 import CHUNK_EVENTS
from cloudchamber.formats.root import read_units, refuse_cut_off, write_units
from cloudchamber.physics.atmosphere import ground_depth_g_cm2
from cloudchamber.physics.shower import fit_gaisser_hillas, gaisser_hillas
from cloudchamber.schema import Table, chunked, events_in
from cloudchamber.studies.airshower.columns import DEPTH_STEP_G_CM2, MASS_NUMBER, PRIMARIES, depth_grid
from cloudchamber.studies.airshower.formats.grid import (
    PROFILE_CUTS_GEV,
    checked,
    deposit_between_depths,
    deposit_on_grid,
    need,
    numbers_on_grid,
    unknown_primary,
    warn_about_cuts,
)
from cloudchamber.units import stated

PHOTON = 22
PRIMARY_OF_CODE = {100 * MASS_NUMBER[name]: name for name in PRIMARIES} | {PHOTON: "photon", 2212: "p"}
NEEDED = ("primary", "lg_energy_ev", "zenith_deg", "n_electron", "energy_deposit_gev_per_g_cm2")
REQUIRED = ("lgE", "zenith", "X")
PROFILES = {"n_electron": "Electrons", "n_muon": "Mu", "n_hadron": "Hadrons"}
SCALARS = {"xmax_g_cm2": "Xmx", "nmax": "Nmx", "first_interaction_g_cm2": "Xfirst", "xmax_deposit_g_cm2": "XmxdEdX"}
# CONEX has no such branches; ROOT macros made for CONEX pass over them
EXTRA_SCALARS = {
    "calorimetric_energy_gev": "calorimetricEnergy",
    "ground_energy_gev": "groundEnergy",
    "invisible_energy_gev": "invisibleEnergy",
}
UNITS = {
    **dict.fromkeys(("zenith", "azimuth"), "deg"),
    **dict.fromkeys(("X", "X0", "Xmax", "p1", "Xfirst", "Xmx", "XmxdEdX"), "g/cm2"),
    **dict.fromkeys(("dEdX", "dEdXmx"), "GeV cm2/g"),
    **dict.fromkeys(("EGround", *EXTRA_SCALARS.values()), "GeV"),
    "lgE": "lg(E/eV)",
}
"""Units of the branches of ``Shower``, those of CONEX."""
GROUND_M, MOST_ZENITH_DEG = (-500.0, 9000.0), 80.0
MARK = "inDomain"
"""Whether what a model was given lies in its trained domain; only where it was asked to tell."""


def read_conex(
    path: Path,
    *,
    primary: Annotated[str | None, f"the primary, in place of the header's: {', '.join(PRIMARIES)}"] = None,
    ground_altitude_m: Annotated[float | None, "height of the ground / m, below which profiles are cut; CONEX follows them as deep as it was told"] = None,
) -> Iterator[Table]:
    """Read a CONEX ROOT file in chunks: every column of the study that it holds.

    ``Xmx`` and ``Nmx`` give xmax and nmax, dE/dX summed gives the calorimetric energy, EGround the ground energy; CONEX keeps no neutrino energy.
    ValueError for a file without the trees or branches, a damaged file, an unknown primary, NaN, and depths that do not rise.
    """
    path, before = Path(path), 0
    particle = -1
    for header, shower in _read_trees(path):
        if before == 0:
            code = int(header["Particle"][0])
            if primary is None and code not in PRIMARY_OF_CODE:
                raise ValueError(f"{unknown_primary(path, f'with CONEX code {code}')}; where the code is another program's, give --read.primary")
            name = PRIMARY_OF_CODE[code] if primary is None else primary
            if name not in PRIMARIES:
                raise unknown_primary(path, f"'{name}'")
            particle = PRIMARIES.index(name)
            cuts = {"electrons": "elCut", "muons": "muCut", "hadrons": "haCut"}
            warn_about_cuts(path, {kind: float(header[branch][0]) for kind, branch in cuts.items() if branch in header})
        table = _table(path, particle, shower, before)
        yield table if ground_altitude_m is None else _above_ground(path, table, ground_altitude_m)
        before += len(shower["lgE"])


def _table(path: Path, primary: int, shower: dict[str, Any], before: int) -> Table:
    """The columns of some showers, ``before`` of which so many stand in the file."""
    table: Table = {"primary": np.full(len(shower["lgE"]), primary), "lg_energy_ev": shower["lgE"], "zenith_deg": shower["zenith"]}
    if "azimuth" in shower:
        table["azimuth_deg"] = (shower["azimuth"] + 180) % 360 - 180
    for column, branch in PROFILES.items():
        if branch in shower and not _unknown(shower[branch]):
            pairs = enumerate(zip(shower["X"], shower[branch], strict=True), before)
            table[column] = _stack([numbers_on_grid(*pair, f"{path}: {branch} of shower {i}") for i, pair in pairs])
    if "dEdX" in shower:
        bins = [_deposit_bins(*pair, f"{path}: dEdX of shower {i}") for i, pair in enumerate(zip(shower["X"], shower["dEdX"], strict=True), before)]
        on_grid = [deposit_on_grid(*each, f"{path}: dEdX of shower {i}") for i, each in enumerate(bins, before)]
        table["energy_deposit_gev_per_g_cm2"] = _stack(on_grid)
        table["calorimetric_energy_gev"] = np.array([energy.sum() for _, energy in bins])
    if "EGround" in shower:
        table["ground_energy_gev"] = shower["EGround"].sum(axis=1)
    if MARK in shower:
        table["in_domain"] = shower[MARK].astype(bool)
    for column, branch in (SCALARS | EXTRA_SCALARS).items():
        if branch in shower and not _unknown([shower[branch]]):
            table[column] = shower[branch]
    return checked({name: values for name, values in table.items() if not _unknown([values])})


def _above_ground(path: Path, table: Table, altitude_m: float) -> Table:
    """The profiles without what lies below a ground of this height, and no energy at the file's own ground; ValueError where there is none."""
    low, high = GROUND_M
    if not low <= altitude_m <= high:
        raise ValueError(f"{path}: --read.ground-altitude-m: {altitude_m:g} is outside the allowed [{low:g}, {high:g}] m")
    zenith = np.asarray(table["zenith_deg"], float)
    if np.any(zenith >= MOST_ZENITH_DEG):
        raise ValueError(f"{path}: --read.ground-altitude-m: showers of {zenith.max():g} deg meet no ground; allowed: below {MOST_ZENITH_DEG:g} deg")
    above = depth_grid() <= ground_depth_g_cm2(zenith, altitude_m)[:, None]
    kept = {name: values for name, values in table.items() if name != "ground_energy_gev"}
    return kept | {name: np.where(above, table[name], 0) for name in (*PROFILES, "energy_deposit_gev_per_g_cm2") if name in table}


def _unknown(rows: Any) -> bool:
    """Whether all is NaN: how this package writes what it does not know."""
    return any(len(row) for row in rows) and all(np.isnan(row).all() for row in rows)


def _read_trees(path: Path) -> Iterator[tuple[dict[str, np.ndarray], dict[str, Any]]]:
    """The header and the branches of some showers, chunk after chunk."""
    uproot = need("uproot")
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    try:
        with uproot.open(path) as file:
            refuse_cut_off(path, file)
            missing = [tree for tree in ("Header", "Shower") if tree not in file]
            if missing:
                raise _WrongFileError(f"{path}: no tree '{missing[0]}': not a CONEX file; its keys: {', '.join(file.keys()) or 'none'}")
            # without a cycle number uproot takes the highest: earlier ones are CONEX's autosaves
            names = {tree: set(file[tree].keys()) for tree in ("Header", "Shower")}
            absent = [f"Header.{name}" for name in ("Particle",) if name not in names["Header"]]
            absent += [f"Shower.{name}" for name in REQUIRED if name not in names["Shower"]]
            if absent:
                raise _WrongFileError(f"{path}: no branch '{absent[0]}'; Shower has: {', '.join(sorted(names['Shower']))}")
            wanted = {*REQUIRED, "azimuth", "dEdX", "EGround", *PROFILES.values(), *SCALARS.values(), *EXTRA_SCALARS.values(), MARK}
            header = file["Header"].arrays(sorted(names["Header"] & {"Particle", "elCut", "muCut", "haCut"}), library="np")
            if len(header["Particle"]) == 0:
                raise _WrongFileError(f"{path}: the tree 'Header' is empty")
            branches = sorted(names["Shower"] & wanted)
            factors = _factors(path, read_units(file), branches)
            if file["Shower"].num_entries == 0:
                yield header, file["Shower"].arrays(branches, library="np")
            for shower in file["Shower"].iterate(branches, library="np", step_size=CHUNK_EVENTS):
                yield header, {**shower, **{branch: shower[branch] * factor for branch, factor in factors.items()}}
    except (_WrongFileError, GeneratorExit):
        raise
    except Exception as error:
        raise ValueError(f"{path}: not a readable ROOT file (damaged or cut short?): {error}") from error


def _factors(path: Path, units: Mapping[str, str], branches: Sequence[str]) -> dict[str, float]:
    """What the numbers of branches that the file states in another unit are to be multiplied with; ValueError where that is another kind of quantity."""
    found = {}
    for branch in branches:
        try:
            factor = float(stated(np.ones(1), units.get(branch, ""), UNITS.get(branch, ""), f"{path}: branch '{branch}'")[0])
        except ValueError as error:
            raise _WrongFileError(str(error)) from error
        if factor != 1.0:
            found[branch] = factor
    return found


class _WrongFileError(ValueError):
    """What is wrong with a file that can be read."""


def _deposit_bins(depth: np.ndarray, deposit: np.ndarray, what: str) -> tuple[np.ndarray, np.ndarray]:
    if len(depth) < 2 or len(depth) != len(deposit):
        raise ValueError(f"{what}: {len(deposit)} values for {len(depth)} depths, needs at least two")
    depth = np.asarray(depth, np.float64)
    edges = np.append(depth, 2 * depth[-1] - depth[-2])
    return edges, deposit * np.diff(edges)


def _stack(rows: list[np.ndarray]) -> np.ndarray:
    return np.stack(rows) if rows else np.empty((0, len(depth_grid())))


def write_conex(path: Path, tables: Table | Iterable[Table]) -> None:
    """Write showers of one primary as a CONEX-like ROOT file: same trees, branches and units, with a Gaisser-Hillas fit of the electrons.

    What the table does not hold (heights, photons, seeds, ...) is NaN, or 0 for integers. The energies CONEX has no branch for are added as
    calorimetricEnergy, groundEnergy and invisibleEnergy (GeV), a model's mark ``in_domain`` as inDomain.
    N, all charged particles, is electrons plus muons. ValueError for mixed primaries.
    """
    uproot, ak = need("uproot"), need("awkward")
    found, ranges = -1, dict[str, list[float]]()
    with uproot.recreate(path) as file:
        for table in map(checked, chunked(tables)):
            found = _one_primary(table, found)
            for name in ("lg_energy_ev", "zenith_deg"):
                ranges.setdefault(name, []).extend((float(table[name].min()), float(table[name].max())))
            scalars, lengths, profiles = _scalars(table), *_profiles(table)
            within = np.arange(len(depth_grid())) < lengths[:, None]
            jagged = ak.zip({branch: ak.unflatten(rows[within], lengths) for branch, rows in profiles.items()})
            types = {key: (value.dtype, value.shape[1:]) if value.ndim > 1 else value.dtype for key, value in scalars.items()}
            if "Shower" not in file:
                write_units(file, UNITS)
                named = {"counter_name": lambda _: "nX", "field_name": lambda _, inner: inner}
                tree = file.mktree("Shower", types | {"": jagged.type.content}, title="shower info", **named)
            tree.extend(scalars | {"": jagged})
        name = PRIMARIES[found]
        header = _header(PHOTON if name == "photon" else 100 * MASS_NUMBER[name], ranges)
        file.mktree("Header", {key: value.dtype for key, value in header.items()}, title="run header").extend(header)


def _one_primary(table: Table, before: int) -> int:
    """The code of the primary, that of the showers before too."""
    missing = [name for name in NEEDED if name not in table]
    if missing:
        raise ValueError(f"a CONEX file needs column '{missing[0]}'; the table has: {', '.join(table)}")
    codes = np.unique(np.concatenate([table["primary"], np.array([before] if before >= 0 else [], int)]))
    if len(codes) != 1:
        raise ValueError(f"a CONEX file holds one primary, got {', '.join(PRIMARIES[c] for c in codes) or 'none'}: write one file for each")
    return int(codes[0])


def _header(code: int, ranges: Mapping[str, Sequence[float]]) -> dict[str, np.ndarray]:
    energy, zenith = ranges["lg_energy_ev"], ranges["zenith_deg"]
    integers = {"Seed1": 0, "Particle": code, "HEModel": 0, "LEModel": 0}
    doubles = {"Alpha": np.nan, "lgEmin": min(energy), "lgEmax": max(energy), "zMin": min(zenith), "zMax": max(zenith)}
    cuts = {"haCut": PROFILE_CUTS_GEV["hadrons"], "muCut": PROFILE_CUTS_GEV["muons"], "elCut": PROFILE_CUTS_GEV["electrons"]}
    unknown = dict.fromkeys(("HiLowEgy", "hadCut", "emCut", "hadThr", "muThr", "emThr", "gaCut"), np.nan)
    floats = {"Version": np.nan, "OutputVersion": 2.51} | cuts | unknown
    groups = ((integers, np.int32), (doubles, np.float64), (floats, np.float32))
    return {key: np.array([value], dtype) for values, dtype in groups for key, value in values.items()}


def _scalars(table: Table) -> dict[str, np.ndarray]:
    events = events_in(table)
    unknown = np.full(events, np.nan, np.float32)
    electrons, grid = table["n_electron"].astype(np.float64), depth_grid()
    fit = fit_gaisser_hillas(grid, electrons)
    deposit = table["energy_deposit_gev_per_g_cm2"]
    values = {
        "lgE": table["lg_energy_ev"],
        "zenith": table["zenith_deg"],
        "azimuth": table["azimuth_deg"] % 360 if "azimuth_deg" in table else unknown,
        "Hfirst": unknown,
        "XfirstIn": unknown,
        "X0": fit.x0_g_cm2,
        "Xmax": fit.xmax_g_cm2,
        "Nmax": fit.nmax,
        "p1": fit.lambda_g_cm2,
        "p2": np.zeros(events),
        "p3": np.zeros(events),
        "chi2": _chi2(electrons, fit.nmax, fit.xmax_g_cm2, fit.x0_g_cm2, fit.lambda_g_cm2),
        "dEdXmx": deposit.max(axis=1),
        "cpuTime": unknown,
        "EGround": np.full((events, 3), np.nan),
    }
    values |= {branch: table.get(column, unknown) for column, branch in (SCALARS | EXTRA_SCALARS).items()}
    seeds = {seed: np.zeros(events, np.int32) for seed in ("Seed2", "Seed3")}
    marks = {MARK: np.asarray(table["in_domain"], bool)} if "in_domain" in table else {}
    return {key: np.asarray(value, np.float32) for key, value in values.items()} | seeds | {"altitude": np.zeros(events)} | marks


def _chi2(profile: np.ndarray, nmax: np.ndarray, xmax: np.ndarray, x0: np.ndarray, width: np.ndarray) -> np.ndarray:
    """CONEX's chi2 / degrees of freedom / sqrt(Nmax), with Poisson errors, over N > 0.1 Nmax."""
    fitted = np.isfinite(nmax)
    filled = [np.where(fitted, values, filler)[:, None] for values, filler in ((nmax, 1.0), (xmax, 700.0), (x0, 0.0), (width, 70.0))]
    curve = gaisser_hillas(depth_grid(), filled[0], filled[1], filled[2], filled[3])
    inside = profile > 0.1 * profile.max(axis=1, keepdims=True)
    total = np.sum(np.where(inside, (profile - curve) ** 2 / np.maximum(profile, 1.0), 0.0), axis=1)
    return np.where(fitted, total / np.maximum(inside.sum(axis=1) - 4, 1) / np.sqrt(filled[0][:, 0]), np.nan)


def _profiles(table: Table) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    shape = table["n_electron"].shape
    unknown = np.full(shape, np.nan, np.float32)
    muons = table.get("n_muon", unknown)
    deposit = table["energy_deposit_gev_per_g_cm2"]
    filled = (table["n_electron"] > 0) | (np.nan_to_num(muons) > 0) | (deposit > 0)
    # the profiles end where everything is zero: at the ground
    lengths = np.maximum(shape[1] - np.argmax(filled[:, ::-1], axis=1), 2) * filled.any(axis=1) + 2 * ~filled.any(axis=1)
    profiles = {
        "X": np.broadcast_to(DEPTH_STEP_G_CM2 * np.arange(shape[1]), shape),
        "N": table["n_electron"] + np.nan_to_num(muons),
        "dEdX": deposit_between_depths(deposit),
        "Mu": muons,
        "Electrons": table["n_electron"],
        "Hadrons": table.get("n_hadron", unknown),
    } | dict.fromkeys(("H", "D", "Gamma", "dMu"), unknown)
    return lengths, {branch: rows.astype(np.float32) for branch, rows in profiles.items()}
