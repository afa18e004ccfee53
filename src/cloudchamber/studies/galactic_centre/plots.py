"""Figures of maps of the Galactic Centre, and of what a posterior says of them."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from cloudchamber.report.defaults import default_figures
from cloudchamber.report.figures import BLUE, DASHED, DOTTED, GREEN, INK, ORANGE, PAGE_INCHES, PINK, QUIET, VERMILION, finish, legend, line, new_figure
from cloudchamber.schema import Column, Schema, Table
from cloudchamber.studies.galactic_centre.columns import PARAMETERS, SHAPES, TARGET, theta_columns, x_columns
from cloudchamber.studies.galactic_centre.diffuse.parameters import Parameter
from cloudchamber.studies.galactic_centre.raster import EDGE_DEG, raster
from cloudchamber.studies.galactic_centre.surrogate.plots import shape_plots

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage


COLOURS = (BLUE, VERMILION, GREEN, PINK, ORANGE)
SOURCES = np.geomspace(2e-12, 1e-9, 7)
"""Fluxes at the break between which answers are judged together, in 1 / cm2 s."""
FEWEST = 10
SHOWN = ("f_src", "excess_flux_cm2_s", "source_break_cm2_s", "disk_flux_cm2_s", "pi0_cm2_s_sr", "inverse_compton_cm2_s_sr", "isotropic_cm2_s_sr")
"""Parameters of the corner plot."""
CORNER = {
    "f_src": ("f_src", 1.0),
    "excess_flux_cm2_s": ("flux of the excess (1e-7/cm² s)", 1e7),
    "excess_slope": ("inner slope of the excess", 1.0),
    "source_break_cm2_s": ("lg flux at its sources' break (/cm² s)", 1.0),
    "disk_flux_cm2_s": ("flux of disk sources (1e-7/cm² s)", 1e7),
    "pi0_cm2_s_sr": ("pi0 decay (1e-6/cm² s sr)", 1e6),
}
"""The parameters of one event's posterior that are shown together: what stands beside the axis, and the factor of the values."""


def plots(truth: Table, answers: Mapping[str, Table]) -> dict[str, Figure]:
    """Simulated maps, one event's posterior, coverage and ranks, what each parameter's answers are worth, and f_src against the sources' brightness.

    Of shapes of the diffuse emission those of ``surrogate``.
    """
    if SHAPES[0] in truth:
        return shape_plots(truth, answers)
    figures = {"Simulated maps": maps(truth)}
    columns = theta_columns()
    stated = {name: answer for name, answer in answers.items() if "f_src_draws" in answer}
    if stated:
        target = [name for name in TARGET if all(f"{name}_draws" in answer for answer in stated.values())]
        schema = Schema(columns, x_columns(*np.shape(truth["counts"])[1:3]))
        figures |= default_figures(schema, target, truth, stated)
        figures["One event"] = one_event(truth, stated, [name for name in CORNER if name in target])
        figures["Answers and truth"] = answers_and_truth(truth, stated, target)
        figures["Brightness of sources"] = by_brightness(truth, stated)
    return figures


def one_event(truth: Table, answers: Mapping[str, Table], shown: list[str]) -> Figure:
    """The posterior of the first event: the parameters that the question is about, in handy units, logarithms where the prior is uniform in them."""
    schema = Schema({name: Column(doc=CORNER[name][0]) for name in shown}, {})
    true = {name: _handy(name, truth[name]) for name in shown}
    drawn = {
        answer: {name: true[name] for name in shown} | {f"{name}_draws": _handy(name, table[f"{name}_draws"]) for name in shown}
        for answer, table in answers.items()
    }
    return default_figures(schema, shown, true, drawn)["One event"]


def _handy(name: str, values: np.ndarray) -> np.ndarray:
    found = CORNER[name][1] * np.asarray(values, float)
    return np.log10(found) if PARAMETERS[name].logarithmic else found


def maps(truth: Table, number: int = 3) -> Figure:
    """Counts of a few events, all energy bins together, by the share of point sources."""
    from matplotlib.colors import LogNorm

    order = np.argsort(np.asarray(truth["f_src"]))
    events = order[np.linspace(0, len(order) - 1, min(number, len(order))).astype(int)]
    figure = new_figure(3.6 * len(events) + 0.6, 3.8)
    axes = figure.subplots(1, len(events), squeeze=False)[0]
    images = [np.maximum(raster(np.asarray(truth["counts"][event]).sum(0)), 0.5) for event in events]
    # one scale for all
    scale = LogNorm(max(float(np.nanmin(images)), 0.5), max(float(np.nanmax(images)), 1.0))
    drawn: AxesImage | None = None
    for axis, event, image in zip(axes, events, images, strict=True):
        drawn = axis.imshow(image, extent=(EDGE_DEG, -EDGE_DEG, -EDGE_DEG, EDGE_DEG), origin="lower", cmap="inferno", norm=scale)
        axis.set_xlabel("Galactic longitude (deg)")
        axis.set_title(f"f_src {truth['f_src'][event]:.2f}, break at {truth['source_break_cm2_s'][event]:.1g} /cm² s", fontsize=9)
    axes[0].set_ylabel("Galactic latitude (deg)")
    if drawn is not None:
        figure.colorbar(drawn, ax=axes.tolist(), label="counts a pixel", shrink=0.8)
    return finish(figure, "Photon counts of simulated skies, of few, some and most of the excess in point sources.", grid=False)


def sky(counts: np.ndarray) -> Figure:
    """One map (bins, nside, nside), by energy bin."""
    figure = new_figure(PAGE_INCHES, 0.6 + PAGE_INCHES / max(len(counts), 2))
    axes = figure.subplots(1, len(counts), squeeze=False)[0]
    for number, (axis, image) in enumerate(zip(axes, counts, strict=True), 1):
        drawn = axis.imshow(np.log10(1 + raster(image)), extent=(EDGE_DEG, -EDGE_DEG, -EDGE_DEG, EDGE_DEG), origin="lower", cmap="inferno")
        axis.set_xlabel("Galactic longitude (deg)")
        axis.set_title(f"energy bin {number}: {int(image.sum()):,} photons", fontsize=8)
        figure.colorbar(drawn, ax=axis, shrink=0.7)
    axes[0].set_ylabel("Galactic latitude (deg)")
    return finish(
        figure,
        "lg (1 + counts a pixel) of the map, by energy bin. Networks look at what is nearer than 25 deg to the centre, and 2 deg beside the plane.",
        grid=False,
    )


def strangeness(own: float, quantiles: np.ndarray) -> Figure:
    """How far one map's features lie from those of maps like the training's, beside such maps' own distances, told by their ``quantiles``."""
    figure = new_figure(5.6, 3.2)
    axis = figure.add_subplot()
    edges = np.geomspace(max(quantiles[0], 1e-3), max(quantiles[-1], own) * 1.2, 41).tolist()
    axis.hist(quantiles, edges, color=BLUE, alpha=0.5, density=True)
    axis.axvline(own, color=VERMILION, linewidth=1.5)
    axis.set(xscale="log", xlabel="distance of the network's features from the training's middle (rms deviations)", ylabel="density", yticks=[])
    legend(figure, [line(BLUE, "skies like the training's"), line(VERMILION, "this sky")])
    return finish(figure, "Where this sky lies among those of the training: further than all of them, no answer of the network can be trusted.", grid=False)


def residual_map(residuals: np.ndarray) -> Figure:
    """Deviations (nside, nside) of a map from a template fit, NaN where none was made."""
    figure = new_figure(5.6, 4.4)
    axis = figure.add_subplot()
    drawn = axis.imshow(raster(residuals), extent=(EDGE_DEG, -EDGE_DEG, -EDGE_DEG, EDGE_DEG), origin="lower", cmap="RdBu_r", vmin=-5, vmax=5)
    axis.set(xlabel="Galactic longitude (deg)", ylabel="Galactic latitude (deg)")
    figure.colorbar(drawn, ax=axis, label="(counts - fit) / sqrt(fit)", shrink=0.8)
    return finish(figure, "What the template fit leaves, all energy bins together: sources, and diffuse emission that its templates do not know.", grid=False)


def corner(draws: Mapping[str, np.ndarray], ranges: Mapping[str, Parameter], truth: Mapping[str, float]) -> Figure:
    """Posterior of one map: each parameter of ``SHOWN`` by itself and each pair, over the prior's ``ranges``; the truth where it is known."""
    names = [name for name in SHOWN if name in draws] or list(draws)[:6]
    figure = new_figure(PAGE_INCHES, PAGE_INCHES)
    axes = figure.subplots(len(names), len(names), squeeze=False)
    for row, one in enumerate(names):
        for column, other in enumerate(names):
            axis = axes[row, column]
            if column > row:
                axis.remove()
                continue
            x, (low, high), label = _plain(ranges[other], other, draws[other])
            axis.set(xlim=(low, high), xlabel=label if row == len(names) - 1 else "")
            if other in truth:
                axis.axvline(_plain(ranges[other], other, np.array(truth[other]))[0], color=VERMILION, linewidth=1)
            if row == column:
                axis.hist(x, np.linspace(low, high, 31), color=BLUE, alpha=0.8)
                axis.set_yticks([])
            else:
                y, limits, label = _plain(ranges[one], one, draws[one])
                axis.plot(x, y, ".", color=BLUE, alpha=0.2, markersize=1.5, rasterized=True)
                axis.set(ylim=limits, ylabel=label if column == 0 else "")
                if one in truth:
                    axis.axhline(_plain(ranges[one], one, np.array(truth[one]))[0], color=VERMILION, linewidth=1)
            axis.tick_params(labelbottom=row == len(names) - 1, labelleft=column == 0 and row > 0)
    found = finish(figure, f"The posterior of this map over the prior's ranges{', and the truth (lines)' if truth else ''}.", grid=False)
    for axis in found.axes:
        axis.tick_params(labelsize=6)
        axis.xaxis.label.set_fontsize(6.5)
        axis.yaxis.label.set_fontsize(6.5)
    return found


def _plain(parameter: Parameter, name: str, values: np.ndarray) -> tuple[np.ndarray, tuple[float, float], str]:
    """Values without long exponents, the prior's range of them, and what they are then called."""
    if parameter.logarithmic:
        return np.log10(values), (float(np.log10(parameter.low)), float(np.log10(parameter.high))), f"lg {name}"
    power = int(np.floor(np.log10(parameter.high)))
    scale = 10.0**power if abs(power) > 2 else 1.0
    return values / scale, (parameter.low / scale, parameter.high / scale), name if scale == 1 else f"{name} / 1e{power}"


def answers_and_truth(truth: Table, answers: Mapping[str, Table], target: list[str]) -> Figure:
    """Width of each parameter's errors over that of its prior, for each answer: 1 where nothing is learned."""
    figure = new_figure(7.6, 1.0 + 0.28 * len(target))
    axis = figure.add_subplot()
    place = np.arange(len(target))[::-1]
    shown = [(name, colour) for name, colour in zip(answers, COLOURS, strict=False)]
    for number, (name, colour) in enumerate(shown):
        share = [relative_error(truth, answers[name], parameter) for parameter in target]
        axis.plot(share, place - 0.15 * number, "o", color=colour, markersize=5)
    axis.axvline(1.0, color=QUIET, linestyle=DASHED, linewidth=1)
    axis.set_yticks(place, target, fontsize=8)
    axis.set(xlabel="rms of (mean of the posterior - truth) / rms of the prior", xlim=(0, 1.15))
    legend(figure, [line(colour, name, "", marker="o") for name, colour in shown])
    return finish(
        figure, "What is told of each parameter: 0 were it known, 1 (dashed) for no more than the prior. Logarithms where the prior is uniform in them."
    )


def relative_error(truth: Table, answer: Table, parameter: str) -> float:
    """The rms of the error of a posterior's mean over the rms of the truths about theirs."""
    true, draws = np.asarray(truth[parameter], float), np.asarray(answer[f"{parameter}_draws"], float)
    if PARAMETERS[parameter].logarithmic:
        true, draws = np.log(true), np.log(draws)
    return float(np.sqrt(np.mean((draws.mean(1) - true) ** 2)) / max(true.std(), 1e-12))


def by_brightness(truth: Table, answers: Mapping[str, Table]) -> Figure:
    """rms error, stated deviation and 68 % coverage of f_src by the flux at which dN/dF breaks."""
    figure = new_figure(PAGE_INCHES, 3.6)
    error, covered = figure.subplots(1, 2)
    middles = np.sqrt(SOURCES[1:] * SOURCES[:-1])
    flux, true = np.asarray(truth["source_break_cm2_s"], float), np.asarray(truth["f_src"], float)
    groups = [(flux >= low) & (flux < high) for low, high in pairwise(SOURCES)]
    shown = [(name, colour) for name, colour in zip(answers, COLOURS, strict=False)]
    for name, colour in shown:
        draws = np.asarray(answers[name]["f_src_draws"], float)
        low, high = np.quantile(draws, (0.16, 0.84), axis=1)
        off, inside = draws.mean(1) - true, (true >= low) & (true <= high)
        values = np.array(
            [(np.sqrt(np.mean(off[g] ** 2)), np.mean(draws[g].std(1)), np.mean(inside[g])) if g.sum() >= FEWEST else (np.nan,) * 3 for g in groups]
        )
        error.plot(middles, values[:, 0], color=colour)
        error.plot(middles, values[:, 1], color=colour, linestyle=DOTTED)
        covered.plot(middles, values[:, 2], color=colour)
    error.axhline(1 / np.sqrt(12), color=QUIET, linestyle=DASHED, linewidth=1)
    covered.axhline(0.68, color=QUIET, linestyle=DASHED, linewidth=1)
    error.set(xscale="log", xlim=(SOURCES[0], SOURCES[-1]), xlabel="flux at the break of dN/dF (/cm² s)", ylabel="f_src", ylim=(0, 0.4))
    covered.set(xscale="log", xlim=(SOURCES[0], SOURCES[-1]), xlabel="flux at the break of dN/dF (/cm² s)", ylabel="share of truths within 68 %", ylim=(0, 1))
    legend(
        figure,
        [line(colour, name) for name, colour in shown] + [line(INK, "rms error"), line(INK, "stated deviation", DOTTED), line(QUIET, "prior, 68 %", DASHED)],
    )
    return finish(
        figure, "f_src by the sources' brightness. Sources of less than a photon are diffuse emission: there an honest posterior is as wide as the prior."
    )
