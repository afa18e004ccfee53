"""CORSIKA 7 longitudinal files, DATxxxxxx.long, with the event headers of the DAT file beside them.

References: Heck and Pierog, "Extensive Air Shower Simulation with CORSIKA: A User's Guide", keyword LONGI.
"""

from __future__ import annotations

import re
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from cloudchamber.formats.hdf5 import CHUNK_EVENTS
from cloudchamber.physics.shower import xmax_parabola
from cloudchamber.schema import Table, take
from cloudchamber.studies.airshower.columns import MASS_NUMBER, PRIMARIES
from cloudchamber.studies.airshower.formats.grid import (
    Azimuths,
    LgEnergies,
    Primaries,
    Zeniths,
    checked,
    deposit_on_grid,
    need,
    numbers_on_grid,
    theta_of,
    unknown_primary,
    warn_about_cuts,
)

ATOMIC_NUMBER = {"He": 2, "N": 7, "Si": 14, "Fe": 26}
PRIMARY_OF_CODE = {1: "photon", 14: "p"} | {100 * MASS_NUMBER[name] + z: name for name, z in ATOMIC_NUMBER.items()}
CUTS = {"electrons": "energy_cutoff_electrons", "muons": "energy_cutoff_muons", "hadrons": "energy_cutoff_hadrons"}
THINNED_RECORD_BYTES = 26208
MOST_ZENITH_DEG = 80.0
"""A flat atmosphere is far off beyond."""
IONISATION = ("em_ioniz", "mu_ioniz", "hadr_ioniz")


def read_corsika7(
    path: Path,
    *,
    primary: Primaries = None,
    lg_energy_ev: LgEnergies = None,
    zenith_deg: Zeniths = None,
    azimuth_deg: Azimuths = None,
    dat: Annotated[Path | None, "the DAT file with the event headers, where it is not beside the .long file under the same name"] = None,
) -> Iterator[Table]:
    """Read a ``.long`` file in chunks: profiles, their maxima and the energies; primary, energy and direction come from ``DATxxxxxx`` or the parameters.

    A parameter is one value or one for each shower and wins over the DAT file; ``zenith_deg`` turns vertical depths into slant ones (flat atmosphere).
    The last bin of the deposit books the whole energy of the particles that hit the ground as cut: it counts as ground energy. ValueError for a file of
    another kind or cut short, and for a primary, energy or zenith that neither the file nor the parameters give.
    """
    path = Path(path)
    given = {"primary": primary, "lg_energy_ev": lg_energy_ev, "zenith_deg": zenith_deg, "azimuth_deg": azimuth_deg}
    with _readable_copy(path) as (copy, numbers):
        showers, before = _read_showers(path, copy), 0
        theta: Table = {}
        while part := list(islice(showers, CHUNK_EVENTS)):
            if before == 0:
                found = _read_headers(path, _companion(path, dat), numbers)
                theta = theta_of(given, found, len(numbers), path)
            mine = take(theta, slice(before, before + len(part)))
            rows = [_read_profiles(shower, float(zenith), path) for shower, zenith in zip(part, mine["zenith_deg"], strict=True)]
            yield checked(mine | {name: np.stack([row[name] for row in rows]) for name in rows[0]})
            before += len(part)
    if before == 0:
        raise ValueError(f"{path}: holds no shower")


@contextmanager
def _readable_copy(path: Path) -> Iterator[tuple[str, list[int]]]:
    """A copy that corsikaio understands, and the showers' numbers: CORSIKA writes '10. G/CM**2' or '10.0  G/CM**2' by version, corsikaio 0.6 knows one."""
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    numbers = []
    with tempfile.NamedTemporaryFile("w", suffix=".long") as copy:
        try:
            with path.open() as file:
                for line in file:
                    copy.write(re.sub(r" +G/CM", " G/CM", line))
                    if head := re.match(r"\s*LONGITUDINAL DISTRIBUTION IN .* FOR SHOWER\s+(\d+)", line):
                        numbers.append(int(head[1]))
        except UnicodeDecodeError as error:
            raise _unreadable(path, error) from error
        copy.flush()
        yield copy.name, numbers


def _read_showers(path: Path, copy: str) -> Iterator[dict[str, Any]]:
    showers = need("corsikaio").read_longitudinal_distributions(copy)
    while True:
        try:
            # numpy only warns of a table that breaks off
            with warnings.catch_warnings():
                warnings.simplefilter("error", UserWarning)
                shower = next(showers, None)
        except (OSError, ValueError, RuntimeError, StopIteration, UserWarning) as error:
            raise _unreadable(path, error) from error
        if shower is None:
            return
        for part in ("particles", "energy_deposition"):
            if shower[part].size != shower["n_steps"]:
                raise ValueError(f"{path}: shower {shower['shower']} announces {shower['n_steps']} steps, its {part} hold {shower[part].size}: cut short?")
        yield shower


def _unreadable(path: Path, error: Exception) -> ValueError:
    return ValueError(f"{path}: not a readable CORSIKA 7 .long file (damaged or cut short?): {error}")


def _read_profiles(shower: dict[str, Any], zenith_deg: float, path: Path) -> dict[str, Any]:
    what = f"{path}: shower {shower['shower']}"
    if not shower["slant"] and not zenith_deg < MOST_ZENITH_DEG:
        raise ValueError(f"{what}: vertical depths and a zenith angle of {zenith_deg:g} deg; allowed: below {MOST_ZENITH_DEG:g} deg (or simulate with SLANT)")
    slant = 1.0 if shower["slant"] else 1 / np.cos(np.radians(zenith_deg))
    particles, deposits = shower["particles"], shower["energy_deposition"]
    total = deposits["sum"] - deposits["neutrino"]
    # the file goes on one empty step past the ground
    steps = int(np.flatnonzero(total)[-1]) + 1 if total.any() else len(total)
    deposited = total[:steps].copy()
    deposited[-1] = sum(deposits[name][steps - 1] for name in IONISATION)
    half = shower["step_width"] / 2
    edges = np.append(deposits["depth"][:steps] - half, deposits["depth"][steps - 1] + half) * slant
    depth = particles["depth"] * slant
    electrons = particles["positrons"] + particles["electrons"]
    profiles = {
        "n_electron": numbers_on_grid(depth, electrons, f"{what}, electrons"),
        "n_muon": numbers_on_grid(depth, particles["mu_plus"] + particles["mu_minus"], f"{what}, muons"),
        "n_hadron": numbers_on_grid(depth, particles["hadrons"], f"{what}, hadrons"),
        "energy_deposit_gev_per_g_cm2": deposit_on_grid(edges, deposited, f"{what}, energy deposit"),
    }
    (xmax,), (nmax,) = xmax_parabola(depth, electrons[None])
    (xmax_deposit,), _ = xmax_parabola((edges[1:] + edges[:-1]) / 2, deposited[None])
    return profiles | {
        "xmax_g_cm2": xmax,
        "nmax": nmax,
        "xmax_deposit_g_cm2": xmax_deposit,
        "calorimetric_energy_gev": deposited.sum(),
        "ground_energy_gev": total[steps - 1] - deposited[-1],
        "invisible_energy_gev": deposits["neutrino"].sum(),
    }


def _companion(path: Path, dat: Path | str | None) -> Path | None:
    """The DAT file: the one that is named, else the one beside ``path``, where there is one."""
    if dat is not None:
        if not Path(dat).is_file():
            raise ValueError(f"{path}: --read.dat: there is no file '{dat}'")
        return Path(dat)
    data = path.with_suffix("")
    return data if data.is_file() and re.fullmatch(r"(DAT|CER)\d+.*", data.name) else None


def _read_headers(path: Path, data: Path | None, numbers: list[int]) -> dict[str, np.ndarray]:
    """Theta from the event headers of the DAT file; nothing where there is none."""
    if data is None:
        return {}
    corsikaio, io = need("corsikaio"), need("corsikaio.io")
    try:
        with corsikaio.CorsikaParticleFile(data, thinning=io.read_buffer_size(data) == THINNED_RECORD_BYTES) as file:
            _, headers, _ = file.read_headers()
    except (OSError, ValueError, StopIteration) as error:
        raise ValueError(
            f"{data}: not a readable CORSIKA 7 file (damaged or cut short?); name another with --read.dat, or move it away and give --read.primary: {error}"
        ) from error
    by_number = {int(header["event_number"]): header for header in headers}
    absent = [number for number in numbers if number not in by_number]
    if absent:
        raise ValueError(f"{data}: no event {absent[0]}, which {path.name} holds; its events: {', '.join(map(str, by_number))}")
    chosen = [by_number[number] for number in numbers]
    codes = [int(header["particle_id"]) for header in chosen]
    strange = [code for code in codes if code not in PRIMARY_OF_CODE]
    if strange:
        raise unknown_primary(data, f"with CORSIKA code {strange[0]}")
    warn_about_cuts(data, {kind: float(chosen[0][field]) for kind, field in CUTS.items()})
    return {
        "primary": np.array([PRIMARIES.index(PRIMARY_OF_CODE[code]) for code in codes]),
        "lg_energy_ev": np.array([np.log10(header["total_energy"]) + 9 for header in chosen]),
        "zenith_deg": np.array([np.degrees(header["zenith"]) for header in chosen]),
        "azimuth_deg": np.array([(np.degrees(header["azimuth"]) + 180) % 360 - 180 for header in chosen]),
    }
