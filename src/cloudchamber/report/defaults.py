"""Default figures: what one event's posterior looks like, coverage and ranks; a surrogate's distributions and correlations beside the truth's."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from cloudchamber.report.figures import BLUE, DASHED, GREEN, INK, ORANGE, PINK, QUIET, SKY_BLUE, VERMILION, finish, legend, line, new_figure, panels, patch
from cloudchamber.schema import Column, Schema, Table
from cloudchamber.statistics.calibration import coverage, coverage_of_levels, ellipsoid_rank, joint_rank, posterior_rank
from cloudchamber.validate.numbers import chosen, entries, entry_names, entry_words
from cloudchamber.validate.posterior import DENSITY_RANK

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_NUMBERS = 6
"""Numbers of a posterior shown in a figure, spread evenly over all."""
MOST_PANELS = 12
_LEVELS = np.linspace(0.05, 0.95, 19)
_COLOURS = (BLUE, VERMILION, GREEN, PINK, ORANGE, SKY_BLUE)
ALL_TOGETHER = "all together"


def default_figures(schema: Schema, target: Collection[str], truth: Table, answers: Mapping[str, Table]) -> dict[str, Figure]:
    """Named figures of truth and answers."""
    theta = {name: column for name, column in schema.theta.items() if name in target}
    if not theta:
        return _surrogate({name: column for name, column in schema.x.items() if name in target}, truth, answers)
    if not entry_names(theta):
        return {}
    shown = chosen(len(entry_names(theta)), MOST_NUMBERS)
    names, words = ([each[number] for number in shown] for each in (entry_names(theta), entry_words(theta)))
    true, drawn = entries(truth, theta), {name: entries(answer, theta, "_draws") for name, answer in answers.items()}
    name, first = next(iter(answers.items()))
    return {
        "One event": _corner(words, true[:, shown], drawn[name][0][:, shown]),
        "Coverage": _coverage(names, shown, true, drawn, answers),
        "Ranks": _ranks(words, true, drawn[name], shown, first),
    }


def _corner(words: Sequence[str], truth: np.ndarray, draws: np.ndarray) -> Figure:
    """Draws of the first event, its truth, and the prior behind, as far as the test's truths show it."""
    n = len(words)
    figure = new_figure(4.6, 3.6) if n == 1 else new_figure(1.0 + 2.1 * n, 0.8 + 2.0 * n)
    axes = figure.subplots(n, n, squeeze=False)
    limits = [_window(truth[:, number], draws[:, number]) for number in range(n)]
    for row in range(n):
        for column in range(n):
            panel = axes[row, column]
            if column > row:
                panel.remove()
                continue
            if row == column:
                _beside(panel, truth[:, column], draws[:, column], limits[column])
                panel.axvline(truth[0, column], color=INK, linestyle=DASHED)
            else:
                panel.scatter(truth[:1000, column], truth[:1000, row], s=3, color=QUIET, alpha=0.3, linewidths=0)
                panel.scatter(draws[:1000, column], draws[:1000, row], s=5, color=BLUE, alpha=0.6, linewidths=0)
                panel.axvline(truth[0, column], color=INK, linestyle=DASHED, linewidth=0.9)
                panel.axhline(truth[0, row], color=INK, linestyle=DASHED, linewidth=0.9)
                panel.set_ylim(*limits[row])
            panel.set_xlim(*limits[column])
            panel.locator_params(nbins=4)
            if row == n - 1:
                panel.set_xlabel(_wrapped(words[column], 24 if n > 1 else 60))
            else:
                panel.tick_params(labelbottom=False)
            if column == 0 and row > 0:
                panel.set_ylabel(_wrapped(words[row], 24))
            elif row != column:
                panel.tick_params(labelleft=False)
    if n > 1:
        figure.align_labels()
    legend(figure, [patch("prior"), line(BLUE, "draws"), line(INK, "truth", DASHED)])
    return finish(figure, "The posterior of the first event, its true values, and the prior as the test events show it, each scaled to its peak.", grid=False)


def _beside(panel: Axes, truth: np.ndarray, draws: np.ndarray, window: tuple[float, float]) -> None:
    """Histograms of prior and draws, each scaled to its own peak."""
    for values, filled, bins in ((truth, True, 30), (draws, False, 24)):
        inside = values[(values >= window[0]) & (values <= window[1])]
        if not len(inside):
            continue
        counts, edges = np.histogram(inside, _bins(inside, bins) if not filled else np.linspace(window[0], window[1], bins + 1))
        panel.stairs(counts / max(counts.max(), 1), edges, fill=filled, color=QUIET if filled else BLUE, alpha=0.3 if filled else 1.0, linewidth=1.4)
    panel.set_ylim(0, 1.15)
    panel.set_yticks([])


def _coverage(names: Sequence[str], shown: Sequence[int], truth: np.ndarray, drawn: Mapping[str, np.ndarray], answers: Mapping[str, Table]) -> Figure:
    """How often the truth lies in the central interval of each level, beside the band of a calibrated answer."""
    figure, axes = panels(len(drawn))
    for (answer, draws), panel in zip(drawn.items(), axes, strict=True):
        band = 2 * np.sqrt(_LEVELS * (1 - _LEVELS) / len(truth))
        panel.fill_between(_LEVELS, _LEVELS - band, _LEVELS + band, color=QUIET, alpha=0.3, linewidth=0)
        for number, colour in zip(shown, _COLOURS, strict=False):
            panel.plot(_LEVELS, coverage(draws[..., number], truth[:, number], _LEVELS.tolist()).fraction, color=colour)
        together = answers[answer][DENSITY_RANK] if DENSITY_RANK in answers[answer] else ellipsoid_rank(draws, truth)
        panel.plot(_LEVELS, coverage_of_levels(1 - together, _LEVELS.tolist()).fraction, color=INK, linestyle=DASHED)
        panel.set_xlabel("stated probability of the region")
        panel.set_ylabel("share of truths inside")
        panel.set(xlim=(0, 1), ylim=(0, 1))
        panel.set_title(_wrapped(answer, 40), fontsize=10)
    handles = [line(colour, name) for name, colour in zip(names, _COLOURS, strict=False)]
    legend(figure, [patch("calibrated, 95 %"), *handles, line(INK, ALL_TOGETHER, DASHED)])
    return finish(figure, "Central intervals of each number, most probable regions of all together: above the diagonal they are too wide, below too narrow.")


def _ranks(words: Sequence[str], truth: np.ndarray, draws: np.ndarray, shown: Sequence[int], answer: Table) -> Figure:
    """Histograms of the truth's place among its draws, and of all numbers together."""
    ranks = [(f"rank of {word}", posterior_rank(draws[..., number], truth[:, number])) for word, number in zip(_bare(words), shown, strict=True)]
    together = answer[DENSITY_RANK] if DENSITY_RANK in answer else ellipsoid_rank(draws, truth)
    ranks += [("rank of all together, by density", together), ("rank of all together, by distance (TARP)", joint_rank(draws, truth))]
    figure, axes = panels(len(ranks))
    bins = max(5, min(20, len(truth) // 25))
    expected = len(truth) / bins
    for number, ((name, rank), panel) in enumerate(zip(ranks, axes, strict=True)):
        panel.axhspan(expected - 2 * np.sqrt(expected), expected + 2 * np.sqrt(expected), color=QUIET, alpha=0.3, linewidth=0)
        counts, edges = np.histogram(rank, bins, (0, 1))
        panel.stairs(counts, edges, color=BLUE, linewidth=1.4)
        panel.set_xlabel(_wrapped(name, 40))
        panel.set(xlim=(0, 1), ylim=(0, 1.25 * max(counts.max(), expected + 2 * np.sqrt(expected))))
        if number % 3 == 0:
            panel.set_ylabel("events")
    legend(figure, [patch("calibrated, 95 % of bins"), line(BLUE, "this answer")])
    return finish(figure, "Flat if calibrated, a hump if the posterior is too wide, a bowl if it is too narrow, a slope if it is shifted.")


def _surrogate(x: Mapping[str, Column], truth: Table, answers: Mapping[str, Table]) -> dict[str, Figure]:
    if not entry_names(x):
        return {}
    shown = chosen(len(entry_names(x)), MOST_PANELS)
    true, drawn = entries(truth, x), {name: entries(answer, x) for name, answer in answers.items()}
    words = [entry_words(x)[number] for number in shown]
    figures = {"Distributions": _distributions(words, true[:, shown], {name: values[:, shown] for name, values in drawn.items()})}
    if len(shown) > 1:
        figures["Correlations"] = _correlations(true, drawn)
    return figures


def _distributions(words: Sequence[str], truth: np.ndarray, drawn: Mapping[str, np.ndarray]) -> Figure:
    figure, axes = panels(len(words))
    for number, (word, panel) in enumerate(zip(words, axes, strict=True)):
        edges = _bins(truth[:, number], 40)
        panel.hist(truth[:, number], edges, color=QUIET, alpha=0.4)
        for values, colour in zip(drawn.values(), _COLOURS, strict=False):
            # as many as the truth, also where there are more answers
            panel.hist(values[:, number], edges, weights=np.full(len(values), len(truth) / len(values)), histtype="step", color=colour)
        panel.set_xlabel(_wrapped(word, 40))
        panel.locator_params(axis="x", nbins=6)
        if number % 3 == 0:
            panel.set_ylabel("events")
    legend(figure, [patch("truth"), *(line(colour, name) for name, colour in zip(drawn, _COLOURS, strict=False))])
    return finish(figure, "Numbers of x, over all theta of the test events.")


def _correlations(truth: np.ndarray, drawn: Mapping[str, np.ndarray]) -> Figure:
    """Of every two numbers: the answer's over the truth's."""
    pairs = np.tril_indices(truth.shape[1], -1)
    figure, [panel] = panels(1)

    def of(values: np.ndarray) -> np.ndarray:
        spread = values.std(axis=0)
        scaled = (values - values.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
        found: np.ndarray = (scaled.T @ scaled / len(scaled))[pairs]
        return found

    there = of(truth)
    panel.plot((-1, 1), (-1, 1), color=QUIET, linewidth=0.9, linestyle=DASHED)
    for values, colour in zip(drawn.values(), _COLOURS, strict=False):
        panel.plot(there, of(values), "o", color=colour, markersize=4, alpha=0.7, markeredgewidth=0)
    panel.set(xlim=(-1.05, 1.05), ylim=(-1.05, 1.05), aspect="equal")
    panel.set_xlabel("correlation of two numbers, truth")
    panel.set_ylabel("the answer's")
    legend(figure, [line(colour, name, "", marker="o") for name, colour in zip(drawn, _COLOURS, strict=False)])
    return finish(figure, "Every two numbers of x: on the diagonal they go together as in the truth.")


def _bins(values: np.ndarray, bins: int) -> list[float]:
    """Bins over nearly all values."""
    low, high = np.quantile(values, [0.001, 0.999])
    if not high > low:
        room = 0.5 * max(abs(float(low)), 1.0)
        low, high = low - room, low + room
    return [float(edge) for edge in np.linspace(low, high, bins + 1)]


def _window(truth: np.ndarray, draws: np.ndarray) -> tuple[float, float]:
    """The range to show: that of the prior, but where the posterior would be a line in it a part about the posterior; the event's truth is always inside."""
    edges = _bins(truth, 1)
    low, high = min(float(draws.min()), float(truth[0])), max(float(draws.max()), float(truth[0]))
    room = max(2.0 * (high - low), 0.02 * (edges[1] - edges[0]))
    window = min(max(edges[0], low - room), low), max(min(edges[1], high + room), high)
    margin = 0.03 * (window[1] - window[0])
    return window[0] - margin, window[1] + margin


def _bare(words: Sequence[str]) -> list[str]:
    """Without the unit: a rank has none."""
    return [word[: word.rindex(" (")] if word.endswith(")") and " (" in word else word for word in words]


def _wrapped(text: str, width: int) -> str:
    """In up to three lines."""
    return "\n".join(textwrap.wrap(text, max(width, math.ceil(len(text) / 3) + 6), break_long_words=True))
