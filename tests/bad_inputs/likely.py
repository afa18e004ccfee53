"""Files whose values may all be, one by one, and together can only be a wrong unit or a list joined with itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from bad_inputs.case import Case, World
from bad_inputs.damage import stations

RAYS = np.random.default_rng(5)


def listed(energies: np.ndarray, times: int = 1) -> Callable[[World, Path], Path]:
    """An isotropic list of 24 cosmic rays of these energies, all of it so often."""

    def make(world: World, here: Path) -> Path:
        ra, dec = np.random.default_rng(5).uniform(0, 360, 24), np.random.default_rng(6).uniform(-60, 20, 24)
        rows = [f"{a:.2f},{d:.2f},{e:.2f}" for a, d, e in zip(ra, dec, energies, strict=True)]
        (here / "bad.csv").write_text("\n".join(["ra_deg,dec_deg,energy_eev", *rows * times]) + "\n")
        return here / "bad.csv"

    return make


def lines(*content: str) -> Callable[[World, Path], Path]:
    def make(world: World, here: Path) -> Path:
        (here / "bad.csv").write_text("\n".join(content) + "\n")
        return here / "bad.csv"

    return make


def scaled(name: str, factor: float) -> Callable[[World, Path], Path]:
    """An event of three stations with one column, or both positions, in another unit."""

    def make(world: World, here: Path) -> Path:
        import h5py

        stations(here / "bad.h5")
        with h5py.File(here / "bad.h5", "r+") as file:
            for each in ("x_m", "y_m") if name == "place" else (name,):
                values = file[each][:] * factor
                del file[each]
                file[each] = values
        return here / "bad.h5"

    return make


def events(world: World, here: Path) -> Path:
    """Events by their columns, without a record."""
    import h5py

    with h5py.File(here / "bad.h5", "w") as file:
        file["zenith_deg"] = np.array([10.0, 20.0])
    return here / "bad.h5"


def twice(world: World, here: Path) -> Path:
    """Events that no run has seen, joined with themselves."""
    from cloudchamber import workflow

    workflow.simulate("toy", here / "other", n=60, seed=9, block_events=60)
    workflow.convert("toy", [here / "other", here / "other"], here / "bad.h5")
    return here / "bad.h5"


def cases() -> list[Case]:
    steep = 32 * (1 - RAYS.uniform(0, 1, 24)) ** (-1 / 2.5)
    logarithms, again = np.log10(steep * 1e18), r"\d+ of \d+ events are an earlier one again \(event \d+ is event \d+\).*joined with itself"
    arrays = "convert surface_array {bad} --out {out}"
    beam = ",e-,0,0,5,0"
    electrons = lines("energy_mev,particle,impact_x_mm,impact_y_mm,polar_deg,azimuth_deg", "2.5" + beam, "3.1" + beam)
    sky, simulate = "infer cosmic_ray_sky {bad} --out {out} --format auger", "simulate airshower {out} --theta {bad} --workers 1"
    pairs = r"24 pair\(s\) of cosmic rays are the same.*rows 1 and 25"
    return [
        Case("a list twice by convert", "convert cosmic_ray_sky {bad} --out {out} --format auger", pairs, listed(steep, 2)),
        Case("a list twice by infer", sky, pairs, listed(steep, 2)),
        Case("lg E of cosmic rays", sky, r"energy_eev.*are these logarithms", listed(logarithms)),
        Case("E of showers for lg E", simulate, r"'lg_energy_ev'.*is this E\? give lg E", lines("lg_energy_ev", "1e17", "3e18")),
        Case("lg E of electrons", "sample calorimeter {here}/a.h5 --given {bad}", r"'energy_mev'.*are these logarithms, lg E\?", electrons),
        Case("lg E of showers on an array", arrays, r"'energy_ev'.*are these logarithms, lg E\?", lines("energy_ev,particle", "18.9,p", "19.4,Fe")),
        Case("an option of HiSPARC's for stations", arrays + " --read.mip-integral 3000", r"--read.mip-integral is of HiSPARC's files", scaled("x_m", 1.0)),
        Case("an option of records for events", arrays + " --read.step-ns 10", r"--read.step-ns is of stations' records", events),
        Case("times in microseconds", arrays, r"'start_ns'.*times in microseconds\?", scaled("start_ns", 1e-3)),
        Case("times in picoseconds", arrays, r"'start_ns'.*times in picoseconds\?", scaled("start_ns", 1e3)),
        Case("positions in kilometres", arrays, r"'start_ns'.*positions in kilometres\?", scaled("place", 1e-3)),
        Case("times in microseconds by infer", "infer surface_array {bad} --out {out}", r"'start_ns'.*times in microseconds\?", scaled("start_ns", 1e-3)),
        Case("events twice to learn from", "convert toy {bad} --out {out}", again, twice),
        Case("events twice to compare with", "validate {run} --file {bad} --n 50 --out {out}", again, twice),
    ]
