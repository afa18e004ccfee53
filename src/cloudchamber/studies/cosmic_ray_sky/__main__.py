"""``python -m cloudchamber.studies.cosmic_ray_sky``: builds the lens of a Galactic magnetic field, with progress on stderr."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from cloudchamber.parallel.cores import usable_cores
from cloudchamber.parsing import parse
from cloudchamber.studies.cosmic_ray_sky.galaxy import lens_build


@dataclass(frozen=True)
class BuildLens:
    """Follow cosmic rays of all directions and rigidities back through a Galactic magnetic field: some minutes, once.

    For example:
    $ python -m cloudchamber.studies.cosmic_ray_sky build-lens --settings.field uf23-base --workers 8
    """

    settings: lens_build.LensSettings = field(default_factory=lens_build.LensSettings)
    size: Literal["full", "small"] = "full"
    """full: the settings given, into the cache; small: the one that ships with the package."""
    workers: int = field(default_factory=usable_cores)
    """Processes; the lens does not depend on their number."""
    executor: str = "processes"
    """Where: processes, dask (a local cluster), dask://HOST:PORT, or a YAML file for dask-jobqueue (see docs/scale.md)."""
    out: Path | None = None
    """File to write in place of the cached or the packaged one."""

    def run(self, console: Console) -> None:
        small = self.size == "small"
        settings = lens_build.SMALL if small else self.settings
        path = self.out or (lens_build.PACKAGED if small else lens_build.lens_path(settings))
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn())
        with Progress(*columns, console=console) as bars:
            bar = bars.add_task(f"lens of {settings.field} (once)", total=None)
            lens_build.build_lens(path, settings, self.workers, lambda done, total: bars.update(bar, completed=done, total=total), self.executor)
        console.print(f"{path}: {path.stat().st_size / 1e6:.1f} MB", highlight=False)


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse and run; an error becomes one red line and the exit code 2."""
    console = Console(stderr=True, soft_wrap=True)
    try:
        parse({"build-lens": BuildLens}, sys.argv[1:] if arguments is None else arguments, "python -m cloudchamber.studies.cosmic_ray_sky").run(console)
    except (ValueError, OSError, RuntimeError, ImportError) as error:
        console.print(Text(f"error: {error}", style="bold red"))
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
