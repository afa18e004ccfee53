"""The figures of what was found in a stream, and of a report on candidates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cloudchamber.report.figures import DASHED, GREEN, INK, PINK, SKY_BLUE, VERMILION, finish, legend, line, new_figure, panels, patch
from cloudchamber.schema import Table
from cloudchamber.studies.bolometer.glitches.columns import FAMILIES
from cloudchamber.studies.bolometer.glitches.matched import BEFORE
from cloudchamber.studies.bolometer.glitches.scores import LEVEL, Share, Truths, by_filter, by_network, completeness, purity, truths

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[Any]

COLOURS = (VERMILION, SKY_BLUE, GREEN)
"""Of the families."""
EDGES = np.array([0.5, 1, 1.5, 2, 3, 4, 5, 6, 8, 10, 14, 20, 30, 50, 100, 300, 1e4])
"""Heights in units of the noise."""


def stretch(shown: Table, start_s: float, length_s: float) -> Figure:
    """Data about each candidate of a bolometer, with the pulses that were found; where nothing was found nothing is drawn."""
    figure = new_figure(12.4, 4.0)
    axis = figure.subplots()
    for first, rate, data in zip(shown["first_s"], shown["rate_hz"], shown["data_sigma"], strict=True):
        axis.plot(first - start_s + (np.arange(len(data)) - BEFORE) / rate, data, color=INK, linewidth=0.7)
    for code, name in enumerate(FAMILIES):
        mine = (shown["family"] == name) & (shown["probability"] > LEVEL)
        axis.plot(shown["time_s"][mine] - start_s, (shown["amplitude_w"] / shown["noise_w"])[mine], "v", color=COLOURS[code], markersize=6)
    doubtful = shown["probability"] <= LEVEL
    axis.plot(shown["time_s"][doubtful] - start_s, np.full(int(doubtful.sum()), -2.0), "x", color=PINK, markersize=5)
    axis.set(xlabel="time from the first candidate (s)", ylabel="data (sigma)", xlim=(-0.2, length_s), yscale="symlog")
    marks = [line(colour, name, "", marker="v") for name, colour in zip(FAMILIES, COLOURS, strict=True)]
    legend(figure, [line(INK, "data about candidates"), *marks, line(PINK, "taken for noise", "", marker="x")])
    return finish(
        figure, f"The first {length_s:g} s of the first bolometer: data about each candidate, less their mean; markers at start and height of what was found."
    )


def heights(told: Table, accepted: Array) -> Figure:
    """How high the pulses of each family are."""
    figure = new_figure(6.4, 4.0)
    axis = figure.subplots()
    sigma = np.asarray(told["amplitude_w"], float) / np.asarray(told["noise_w"], float)
    edges = np.geomspace(0.5, max(1e4, float(sigma.max())), 50)
    for code, colour in enumerate(COLOURS):
        axis.hist(sigma[accepted & (told["family"] == code)], list(edges), histtype="step", color=colour, linewidth=1.4)
    axis.set(xscale="log", yscale="log", xlabel="height (sigma)", ylabel="pulses")
    legend(figure, [line(colour, name) for name, colour in zip(FAMILIES, COLOURS, strict=True)])
    return finish(figure, "Heights of what was found, in units of the noise of a sample.")


def rates(told: Table, true: Truths, accepted: Array, believed: Array, cut: float) -> Figure:
    """Completeness by family, where all are told, and purity, of the network and of the matched filter at a cut of the same purity."""
    figure, axes = panels(3)
    noise = np.asarray(told["noise_w"], float)
    by_family = bool(np.all(told["family_told"])) and bool(np.all(true.glitch > 0))
    for code, colour in enumerate(COLOURS, 1) if by_family else [(None, INK)]:
        _curve(axes[0], completeness(true, accepted, EDGES, code), colour)
        _curve(axes[0], completeness(true, believed, EDGES, code), colour, dashed=True)
    for chosen, height, dashed in ((accepted, told["amplitude_w"], False), (believed, told["filter_height_w"], True)):
        _curve(axes[1], purity(true, chosen, np.asarray(height, float) / noise, EDGES), INK, dashed)
    _errors(axes[2], told, true)
    axes[0].set(xlabel="true height (sigma)", ylabel="completeness")
    axes[1].set(xlabel="found height (sigma)", ylabel="purity")
    axes[2].set(xlabel="true height (sigma)", ylabel="error of the height, 68 %")
    for axis in axes:
        axis.set(xscale="log", xlim=(EDGES[0], EDGES[-1]))
    families = [patch(name, colour) for name, colour in zip(FAMILIES, COLOURS, strict=True)] if by_family else []
    legend(figure, [line(INK, "network"), line(INK, f"matched filter above {cut:.3g} sigma", DASHED), *families])
    return finish(
        figure, "What was found of the true pulses, what of it is true, and by how much heights are off; the matched filter's cut makes both equally pure."
    )


def _curve(axis: Axes, share: Share, colour: str, dashed: bool = False) -> None:
    there = share.of > 0
    place = np.sqrt(EDGES[1:] * EDGES[:-1])[there]
    axis.errorbar(place, share.value[there], share.error[there], color=colour, linestyle=DASHED if dashed else "-", linewidth=1.2, elinewidth=0.7)


def _errors(axis: Axes, told: Table, true: Truths) -> None:
    sigma = (np.asarray(told["height_w"], float) / np.asarray(told["noise_w"], float))[true.real]
    bins, seen = np.digitize(sigma, EDGES) - 1, list[int]()
    for name, dashed in (("amplitude_w", False), ("filter_height_w", True)):
        off = np.abs(np.asarray(told[name], float) / np.maximum(np.asarray(told["height_w"], float), 1e-30) - 1)[true.real]
        seen = [code for code in range(len(EDGES) - 1) if np.sum(bins == code) >= 5]
        axis.plot(
            np.sqrt(EDGES[1:] * EDGES[:-1])[seen], [np.quantile(off[bins == code], 0.68) for code in seen], color=INK, linestyle=DASHED if dashed else "-"
        )


def plots(truth: Table, answers: Mapping[str, Table]) -> dict[str, Figure]:
    """A report's figures of candidates: completeness and purity of each answer that judges them."""
    found: dict[str, Figure] = {}
    true, believed = truths(truth), by_filter(truth)
    for name, answer in answers.items():
        if {"glitch_probability", "glitch_draws", "lag_s_draws", "height_w_draws"} <= set(answer):
            said = by_network(answer)
            told = {each: truth[each] for each in ("glitch", "family_told", "height_w", "noise_w", "filter_height_w")} | {"amplitude_w": said.height_w}
            found[f"Completeness and purity ({name})"] = rates(told, true, said.score > LEVEL, believed.score >= 5.0, 5.0)
    return found
