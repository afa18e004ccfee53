"""Building a lens: particles of each rigidity followed back from every pixel of the sky; kept in a cache, a small one ships with the package."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import healpix
import numpy as np

from cloudchamber.atomic import write_atomically
from cloudchamber.cache import building, cache_folder, run_builder
from cloudchamber.parallel.executors import Where, run
from cloudchamber.physics.sphere import nested_pixels
from cloudchamber.rng import rng

PACKAGED = Path(__file__).parent / "lens_small.npz"
BUILD_COMMAND = "python -m cloudchamber.studies.cosmic_ray_sky build-lens"
_FINE = 2**16
"""Directions are drawn in a pixel as the centres of its sub-pixels of this nside."""


@dataclass(frozen=True)
class LensSettings:
    """``per_pixel`` particles from each of the 12 ``nside``^2 pixels in each of ``bins`` bins of lg(R/EV); ``random`` adds the random field to ``field``."""

    field: str = "jf12"
    random: bool = True
    nside: int = 64
    per_pixel: int = 8
    lg_rigidity_min: float = 0.6
    lg_rigidity_max: float = 2.5
    bins: int = 38
    seed: int = 1

    def __post_init__(self) -> None:
        if self.nside not in (8, 16, 32, 64):
            raise ValueError(f"nside: {self.nside} is not one of the allowed 8, 16, 32, 64")
        if not 1 <= self.per_pixel <= 1024 or not 1 <= self.bins <= 1000:
            raise ValueError(f"per_pixel, bins: {self.per_pixel}, {self.bins} are outside the allowed [1, 1024], [1, 1000]")
        if not -1.0 <= self.lg_rigidity_min < self.lg_rigidity_max <= 6.0:
            raise ValueError(f"lg_rigidity_min, lg_rigidity_max: {self.lg_rigidity_min}, {self.lg_rigidity_max} must rise within [-1, 6] lg(R/EV)")

    @property
    def lg_edges(self) -> np.ndarray:
        """Edges (bins + 1,) of the rigidity bins, lg(R/EV)."""
        return np.linspace(self.lg_rigidity_min, self.lg_rigidity_max, self.bins + 1)


SMALL = LensSettings(nside=16, per_pixel=8, lg_rigidity_min=0.6, lg_rigidity_max=2.4, bins=18)


def lens_path(settings: LensSettings) -> Path:
    """The cached lens of these settings, below ``CLOUDCHAMBER_CACHE`` or ``~/.cache/cloudchamber``."""
    folder = cache_folder("cosmic_ray_sky")
    kind = "random" if settings.random else "coherent"
    rigidities = f"{settings.bins}x{settings.lg_rigidity_min:g}to{settings.lg_rigidity_max:g}"
    return folder / f"lens_{settings.field}_{kind}_{settings.nside}x{settings.per_pixel}_{rigidities}_{settings.seed}.npz"


def ensure_lens(settings: LensSettings) -> Path:
    """The cached lens, built first where it is missing: once, even if several workers ask at the same time; ValueError where that fails."""
    from cloudchamber.studies.cosmic_ray_sky.galaxy.fields import field_parameters

    field_parameters(settings.field)
    path = lens_path(settings)
    options = [word for name, value in asdict(settings).items() if name != "random" for word in (f"--settings.{name.replace('_', '-')}", str(value))]
    options.append("--settings.random" if settings.random else "--settings.no-random")
    with building(path) as missing:
        if missing and not run_builder(BUILD_COMMAND, *options):
            raise ValueError(f"the lens of '{settings.field}' could not be built, for the reason above; try again with: {BUILD_COMMAND} {' '.join(options)}")
    return path


@dataclass(frozen=True)
class LensJob:
    """A bin of rigidity to follow the particles of."""

    settings: LensSettings
    number: int

    def done(self) -> np.ndarray:
        """Their end pixels (pixels, per_pixel)."""
        return _ends(self.settings, self.number)

    def __str__(self) -> str:
        return f"rigidity bin {self.number} of {self.settings.field}, seed {self.settings.seed}"


def build_lens(path: Path, settings: LensSettings, workers: int = 1, progress: Callable[[int, int], None] | None = None, executor: Where = None) -> Path:
    """Follow the particles and write the lens atomically; the result does not depend on ``workers``."""
    ends = np.empty((settings.bins, 12 * settings.nside**2, settings.per_pixel), dtype=np.uint16)
    jobs = (LensJob(settings, number) for number in range(settings.bins))
    for done, (job, found) in enumerate(run(LensJob.done, jobs, executor, workers), start=1):
        ends[job.number] = found
        if progress is not None:
            progress(done, settings.bins)
    arrays: dict[str, Any] = {"ends": ends} | {name: np.array(value) for name, value in asdict(settings).items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    write_atomically(path, file.getvalue())
    return path


@lru_cache(maxsize=2)
def read_lens(path: Path) -> tuple[LensSettings, np.ndarray]:
    """The settings and the end pixels (bins, pixels, per_pixel); ValueError names a file that is missing or broken and the command that builds it."""
    try:
        with open(path, "rb") as file, np.load(file) as data:
            settings = LensSettings(**{name: data[name].item() for name in asdict(SMALL)})
            ends = data["ends"]
        if ends.shape != (settings.bins, 12 * settings.nside**2, settings.per_pixel) or ends.max() >= 12 * settings.nside**2:
            raise ValueError(f"ends have the shape {ends.shape} or point outside the sky")
    except Exception as error:
        raise ValueError(f"cannot read the lens {path} ({error}); delete it and run: {BUILD_COMMAND}") from error
    return settings, ends


def directions_in(nside: int, pixels: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """A direction (n, 3), uniform in each of ``pixels`` (n,)."""
    parts = (_FINE // nside) ** 2
    return np.stack(healpix.pix2vec(_FINE, pixels.astype(np.int64) * parts + generator.integers(0, parts, len(pixels)), nest=True), axis=-1)


def _ends(settings: LensSettings, b: int) -> np.ndarray:
    """Pixels outside the Galaxy (pixels, per_pixel) that particles of rigidity bin ``b`` seen in each pixel come from; rigidities are uniform in lg R."""
    from cloudchamber.studies.cosmic_ray_sky.galaxy.backtrack import backtrack

    generator = rng(settings.seed, "lens", b)
    pixels = np.repeat(np.arange(12 * settings.nside**2), settings.per_pixel)
    low, high = settings.lg_edges[b : b + 2]
    rigidity = 10.0 ** generator.uniform(low, high, len(pixels))
    paths = backtrack(directions_in(settings.nside, pixels, generator), rigidity, settings.field, settings.random, generator)
    return nested_pixels(settings.nside, paths.directions).reshape(-1, settings.per_pixel).astype(np.uint16)
