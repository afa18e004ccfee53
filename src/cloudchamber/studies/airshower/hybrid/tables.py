"""The hybrid simulator's tables: built once from a generator into a cache, loaded by every worker; a small one ships with the package."""

from __future__ import annotations

import hashlib
import io
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np

from cloudchamber.atomic import write_atomically
from cloudchamber.cache import building, cache_folder, run_builder
from cloudchamber.parallel.executors import Where, run
from cloudchamber.studies.airshower.hybrid.interactions import (
    LG_ENERGIES,
    PROJECTILES,
    SPECIES,
    Fragmentations,
    Interactions,
    cross_sections_mb,
    find_model,
    fragmentations,
    generate,
    library_energies_gev,
    load_generator,
    nuclear_cross_sections_mb,
)

PACKAGED = Path(__file__).parent / "tables_small.npz"
REPLAY_FROM = 6
"""Library energies from lg(E/GeV) = 3.0 upwards are kept event by event; those below serve the mean yields alone."""
BUILD_MINUTES = 16
"""What the full table takes on one core of a server; less on more cores."""
BUILD_COMMAND = "python -m cloudchamber.studies.airshower build-tables"
_ARRAYS = (
    "model", "thinning", "species", "codes", "event_lengths", "event_counts",
    "yields", "sigma_mb", "nuclear_sigma_mb", "wounded", "fragments", "fragment_lengths",
)  # fmt: skip
HEAVIEST = 56
"""Nucleons of the heaviest nucleus."""
NUCLEAR_LG_ENERGIES = np.array([3.0, 5.0, 7.0, 9.0])
FRAGMENT_LG_ENERGIES = (5.0, 8.0)


@dataclass(frozen=True)
class Size:
    """How many generator events a table holds: per projectile and energy, and per nucleus."""

    proton: int = 5000
    pion: int = 2500
    kaon: int = 1000
    nucleus: int = 1000
    mean: int = 3000
    thinning: float = 1e-4


SMALL = Size(proton=120, pion=60, kaon=30, nucleus=40, mean=2000, thinning=3e-3)


@dataclass(frozen=True)
class Tables:
    """Everything that the hybrid needs of hadrons.

    ``species``, ``codes``: all replayed secondaries; ``event_starts``: their offsets per event; ``first_event``: (projectile, energy + 1) into those.
    ``yields``: (projectile, node, products); ``sigma_mb``: (projectile, energy); ``nuclear_sigma_mb``: (57, 4);
    ``wounded`` (2, 57, events), ``fragments``, ``fragment_starts`` (2, 57 * events + 1).
    """

    model: str
    thinning: float
    species: np.ndarray
    codes: np.ndarray
    event_starts: np.ndarray
    first_event: np.ndarray
    yields: np.ndarray
    sigma_mb: np.ndarray
    nuclear_sigma_mb: np.ndarray
    wounded: np.ndarray
    fragments: np.ndarray
    fragment_starts: np.ndarray
    digest: str


def table_path(model: str) -> Path:
    """The cached full table of a model."""
    return cache_folder("airshower") / f"tables_{model}.npz"


def ensure_tables(model: str) -> Path:
    """The cached table of ``model``, built first where it is missing: once, even if several workers ask at the same time; ValueError where that fails."""
    path = table_path(model)
    with building(path) as missing:
        if missing:
            sys.stderr.write(announcement())
        if missing and not run_builder(BUILD_COMMAND, "--model", model):
            raise ValueError(f"the interaction table of '{model}' could not be built, for the reason above; try again with: {BUILD_COMMAND} --model {model}")
    return path


def announcement() -> str:
    """What is said before a table is built."""
    first = f"the full interaction table is built first, once: some {BUILD_MINUTES} minutes on one core"
    return f"{first};\n--settings.tables packaged simulates at once, with a small table that ships\n"


@dataclass(frozen=True)
class TableJob:
    """A part of the table: the interactions at one energy (``number`` of 47), the break-ups at one (of 2), or all cross-sections."""

    part: Literal["energy", "fragments", "cross-sections"]
    number: int
    model: str
    size: Size
    seed: int

    def done(self) -> Any:
        """It, from a generator that was not used before: the generators keep their random state for the life of a process."""
        if self.part == "energy":
            return _generate_energy(self.model, self.number, self.size, self.seed)
        return _generate_fragments(self.model, self.number, self.size, self.seed) if self.part == "fragments" else _sections(self.model, self.seed)

    def __str__(self) -> str:
        return f"{self.part} {self.number} of {self.model}, seed {self.seed}"


def build_tables(
    path: Path,
    model: str = "Sibyll23d",
    size: Size = Size(),
    seed: int = 1,
    workers: int = 2,
    progress: Callable[[int, int], None] | None = None,
    executor: Where = None,
) -> Path:
    """Generate interactions and break-ups and write the table atomically; the result does not depend on ``workers`` or the ``executor``."""
    from cloudchamber.studies.airshower.hybrid.hadron_table import interaction_yields

    find_model(model)
    replayed: dict[tuple[str, int], Interactions] = {}
    averaged: dict[tuple[str, int], Interactions] = {}
    found: dict[tuple[str, int], Any] = {}
    counts_of: dict[Literal["energy", "fragments", "cross-sections"], int] = {
        "energy": LG_ENERGIES,
        "fragments": len(FRAGMENT_LG_ENERGIES),
        "cross-sections": 1,
    }
    jobs = [TableJob(part, number, model, size, seed) for part, count in counts_of.items() for number in range(count)]
    for done, (job, made) in enumerate(run(TableJob.done, jobs, executor, workers, fresh=True), start=1):
        if job.part == "energy":
            for i, (projectile, events) in enumerate(zip(PROJECTILES, made, strict=True)):
                averaged[projectile, job.number] = events
                replayed[projectile, job.number] = _first(events, _replayed(size)[i])
        else:
            found[job.part, job.number] = made
        if progress is not None:
            progress(done, len(jobs))
    broken: list[Fragmentations] = [found["fragments", i] for i in range(len(FRAGMENT_LG_ENERGIES))]
    sigma, nuclear = found["cross-sections", 0]
    chosen = [(p, e) for p in PROJECTILES for e in range(REPLAY_FROM, LG_ENERGIES)]
    counts = np.array([len(replayed[key].offsets) - 1 for key in chosen]).reshape(len(PROJECTILES), -1)
    lengths = np.concatenate([np.diff(replayed[key].offsets) for key in chosen])
    arrays: dict[str, Any] = {
        "model": np.array(model),
        "thinning": np.array(size.thinning),
        "species": np.concatenate([replayed[key].species for key in chosen]),
        "codes": np.concatenate([replayed[key].fraction_code for key in chosen]),
        "event_lengths": lengths.astype(np.uint16),
        "event_counts": counts,
        "yields": interaction_yields(averaged),
        "sigma_mb": sigma,
        "nuclear_sigma_mb": nuclear,
        "wounded": np.stack([each.wounded for each in broken]),
        "fragments": np.concatenate([each.fragments for each in broken]),
        "fragment_lengths": np.stack([np.diff(each.offsets) for each in broken]).astype(np.uint8),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    write_atomically(path, file.getvalue())
    return path


@lru_cache(maxsize=2)
def load_tables(path: Path) -> Tables:
    """Read a table; ValueError names a file that is missing or broken and the command that builds it."""
    try:
        with open(path, "rb") as file, np.load(file) as data:
            raw = {name: data[name] for name in data.files}
        missing = [name for name in _ARRAYS if name not in raw]
        if missing:
            raise ValueError(f"'{missing[0]}' is missing")
        _refuse_unlike(raw)
    except Exception as error:
        raise ValueError(f"cannot read the interaction table {path} ({error}); delete it and run: {BUILD_COMMAND}") from error
    starts = np.concatenate([[0], np.cumsum(raw["event_lengths"], dtype=np.int64)])
    first = np.concatenate([[0], np.cumsum(raw["event_counts"].ravel())])
    per_energy = raw["event_counts"].shape[1]
    first_event = np.stack([first[i * per_energy : (i + 1) * per_energy + 1] for i in range(len(PROJECTILES))])
    lengths = raw["fragment_lengths"].astype(np.int64)
    flat = np.concatenate([[0], np.cumsum(lengths.ravel())])
    fragment_starts = np.stack([flat[i * lengths.shape[1] : (i + 1) * lengths.shape[1] + 1] for i in range(len(lengths))])
    return Tables(
        model=str(raw["model"]),
        thinning=float(raw["thinning"]),
        species=raw["species"],
        codes=raw["codes"],
        event_starts=starts,
        first_event=first_event,
        yields=raw["yields"],
        sigma_mb=raw["sigma_mb"],
        nuclear_sigma_mb=raw["nuclear_sigma_mb"],
        wounded=raw["wounded"],
        fragments=raw["fragments"],
        fragment_starts=fragment_starts,
        digest=hashlib.blake2b(raw["codes"].tobytes() + raw["yields"].tobytes(), digest_size=8).hexdigest(),
    )


def _refuse_unlike(raw: dict[str, np.ndarray]) -> None:
    """ValueError names an array whose shape or numbers cannot be: compiled code follows them without looking."""
    from cloudchamber.studies.airshower.hybrid.hadron_table import BINS, PRODUCTS

    counts, lengths, broken = raw["event_counts"], raw["event_lengths"], raw["fragment_lengths"]
    whole = ("species", "codes", "event_lengths", "event_counts", "wounded", "fragments", "fragment_lengths")
    if wrong := [name for name in _ARRAYS[1:] if raw[name].dtype.kind not in ("iu" if name in whole else "f")]:
        raise ValueError(f"'{wrong[0]}' holds {raw[wrong[0]].dtype}")
    replayed, masses = LG_ENERGIES - REPLAY_FROM, raw["nuclear_sigma_mb"].shape[0]
    events = raw["wounded"].shape[-1]
    shapes = {
        "event_counts": (len(PROJECTILES), replayed),
        "event_lengths": (int(counts.sum()),),
        "species": (int(lengths.sum(dtype=np.int64)),),
        "codes": (int(lengths.sum(dtype=np.int64)),),
        "yields": (len(PROJECTILES), BINS, PRODUCTS * BINS + 2),
        "sigma_mb": (len(PROJECTILES), LG_ENERGIES),
        "nuclear_sigma_mb": (HEAVIEST + 1, len(NUCLEAR_LG_ENERGIES)),
        "wounded": (len(FRAGMENT_LG_ENERGIES), masses, events),
        "fragment_lengths": (len(FRAGMENT_LG_ENERGIES), masses * events),
        "fragments": (int(broken.sum(dtype=np.int64)),),
    }
    if wrong := [name for name, shape in shapes.items() if raw[name].shape != shape]:
        raise ValueError(f"'{wrong[0]}' has the shape {raw[wrong[0]].shape}, wanted {shapes[wrong[0]]}")
    most = {"species": len(SPECIES) - 1, "wounded": HEAVIEST, "fragments": HEAVIEST}
    for name in _ARRAYS[1:]:
        if raw[name].size and not (np.isfinite(raw[name]).all() and raw[name].min() >= 0 and raw[name].max() <= most.get(name, np.inf)):
            raise ValueError(f"'{name}' holds {raw[name].min()} to {raw[name].max()}, which cannot be")


def _replayed(size: Size) -> tuple[int, int, int]:
    return size.proton, size.pion, size.kaon


def _first(events: Interactions, n: int) -> Interactions:
    stop = events.offsets[min(n, len(events.offsets) - 1)]
    return Interactions(events.species[:stop], events.fraction_code[:stop], events.offsets[: n + 1], events.thinning)


def _generate_energy(model: str, node: int, size: Size, seed: int) -> list[Interactions]:
    generator = load_generator(model, seed=1000 * seed + node)
    rng = np.random.default_rng([seed, node])
    energy = float(library_energies_gev()[node])
    counts = [max(n, size.mean) for n in _replayed(size)]
    return [generate(generator, projectile, energy, n, size.thinning, rng) for projectile, n in zip(PROJECTILES, counts, strict=True)]


def _generate_fragments(model: str, index: int, size: Size, seed: int) -> Fragmentations:
    generator = load_generator(model, seed=1000 * seed + 500 + index)
    return fragmentations(generator, FRAGMENT_LG_ENERGIES[index], size.nucleus, np.random.default_rng([seed, 500 + index]))


def _sections(model: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    generator = load_generator(model, seed=1000 * seed + 900)
    return cross_sections_mb(generator), nuclear_cross_sections_mb(generator, NUCLEAR_LG_ENERGIES)
