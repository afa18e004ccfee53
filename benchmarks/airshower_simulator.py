"""The hybrid simulator against published numbers: Xmax of nuclei, elongation rate, muons, energy deposit, energy closure, and the electron's Xmax.

$ python benchmarks/airshower_simulator.py --showers 4000 --workers 2 --markdown gate.md

Showers of fixed energy at 60 degrees, so that profiles end below the maximum. The exit code is 1 where a value misses its limit.

References: De Domenico et al., JCAP 07 (2013) 050, with the Sibyll 2.3d parameters (generalised Gumbel distribution of Xmax); T. Bergmann et al.,
Astropart. Phys. 26 (2007) 420 (CONEX, whose 1e17 eV electron reaches its maximum at 741.8 g/cm2 and whose A = 20 deposits 1.51e-3 E per g/cm2 there).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import tyro
from rich.console import Console
from rich.table import Table as Grid

from cloudchamber import screen
from cloudchamber.physics.atmosphere import density_along_track_g_cm3
from cloudchamber.physics.gumbel import gumbel_mean, gumbel_variance
from cloudchamber.physics.shower import xmax_parabola
from cloudchamber.rng import rng
from cloudchamber.schema import Table, take
from cloudchamber.store.read import Store
from cloudchamber.studies.airshower.columns import DEPTH_STEP_G_CM2, MASS_NUMBER, PRIMARIES
from cloudchamber.workflow import simulate

ZENITH_DEG = 60.0
COMPARED = ("p", "He", "N", "Fe", "photon")
LG_ENERGIES = (17.0, 18.0, 19.0)
MEAN_LIMIT, SIGMA_LIMIT, CLOSURE_LIMIT, ELECTRON_LIMIT = 5.0, 4.0, 0.01, 5.0
CONEX_ELECTRON_G_CM2 = 741.8
CONEX_DEPOSIT, CONEX_MASS, DEPOSIT_LIMIT = 1.51e-3, 20, 0.05
MUONS_AT = 100
"""The node of 1000 g/cm2."""


@dataclass(frozen=True)
class Options:
    """What to run."""

    showers: int = 4000
    """Showers of each primary at each energy, and electrons."""
    workers: int = field(default_factory=lambda: os.cpu_count() or 1)
    """Processes."""
    seed: int = 1
    """Same seed, same showers."""
    tables: str = "cached"
    """cached (the full interaction table), packaged (the small one) or a file."""
    threshold: float = 0.005
    """Share of the energy above which particles are followed one by one."""
    markdown: Path | None = None
    """Write the tables there too."""


class Row(NamedTuple):
    """A measured number, its statistical error, what it should be, and how far off it may be (None: for information)."""

    what: str
    value: float
    error: float
    reference: float | None = None
    limit: float | None = None
    relative: bool = False

    @property
    def delta(self) -> float | None:
        """Value less reference, over the reference if relative."""
        return None if self.reference is None else (self.value - self.reference) / (self.reference if self.relative else 1.0)

    @property
    def passed(self) -> bool | None:
        """Whether it keeps within its limit."""
        return None if self.limit is None or self.delta is None else bool(abs(self.delta) <= self.limit)


def run(options: Options) -> Table:
    """Theta and x of all showers."""
    conditions = [(PRIMARIES.index(primary), lg) for primary in COMPARED for lg in LG_ENERGIES]
    n = options.showers
    theta = {
        "primary": np.repeat([code for code, _ in conditions], n),
        "lg_energy_ev": np.repeat([lg for _, lg in conditions], n),
        "zenith_deg": np.full(n * len(conditions), ZENITH_DEG),
        "azimuth_deg": np.zeros(n * len(conditions)),
    }
    settings = {"tables": options.tables, "threshold": options.threshold}
    with TemporaryDirectory() as folder, screen.progress("simulating", "showers") as told:
        simulate("airshower", folder, seed=options.seed, settings=settings, workers=options.workers, block_events=200, theta=theta, progress=told)
        return Store(folder).read()


def chosen(showers: Table, primary: str, lg_energy_ev: float) -> Table:
    """The showers of one primary at one energy."""
    return take(showers, (showers["primary"] == PRIMARIES.index(primary)) & (np.abs(showers["lg_energy_ev"] - lg_energy_ev) < 0.01))


def mean(values: np.ndarray) -> tuple[float, float]:
    """Mean and standard error."""
    values = np.asarray(values, dtype=float)
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values)))


def spread(values: np.ndarray) -> tuple[float, float]:
    """Standard deviation and its error, from the fourth moment."""
    values = np.asarray(values, dtype=float)
    sigma = float(values.std(ddof=1))
    fourth = float(((values - values.mean()) ** 4).mean())
    return sigma, float(np.sqrt(max(fourth - sigma**4, 0.0) / len(values)) / (2.0 * sigma))


def xmax_rows(showers: Table) -> Iterator[tuple[str, float, Row, Row, Row]]:
    """Primary, lg(E/eV), <Xmax>, sigma(Xmax) and energy closure."""
    for primary in COMPARED:
        for lg in LG_ENERGIES:
            x = chosen(showers, primary, lg)
            closure = (x["calorimetric_energy_gev"] + x["ground_energy_gev"] + x["invisible_energy_gev"]) / 10.0 ** (lg - 9.0)
            ln_a = np.log(MASS_NUMBER[primary]) if primary != "photon" else None
            references = (None, None) if ln_a is None else (float(gumbel_mean(ln_a, lg)), float(np.sqrt(gumbel_variance(ln_a, lg))))
            yield (
                primary,
                lg,
                Row("<Xmax>", *mean(x["xmax_g_cm2"]), references[0], MEAN_LIMIT),
                Row("sigma", *spread(x["xmax_g_cm2"]), references[1], SIGMA_LIMIT),
                Row("closure", *mean(closure), 1.0, CLOSURE_LIMIT),
            )


def other_rows(showers: Table, options: Options) -> Iterator[Row]:
    """Elongation rates, muons, energy deposit, electron."""
    decades = LG_ENERGIES[-1] - LG_ENERGIES[0]
    for primary in COMPARED:
        (low, low_error), (high, high_error) = (mean(chosen(showers, primary, lg)["xmax_g_cm2"]) for lg in (LG_ENERGIES[0], LG_ENERGIES[-1]))
        reference, limit = None, None
        if MASS_NUMBER[primary]:
            ends = [float(gumbel_mean(np.log(MASS_NUMBER[primary]), lg)) for lg in (LG_ENERGIES[0], LG_ENERGIES[-1])]
            reference, limit = (ends[1] - ends[0]) / decades, MEAN_LIMIT
        name = f"elongation rate of {primary}, {LG_ENERGIES[0]:g} to {LG_ENERGIES[-1]:g} (g/cm2 a decade)"
        yield Row(name, (high - low) / decades, float(np.hypot(low_error, high_error)) / decades, reference, limit)
    muons = {primary: mean(chosen(showers, primary, 18.0)["n_muon"][:, MUONS_AT]) for primary in COMPARED}
    for primary in ("p", "Fe"):
        number, error = muons[primary]
        yield Row(f"lg N_mu of {primary} at 1e18 eV, 1000 g/cm2", float(np.log10(number)), error / number / np.log(10.0))
    for primary, centre, within in (("Fe", 1.35, 0.15), ("photon", 0.15, 0.10)):
        ratio = muons[primary][0] / muons["p"][0]
        error = ratio * np.hypot(muons[primary][1] / muons[primary][0], muons["p"][1] / muons["p"][0])
        yield Row(f"N_mu ratio {primary}/p at 1e18 eV, 1000 g/cm2", ratio, float(error), centre, within)
    heights = {primary: mean(chosen(showers, primary, 18.0)["energy_deposit_gev_per_g_cm2"].max(axis=1) / 1e9) for primary in COMPARED}
    for primary in ("p", "Fe", "photon"):
        yield Row(f"dE/dX_max / E of {primary} at 1e18 eV (cm2/g)", *heights[primary])
    masses = np.log([MASS_NUMBER[primary] for primary in ("N", "Fe")])
    share = (np.log(CONEX_MASS) - masses[0]) / (masses[1] - masses[0])
    (light, light_error), (heavy, heavy_error) = heights["N"], heights["Fe"]
    height, error = light + share * (heavy - light), float(np.hypot((1 - share) * light_error, share * heavy_error))
    yield Row(f"dE/dX_max / E of A = {CONEX_MASS} at 1e18 eV, between N and Fe (cm2/g)", height, error, CONEX_DEPOSIT, DEPOSIT_LIMIT, relative=True)
    yield Row("<Xmax> of a 1e17 eV electron (g/cm2)", *mean(electron_xmax(options.showers, options.seed)), CONEX_ELECTRON_G_CM2, ELECTRON_LIMIT)


def electron_xmax(n: int, seed: int) -> np.ndarray:
    """Xmax of ``n`` vertical electrons of 1e17 eV."""
    from cloudchamber.studies.airshower.hybrid.em_cascade import ELECTRON, PHOTON, em_shower
    from cloudchamber.studies.airshower.hybrid.em_table import load_em_table

    table, random, energy = load_em_table(), rng(seed, "electron"), 1e8
    depths, energies = len(table.depth_g_cm2), len(table.energy_gev)
    density = density_along_track_g_cm3(np.array([0.0]), table.depth_g_cm2)[0]
    found = np.empty(n)
    for i in range(n):
        source, charged, unused, none = np.zeros((2, energies, depths)), np.zeros(depths), np.zeros((2, depths)), np.zeros((0, 2))
        em_shower(
            ELECTRON, energy, 0.0, 0.03 * energy, DEPTH_STEP_G_CM2, density, table.energy_gev,
            source[PHOTON], source[ELECTRON], charged, unused[0], unused[1], none, random,
        )  # fmt: skip
        found[i] = xmax_parabola(table.depth_g_cm2, (charged + table.evaluate(source)[0])[None])[0][0]
    return found


def number(row: Row) -> list[str]:
    """Value with error, reference and delta in words."""
    digits = max(1, 2 - int(np.floor(np.log10(abs(row.value) or 1.0)))) if abs(row.value) < 10 else 1
    reference = "" if row.reference is None else f"{row.reference:.{digits}f}"
    delta = "" if row.delta is None else f"{100 * row.delta:+.1f} %" if row.relative else f"{row.delta:+.{digits}f}"
    return [f"{row.value:.{digits}f} ± {row.error:.{digits}f}", reference, delta]


def verdict(rows: tuple[Row, ...]) -> str:
    """Passed, failed, or nothing where there is no limit."""
    known = [row.passed for row in rows if row.passed is not None]
    return "" if not known else "passed" if all(known) else "FAILED"


def show(title: str, heads: list[str], lines: list[list[str]]) -> str:
    """Print a table; returns it in markdown."""
    grid = Grid(title=title, title_justify="left")
    for head in heads:
        grid.add_column(head, justify="left" if head in ("", "primary", "quantity") else "right")
    for line in lines:
        grid.add_row(*[{"passed": "[green]passed[/]", "FAILED": "[red]FAILED[/]"}.get(cell, cell) for cell in line])
    console = Console()
    # into a file, too, nothing is cut
    console.print(grid, width=max(console.width, 140))
    marks = "|".join(":--" if head in ("", "primary", "quantity") else "--:" for head in heads)
    return "\n".join([f"{title}", "", f"| {' | '.join(heads)} |", f"|{marks}|", *(f"| {' | '.join(line)} |" for line in lines), ""])


def main(options: Options) -> int:
    """Simulate, compare, print; 1 where a limit fails."""
    showers = run(options)
    main_rows = list(xmax_rows(showers))
    others = list(other_rows(showers, options))
    parts = [
        show(
            f"Xmax (g/cm²) at {ZENITH_DEG:g}°, {options.showers} showers each, against the generalised Gumbel distribution of Sibyll 2.3d; "
            f"limits: mean {MEAN_LIMIT:g}, sigma {SIGMA_LIMIT:g}, energy closure {100 * CLOSURE_LIMIT:g} %",
            ["primary", "lg(E/eV)", "⟨Xmax⟩", "reference", "Δ", "σ", "reference", "Δ", "closure", ""],
            [
                [primary, f"{lg:g}", *number(depth), *number(sigma), f"{closure.value:.4f} ± {closure.error:.4f}", verdict((depth, sigma, closure))]
                for primary, lg, depth, sigma, closure in main_rows
            ],
        ),
        show(
            "Other quantities",
            ["quantity", "value", "reference", "Δ", "limit", ""],
            [[row.what, *values(row), limit(row), verdict((row,))] for row in others],
        ),
    ]
    if options.markdown is not None:
        options.markdown.write_text("\n".join(parts))
    failed = sum(row.passed is False for *_, depth, sigma, closure in main_rows for row in (depth, sigma, closure)) + sum(row.passed is False for row in others)
    if failed:
        Console(stderr=True).print(f"[red]{failed} value(s) miss their limit[/]")
    return int(failed > 0)


def values(row: Row) -> list[str]:
    """As ``number``, small values in powers of ten."""
    if abs(row.value) >= 0.01:
        return number(row)
    reference = "" if row.reference is None else f"{row.reference:.3e}"
    return [f"{row.value:.3e} ± {row.error:.0e}", reference, "" if row.delta is None else f"{100 * row.delta:+.1f} %"]


def limit(row: Row) -> str:
    """The limit in words."""
    return "" if row.limit is None else f"{100 * row.limit:g} %" if row.relative else f"{row.limit:g}"


if __name__ == "__main__":
    sys.exit(main(tyro.cli(Options, description=__doc__)))
