"""Magnetic lenses, interaction tables and fluxes that are none, arrays that numpy saved, files that the system does not read, files that hold one primary."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from bad_inputs.case import Case, World
from bad_inputs.damage import GARBAGE, folder, half, middle, nowhere, text
from bad_inputs.tables import good

Make = Callable[[World, Path], Path]


def packaged(name: str, change: Callable[[bytes], bytes]) -> Make:
    """A copy of the packaged lens or interaction table, changed."""

    def make(world: World, here: Path) -> Path:
        from cloudchamber.studies.airshower.hybrid.tables import PACKAGED as TABLES
        from cloudchamber.studies.cosmic_ray_sky.galaxy.lens_build import PACKAGED as LENS

        (here / "bad.npz").write_bytes(change({"lens": LENS, "tables": TABLES}[name].read_bytes()))
        return here / "bad.npz"

    return make


def arrays(**change: Callable[[np.ndarray], np.ndarray] | None) -> Make:
    """The packaged interaction table with some arrays changed, or missing."""

    def make(world: World, here: Path) -> Path:
        from cloudchamber.studies.airshower.hybrid.tables import PACKAGED

        with np.load(PACKAGED) as data:
            found = {name: data[name] for name in data.files}
        for name, each in change.items():
            values = found.pop(name)
            if each is not None:
                found[name] = each(values)
        np.savez(here / "bad.npz", **found)
        return here / "bad.npz"

    return make


def saved(suffix: str) -> Make:
    """Theta as numpy saves it."""

    def make(world: World, here: Path) -> Path:
        path = here / f"bad{suffix}"
        np.save(path, good()["lifetime_us"]) if suffix == ".npy" else np.savez(path, **good())
        return path

    return make


def unread(suffix: str) -> Make:
    """A file that opens and gives an error for each read, to root too."""

    def make(world: World, here: Path) -> Path:
        (here / f"bad{suffix}").symlink_to("/proc/self/mem")
        return here / f"bad{suffix}"

    return make


def forbidden(world: World, here: Path) -> Path:
    (here / "bad.csv").write_text("lifetime_us\n1\n")
    (here / "bad.csv").chmod(0)
    return here / "bad.csv"


def fluxes() -> list[Case]:
    """Flux tables that are none, and detectors that cannot be."""
    words = "simulate bolometer {out} --n 2 --workers 1 --settings.rays.table {bad}"
    rows = {
        "of NaN": ("0.03,1,1\n0.1,nan,1\n400,1,1", "column 'proton_flux', row 2: nan"),
        "negative": ("0.03,1,1\n0.1,1,-1\n400,1,1", "column 'helium_flux', row 2: -1; a flux is above 0"),
        "unsorted": ("0.03,1,1\n0.2,1,1\n0.1,1,1\n400,1,1", "column 'energy_gev', row 3: 0.1; energies must rise"),
        "too short": ("0.1,1,1\n400,1,1", "covers 0.1 to 400 GeV, 0.039 to 300 GeV are needed"),
    }
    head = "energy_gev,proton_flux,helium_flux\n"
    found = [Case(f"flux table: {name}", words, rf"bad\.csv.*{told}", text(".csv", f"{head}{lines}\n")) for name, (lines, told) in rows.items()]
    found.append(Case("flux table: a folder", words.replace("{bad}", "{here}"), r"flux table '.*': is a folder, and a file is needed"))
    found.append(Case("flux table: absent", words, r"absent\.csv.*there is no such file", nowhere(".csv")))
    theta = "simulate bolometer {out} --workers 1 --simulator windows"
    view = f"{theta} --n 2"
    return [
        *found,
        Case("a rate that no filter represents", f"{view} --settings.detector.rate-hz 19", r"rate_hz: 19 is outside the allowed \[96.46, 1e\+06\] Hz"),
        Case("no samples", f"{view} --settings.samples 0", r"samples: 0 is outside the allowed"),
        Case("phi out of range", f"{theta} --theta {{bad}}", r"'phi_mv': 5000 .* \[0, 2000\] MV", text(".csv", "phi_mv,thickness_um\n5000,500\n")),
        Case("years without a phi", f"{view} --settings.conditions.years 2009 2032", r"year: 2032 is outside the allowed \[2009, 2023\]"),
        Case("a range of phi that falls", f"{view} --settings.conditions.phi-mv 500 400", r"phi_mv: needs 0 <= low <= high <= 2000, got 500 and 400"),
    ]


def template(values: float, name: str = "a") -> Make:
    """A template of a sky, of these values in its corner and 1 elsewhere."""

    def make(world: World, here: Path) -> Path:
        image = np.ones((32, 32))
        image[0, 0] = values
        np.savez(here / "bad.npz", **{name: image})
        return here / "bad.npz"

    return make


def templates() -> list[Case]:
    """Files of templates for skies of the Galactic Centre."""
    words = "simulate galactic_centre {out} --n 2 --workers 1 --simulator templates --settings.nside 32 --settings.file {bad} --settings.pi0 a"
    both, told = f"{words} --settings.inverse-compton none", r"bad\.npz"
    makes = {
        "folder": folder(".npz"),
        "text": text(".npz", "no template\n"),
        "other arrays": saved(".npz"),
        "NaN": template(np.nan),
        "negative": template(-1.0),
    }
    return [
        *(Case(f"templates: {name}", both, told, make) for name, make in makes.items()),
        Case("templates: absent", both, r"there is no file '.*absent\.npz'", nowhere(".npz")),
        Case("templates: text as FITS", both, r"bad\.fits", text(".fits", "no template\n")),
        Case("templates: another name", both, r"has no template 'a'.*it has: b", template(1.0, "b")),
        Case("templates: one name too few", words, "inverse_compton: needs one name for each of pi0, 1, got 0; 'none' where", template(1.0)),
    ]


def cases() -> list[Case]:
    shower = "simulate airshower {out} --n 2 --workers 1 --settings.tables {bad}"
    sky = "simulate cosmic_ray_sky {out} --n 2 --workers 1 --simulator jf12 --settings.lens {bad}"
    found = templates()
    for kind, words in (("tables", shower), ("lens", sky)):
        damages = {"half": half, "garbage": lambda _: GARBAGE, "empty": lambda _: b"", "middle overwritten": middle}
        found += [Case(f"{kind}: {name}", words, r"bad\.npz", packaged(kind, change)) for name, change in damages.items()]
        found += [Case(f"{kind}: folder", words, r"bad\.npz", folder(".npz")), Case(f"{kind}: absent", words, r"absent\.npz", nowhere(".npz"))]
        found.append(Case(f"{kind}: text", words, r"bad\.npz", text(".npz", "no table\n")))
        found.append(Case(f"{kind}: other arrays", words, r"bad\.npz", saved(".npz")))
    broken: dict[str, dict[str, Callable[[np.ndarray], np.ndarray] | None]] = {
        "an array missing": {"yields": None},
        "yields too few": {"yields": lambda values: values[:, :10]},
        "yields of NaN": {"yields": lambda values: np.full(values.shape, np.nan)},
        "counts beyond the events": {"event_counts": lambda values: values * 1000},
        "negative lengths": {"event_lengths": lambda values: -np.abs(values.astype(np.int64))},
        "cross sections of another shape": {"sigma_mb": lambda values: values[:1]},
        "cross sections of NaN": {"sigma_mb": lambda values: np.full(values.shape, np.nan)},
        "species out of range": {"species": lambda values: np.full(values.shape, 9, values.dtype)},
        "fragments too heavy": {"fragments": lambda values: np.full(values.shape, 200, values.dtype)},
        "arrays of objects": {"yields": lambda values: np.array([None, "a"], object)},
    }
    found += [Case(f"tables: {name}", shower, r"bad\.npz", arrays(**change)) for name, change in broken.items()]
    doors = ("simulate toy {out} --theta {bad} --workers 1", "sample {run} {here}/a.csv --given {bad}", "convert toy {bad} --out {out}")
    found += [Case(f"{suffix} by {words.split()[0]}", words, rf"how to read 'bad\{suffix}'", saved(suffix)) for suffix in (".npy", ".npz") for words in doors]
    if os.path.exists("/proc/self/mem"):
        found += [Case(f"unreadable {suffix}", doors[2], rf"bad\{suffix}", unread(suffix)) for suffix in (".csv", ".h5", ".parquet", ".ecsv")]
        found.append(Case("unreadable events of Auger", "convert surface_array {bad} --out {out}", r"bad\.json", unread(".json")))
        found.append(Case("unreadable overrides", "train toy {decays} {out} --overrides {bad}", r"bad\.json", unread(".json")))
    if os.geteuid() != 0:
        found.append(Case("a file that may not be read", doors[2], r"bad\.csv", forbidden))
    found += fluxes()
    mixed = "a CONEX file holds one primary, got p, .*photon: write one file for each"
    found.append(Case("several primaries into one .root", "sample airshower {here}/a.root --n 40", mixed))
    return found
