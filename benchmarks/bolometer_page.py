"""The page of a comparison of generators of windows: its tables and its figure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tables import markdown

from cloudchamber.report.figures import DASHED, DOTTED, GREEN, INK, ORANGE, PINK, QUIET, SKY_BLUE, VERMILION, line, panels
from cloudchamber.schema import Table
from cloudchamber.stream import YEAR_S
from cloudchamber.validate.check import CheckResult

MISSION_S = 3 * YEAR_S
CLEAR, FAILED = 0.01, 1e-4
"""Chances of so many near-duplicates, above which a test is passed and below which it is failed."""
WORDS = {"passed": "passed", "failed": "FAILED", "open": "open", None: ""}
TALK = {"passed": "consistent", "failed": "inconsistent", "open": "open"}
COLOURS = {
    "crab_gan": (VERMILION, "-"),
    "crab_wgan": (ORANGE, DASHED),
    "vae_gaussian": (GREEN, "-"),
    "vae_bernoulli_1": (PINK, DASHED),
    "vae_bernoulli_2": (PINK, DOTTED),
    "matching_windows": (SKY_BLUE, "-"),
    "events": (INK, DASHED),
}


class Cost(NamedTuple):
    """Seconds of training (None: a run that is packaged), its windows and epochs; CPU seconds of drawing for a second of data of all bolometers."""

    training_s: float | None
    windows: int
    epochs: int
    drawing: float


class Generator(NamedTuple):
    """A generator's checks, the numbers of its windows, and (windows, near-duplicates, expected, chance)."""

    name: str
    results: list[CheckResult]
    pairs: tuple[int, int, int, float]
    numbers: Table


class Comparison(NamedTuple):
    """All that the page shows."""

    windows: int
    truth: Table
    generators: list[Generator]
    costs: dict[str, Cost]
    conditional: list[tuple[str, CheckResult]]
    rates: list[tuple[float, float]]
    trained_on: str


def number(value: float) -> str:
    """Two digits that count."""
    return f"{value:.2g}" if abs(value) < 100 else f"{value:.0f}"


def cell(result: CheckResult) -> str:
    """Value, error, verdict."""
    error = f" ± {number(result.error)}" if np.isfinite(result.error) else ""
    return f"{number(result.value)}{error} {WORDS[result.verdict]}"


def floor(result: CheckResult) -> str:
    """What the simulator is beside itself."""
    spread = f" ± {number(result.floor_error)}" if np.isfinite(result.floor_error) else ""
    return f"{number(result.floor)}{spread}"


def page(found: Comparison, place: Path | None) -> str:
    """The page as markdown; the figure goes beside ``place``."""
    names = [each.name for each in found.generators]
    passed = {each.name: sum(result.verdict == "passed" for result in each.results) for each in found.generators}
    failed = {each.name: [result.name for result in each.results if result.verdict == "failed"] for each in found.generators}
    parts = [
        "# Generators of the background in bolometers",
        COMMAND.format(windows=found.windows, words=found.trained_on),
        ABOUT.format(windows=found.windows),
        _sentence(found.generators, passed, failed),
        "## All measures",
        markdown(
            ["measure", "limit", "floor", *(f"`{name}`" for name in names)],
            [
                [rows[0].name, f"≤ {rows[0].limit:g}", floor(rows[0]), *(cell(row) for row in rows)]
                for rows in zip(*(each.results for each in found.generators), strict=True)
            ]
            + [["near-duplicates found (expected)", "≤ expected", "", *(_pairs(each.pairs) for each in found.generators)]],
        ),
        MEASURES,
        "## The talk's table, with numbers",
        TALKED,
        markdown(
            ["", "power spectrum (rms of octaves)", "frequency spectrum of amplitudes (KS)", "bolometer correlation (rms)"],
            [[f"`{each.name}`", *(_talk(each, name) for name in TALK_CHECKS)] for each in found.generators]
            + [["floor", *(floor(_result(found.generators[0], name)) for name in TALK_CHECKS)]],
        ),
        "## While the Sun changes",
        CHANGES,
        _conditional(found.conditional),
        "Rate of hits that it has learned over that of the flux (limit 0.98 to 1.02): "
        + ", ".join(f"{ratio:.3f} at {phi:.0f} MV" for phi, ratio in found.rates)
        + ".",
        "## Cost",
        f"{COSTS} {found.trained_on}".strip(),
        markdown(
            ["", "windows learned from", "epochs", "training (s)", "training / 3 years", "drawing / length of data"],
            [_cost(name, cost) for name, cost in found.costs.items()],
        ),
    ]
    if place is not None:
        image = place.with_suffix(".png")
        draw(found, image)
        parts.insert(4, f"![Power by octave over the simulator's, and amplitudes]({image.name})")
    return "\n\n".join(parts) + "\n"


COMMAND = """    python benchmarks/bolometer_generators.py --runs runs --work work --page docs/results/bolometer.md \\
        --windows {windows} --trained-on '{words}'"""
ABOUT = """All recipes of the study `bolometer`, {windows:,} windows each of 12 bolometers x 1060 samples (6.8 s), beside the simulator's. The Sun's phi is
500 MV, the wafer 500 um thick: `events` has never seen either, nor any within 450 to 550 MV and 470 to 530 um; the others learned from windows at just
these. Hits are those in the wafer: direct hits are scored by themselves below, and of wafer noise the simulator makes none. The *floor* is what the
simulator is beside itself at the same number of windows. *Passed* keeps the limit; *FAILED* is beyond limit and floor by more than errors allow; *open* is
between. Errors are one standard deviation: of a bootstrap over windows, of eight parts of the windows (window-to-window), or DeLong's (AUC)."""
MEASURES = """Power spectra are of data whose mean was taken out, in octaves from 0.6 to 78 Hz, mean of the bolometers. Correlations of bolometers are of
signed square roots. Correlations of windows are those of one bolometer's windows with one another; effective degrees of freedom are 1 over their mean
square. A *rise* is a step of the data above five robust deviations of the simulator's; times between them are the first bolometer's. Near-duplicates are
pairs of windows of the first bolometer, in 20 principal components brought to one length, as close as the ten closest of as many of the simulator's; the
nearest training window is sought there too. Classifiers see 278 numbers of a window: octaves, correlations, quantiles, counts of rises, and 48 samples of
three bolometers one by one."""
TALKED = """The talk (Cavallotto and Della Torre, ML4ASTRO2, 2024) has: VAE Gaussian inconsistent, inconsistent, absent; VAE Bernoulli 1 consistent,
inconsistent, absent; VAE Bernoulli 2 about consistent in all three; GAN consistent in all three. Its limits are not public; here they are those above. Its
GAN makes one bolometer's window: each bolometer of a window is a draw of its own. What sets its second Bernoulli VAE apart is not public either."""
CHANGES = """Heights in all bolometers of single hits of `events` beside the simulator's, hits in the wafer and on a bolometer apart, at phi that it has
never seen, and in a stream whose phi follows the solar cycle."""
COSTS = """Drawing: CPU seconds of one thread for a second of data of 12 bolometers together; wanted 1e-4. Training: over three years of data."""
TALK_CHECKS = ("power spectrum, rms of octaves", "amplitudes, KS", "bolometer correlation, rms")


def _sentence(generators: Sequence[Generator], passed: dict[str, int], failed: dict[str, list[str]]) -> str:
    told = [f"`{each.name}` keeps {passed[each.name]} of {len(each.results)} limits and fails {len(failed[each.name])}" for each in generators]
    return "; ".join(told) + "."


def _pairs(pairs: tuple[int, int, int, float]) -> str:
    windows, seen, expected, chance = pairs
    verdict = "passed" if chance > CLEAR else "FAILED" if chance < FAILED else "open"
    return f"{seen} ({expected}) of {windows:,} {verdict}"


def _result(generator: Generator, name: str) -> CheckResult:
    return next(result for result in generator.results if result.name == name)


def _talk(generator: Generator, name: str) -> str:
    result = _result(generator, name)
    return f"{number(result.value)} ± {number(result.error)} {TALK[str(result.verdict)]}"


def _conditional(found: list[tuple[str, CheckResult]]) -> str:
    rows: dict[tuple[str, str], list[str]] = {}
    for words, result in found:
        rows.setdefault((words, result.group), []).append(f"{cell(result)} (floor {floor(result)})")
    heads = list(dict.fromkeys(f"{result.name} (≤ {result.limit:g})" for _, result in found))
    return markdown(["phi", "hits", *heads], [[*place, *cells] for place, cells in rows.items()])


def _cost(name: str, cost: Cost) -> list[str]:
    if cost.training_s is None:
        return [f"`{name}`" if name != "simulator" else name, "", "", "", "", f"{cost.drawing:.2g}"]
    return [f"`{name}`", f"{cost.windows:,}", str(cost.epochs), f"{cost.training_s:.0f}", f"{cost.training_s / MISSION_S:.2g}", f"{cost.drawing:.2g}"]


def draw(found: Comparison, place: Path) -> None:
    """Power by octave over the simulator's, and the density of amplitudes."""
    figure, (left, right) = panels(2)
    figure.set_size_inches(11.0, 4.4)
    octave = found.truth["octave_power"].mean(axis=0)
    edges_hz = 78.125 / 2.0 ** np.arange(len(octave), 0, -1)
    left.axhspan(0.95, 1.05, color=QUIET, alpha=0.2, linewidth=0)
    amplitude = 1e18 * np.ravel(found.truth["amplitude_w"])
    edges = np.geomspace(np.quantile(amplitude, 1e-3), amplitude.max(), 60)
    right.stairs(np.histogram(amplitude, edges)[0] / np.diff(edges) / len(amplitude), edges, fill=True, color=QUIET, alpha=0.35)
    for each in found.generators:
        colour, dashes = COLOURS[each.name]
        ratio = each.numbers["octave_power"].mean(axis=0) / octave
        left.plot(np.sqrt(2) * edges_hz, ratio, color=colour, linestyle=dashes, marker="o", markersize=3, linewidth=1.2)
        values = 1e18 * np.ravel(each.numbers["amplitude_w"])
        right.stairs(np.histogram(values, edges)[0] / np.diff(edges) / len(values), edges, color=colour, linestyle=dashes, linewidth=1.2)
    left.set(xscale="log", yscale="log", xlabel="frequency (Hz)", ylabel="power / the simulator's")
    right.set(xscale="log", yscale="log", xlabel="power (aW)", ylabel="density (1/aW)")
    left.legend(handles=[line(colour, name, dashes) for name, (colour, dashes) in COLOURS.items()], fontsize=7, frameon=False)
    figure.savefig(place, dpi=90)
