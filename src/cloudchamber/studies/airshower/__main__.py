"""``python -m cloudchamber.studies.airshower``: builds the tables of the hybrid simulator, with progress on stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from cloudchamber.parallel.cores import usable_cores
from cloudchamber.parsing import parse
from cloudchamber.studies.airshower.hybrid import em_table, tables


@dataclass(frozen=True)
class BuildTables:
    """Generate the library of hadronic interactions that the hybrid simulator replays: some minutes, once.

    For example:
    $ python -m cloudchamber.studies.airshower build-tables --workers 8
    $ python -m cloudchamber.studies.airshower build-tables --executor slurm.yaml
    """

    size: Literal["full", "small"] = "full"
    """full: into the cache; small: the one that ships with the package."""
    model: str = "Sibyll23d"
    """An event generator of chromo."""
    workers: int = field(default_factory=usable_cores)
    """Processes; the table does not depend on their number."""
    executor: str = "processes"
    """Where: processes, dask (a local cluster), dask://HOST:PORT, or a YAML file for dask-jobqueue (see docs/scale.md)."""
    out: Path | None = None
    """File to write in place of the cached or the packaged one."""

    def run(self, console: Console) -> None:
        if self.out is None and self.size == "small" and self.model != "Sibyll23d":
            raise ValueError(f"the packaged table is Sibyll23d's: give --out FILE for one of {self.model}")
        path = self.out or (tables.PACKAGED if self.size == "small" else tables.table_path(self.model))
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn())
        with Progress(*columns, console=console) as bars:
            bar = bars.add_task(f"interaction table of {self.model} (once)", total=None)
            tables.build_tables(
                path,
                self.model,
                tables.SMALL if self.size == "small" else tables.Size(),
                workers=self.workers,
                progress=lambda done, total: bars.update(bar, completed=done, total=total),
                executor=self.executor,
            )
        console.print(f"{path}: {path.stat().st_size / 1e6:.1f} MB", highlight=False)


@dataclass(frozen=True)
class BuildEmTable:
    """Solve the electromagnetic cascade equations into the table that ships with the package: a minute.

    For example:
    $ python -m cloudchamber.studies.airshower build-em-table --out my_table.npz
    """

    out: Path = em_table.PACKAGED
    """File to write."""

    def run(self, console: Console) -> None:
        with console.status("solving the electromagnetic cascade equations"):
            em_table.build_em_table().save(self.out)
        console.print(f"{self.out}: {self.out.stat().st_size / 1e6:.1f} MB", highlight=False)


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse and run; an error becomes one red line and the exit code 2."""
    commands: dict[str, Callable[..., BuildTables | BuildEmTable]] = {"build-tables": BuildTables, "build-em-table": BuildEmTable}
    console = Console(stderr=True, soft_wrap=True)
    try:
        parse(commands, sys.argv[1:] if arguments is None else arguments, "python -m cloudchamber.studies.airshower").run(console)
    except (ValueError, OSError, RuntimeError, ImportError) as error:
        console.print(Text(f"error: {error}", style="bold red"))
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
