"""Default figures: what one event's posterior looks like, coverage and ranks; a surrogate's distributions beside the truth's."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

import numpy as np

from cloudchamber.report.figures import BLUE, DASHED, GREEN, INK, ORANGE, PINK, QUIET, SKY_BLUE, VERMILION, finish, legend, line, new_figure, panels, patch
from cloudchamber.schema import Schema, Table
from cloudchamber.statistics.calibration import coverage, joint_rank, posterior_rank
from cloudchamber.validate.numbers import entries, entry_names

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_NUMBERS = 6
"""Numbers shown in a figure."""
_LEVELS = np.linspace(0.05, 0.95, 19)
_COLOURS = (BLUE, VERMILION, GREEN, PINK, ORANGE, SKY_BLUE)


def default_figures(schema: Schema, target: Collection[str], truth: Table, answers: Mapping[str, Table]) -> dict[str, Figure]:
    """Named figures of truth and answers."""
    theta = {name: column for name, column in schema.theta.items() if name in target}
    if not theta:
        return {"Distributions": _distributions(schema, truth, answers)}
    names = entry_names(theta)
    if not names:
        return {}
    units = [column.unit for column in theta.values() if not column.categories for _ in range(int(np.prod(column.shape)))]
    labels = [f"{name}  ({unit})" if unit else name for name, unit in zip(names, units, strict=True)]
    true, first = entries(truth, theta), next(iter(answers.values()))
    return {
        "One event": _corner(labels[:MOST_NUMBERS], true, entries(first, theta, "_draws")[0]),
        "Coverage": _coverage(names[:MOST_NUMBERS], true, {name: entries(answer, theta, "_draws") for name, answer in answers.items()}),
        "Ranks": _ranks(names[:MOST_NUMBERS], true, entries(first, theta, "_draws")),
    }


def _corner(labels: list[str], truth: np.ndarray, draws: np.ndarray) -> Figure:
    """Draws of the first event, its truth, and the prior behind, as far as the test's truths show it."""
    n = len(labels)
    figure = new_figure(max(4.0, 1.9 * n), max(3.6, 1.9 * n))
    axes = figure.subplots(n, n, squeeze=False)
    for row in range(n):
        for column in range(n):
            panel = axes[row, column]
            if column > row:
                panel.remove()
                continue
            edges = _edges(truth[:, column])
            if row == column:
                panel.hist(truth[:, column], edges, density=True, color=QUIET, alpha=0.3)
                panel.hist(draws[:, column], edges, density=True, histtype="step", color=BLUE)
                panel.axvline(truth[0, column], color=INK, linestyle=DASHED)
                panel.set_yticks([])
            else:
                panel.scatter(truth[:1000, column], truth[:1000, row], s=2, color=QUIET, alpha=0.25, linewidths=0)
                panel.scatter(draws[:1000, column], draws[:1000, row], s=4, color=BLUE, alpha=0.5, linewidths=0)
                panel.plot(truth[0, column], truth[0, row], "+", color=INK, markersize=10)
            if row == n - 1:
                panel.set_xlabel(labels[column])
            if column == 0 and row > 0:
                panel.set_ylabel(labels[row])
    legend(figure, [patch("prior"), line(BLUE, "draws"), line(INK, "truth", DASHED)])
    return finish(figure, "The posterior of the first event, its true values, and the prior as the test events show it.", grid=False)


def _coverage(names: list[str], truth: np.ndarray, answers: Mapping[str, np.ndarray]) -> Figure:
    """How often the truth lies in the central interval of each level, beside the band of a calibrated answer."""
    figure, axes = panels(len(answers))
    for (answer, draws), panel in zip(answers.items(), axes, strict=True):
        band = 2 * np.sqrt(_LEVELS * (1 - _LEVELS) / len(truth))
        panel.fill_between(_LEVELS, _LEVELS - band, _LEVELS + band, color=QUIET, alpha=0.3, linewidth=0)
        for number, colour in zip(range(len(names)), _COLOURS, strict=False):
            panel.plot(_LEVELS, coverage(draws[..., number], truth[:, number], _LEVELS.tolist()).fraction, color=colour)
        panel.set_xlabel("level")
        panel.set_ylabel("truths inside")
        panel.set_title(answer, fontsize=10)
    legend(figure, [patch("calibrated, 95 %"), *(line(colour, name) for name, colour in zip(names, _COLOURS, strict=False))])
    return finish(figure, "Above the diagonal the intervals are too wide, below it too narrow.")


def _ranks(names: list[str], truth: np.ndarray, draws: np.ndarray) -> Figure:
    """Histograms of the truth's place among its draws, and of all numbers together."""
    ranks = {name: posterior_rank(draws[..., number], truth[:, number]) for number, name in enumerate(names)} | {"all together": joint_rank(draws, truth)}
    figure, axes = panels(len(ranks))
    bins = max(5, min(20, len(truth) // 25))
    expected = len(truth) / bins
    for (name, rank), panel in zip(ranks.items(), axes, strict=True):
        panel.axhspan(expected - 2 * np.sqrt(expected), expected + 2 * np.sqrt(expected), color=QUIET, alpha=0.3, linewidth=0)
        panel.hist(rank, bins, range=(0, 1), histtype="step", color=BLUE)
        panel.set_xlabel(f"rank of {name}")
        panel.set_ylim(bottom=0)
    legend(figure, [patch("calibrated, 95 % of bins"), line(BLUE, "this answer")])
    return finish(figure, "Flat if calibrated, a hump if the posterior is too wide, a bowl if it is too narrow.")


def _distributions(schema: Schema, truth: Table, answers: Mapping[str, Table]) -> Figure:
    names, true = entry_names(schema.x)[: 2 * MOST_NUMBERS], entries(truth, schema.x)
    figure, axes = panels(len(names))
    for number, (name, panel) in enumerate(zip(names, axes, strict=True)):
        edges = _edges(true[:, number])
        panel.hist(true[:, number], edges, color=QUIET, alpha=0.4)
        for answer, colour in zip(answers.values(), _COLOURS, strict=False):
            panel.hist(entries(answer, schema.x)[:, number], edges, histtype="step", color=colour)
        panel.set_xlabel(name)
    legend(figure, [patch("truth"), *(line(colour, name) for name, colour in zip(answers, _COLOURS, strict=False))])
    return finish(figure, "Every number of x, over all theta of the test events.")


def _edges(values: np.ndarray) -> list[float]:
    """Bins over nearly all values."""
    low, high = np.quantile(values, [0.001, 0.999])
    return [float(edge) for edge in np.linspace(low, high if high > low else low + 1.0, 41)]
