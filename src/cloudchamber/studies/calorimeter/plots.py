"""The figures of a calorimeter report: mean image, single crystals, shower shapes, total energy, correlations and single showers.

Filled is the simulator, lines are the answers; captions are the figures' labels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cloudchamber.report.figures import (
    DASHED,
    DOTTED,
    GREEN,
    INK,
    PINK,
    SKY_BLUE,
    VERMILION,
    Linestyle,
    finish,
    legend,
    line,
    new_figure,
    panels,
    patch,
)
from cloudchamber.schema import Table
from cloudchamber.studies.calorimeter.challenge.features import crystal_features
from cloudchamber.studies.calorimeter.observables import (
    CELL_CLASSES,
    ENERGY_EDGES_GEV,
    READOUT_MEV,
    beams,
    cell_class,
    crystals_of,
    half_width,
    log_energies,
    particle_energy_bins,
    response,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[Any]

TRUTH = SKY_BLUE
STYLES: tuple[tuple[str, Linestyle], ...] = ((VERMILION, "-"), (GREEN, DASHED), (PINK, DOTTED), (INK, (0, (4, 1, 1, 1))))
"""Colour and dashes of the answers in their order."""
FEWEST = 10
SHOWN = 5


def plots(truth: Table, answers: Mapping[str, Table]) -> dict[str, Figure]:
    """The report's figures by heading; event i of every answer was sampled at theta i of the truth. Square arrays of crystals have all of them."""
    figures = {"Total energy": total_energy(truth, answers)}
    try:
        crystals_of(truth)
    except ValueError:
        return figures
    for heading, draw in _FIGURES.items():
        figures[heading] = draw(truth, answers)
    return figures


def mean_image(truth: Table, answers: Mapping[str, Table]) -> Figure:
    """Mean share of each crystal: the simulator, the first answer, and their ratio."""
    name, answer = next(iter(answers.items()), ("simulator", truth))
    n = crystals_of(truth).n
    images = [np.mean(table["deposit_mev"] / np.asarray(table["energy_mev"])[:, None], axis=0, dtype=float).reshape(n, n) for table in (truth, answer)]
    ratio = np.divide(images[1], images[0], out=np.full((n, n), np.nan), where=images[0] > 0)
    figure = new_figure(11.6, 4.1)
    axes = figure.subplots(1, 3)
    from matplotlib.colors import LogNorm

    colours = LogNorm(max(min(image[image > 0].min() for image in images if (image > 0).any()), 1e-6), max(image.max() for image in images))
    for axis, image, title in zip(axes, images, ("simulator", name), strict=False):
        _image(figure, axis, image, title, "mean share of the energy", norm=colours, cmap="viridis", label=lambda v: f"{100 * v:.2g} %")
    reach = max(0.02, float(np.nanmax(np.abs(ratio - 1))))
    _image(figure, axes[2], ratio, f"{name} / simulator", "ratio", vmin=1 - reach, vmax=1 + reach, cmap="RdBu_r", label=lambda v: f"{v:.3f}")
    return finish(
        figure, "Mean deposit of each crystal over the particle's energy, columns along x and rows along y; on the right the ratio of the two.", False
    )


def single_crystals(truth: Table, answers: Mapping[str, Table]) -> Figure:
    """Spectra of single crystals, alike places together."""
    n = crystals_of(truth).n
    shown = {name: offset for name, offset in CELL_CLASSES.items() if offset[1] <= n // 2}
    figure, axes = panels(len(shown))
    for axis, (name, offset) in zip(axes, shown.items(), strict=True):
        _histograms(axis, {key: cell_class(table, offset).ravel() for key, table in {"simulator": truth, **answers}.items()}, 60, log=True)
        axis.set(xlabel="lg(E / MeV)", ylabel="crystals")
        axis.set_title(name, fontsize=10, color=INK)
    _legend(figure, answers)
    return finish(figure, f"Energies of single crystals at alike places of the array; those below {READOUT_MEV:g} MeV are in the first bin.")


def shower_shapes(truth: Table, answers: Mapping[str, Table]) -> Figure:
    """E1/E9, E9/E21, E9/E25 and the highest crystal."""
    labels = {"e1_e9": "E1 / E9", "e9_e21": "E9 / E21", "e9_e25": "E9 / E25", "max_mev": "highest crystal / particle's energy"}
    found = {name: crystal_features(np.asarray(table["deposit_mev"]), crystals_of(table)) for name, table in {"simulator": truth, **answers}.items()}
    energy = np.asarray(truth["energy_mev"], dtype=float)
    figure = new_figure(9.6, 6.4)
    for axis, (feature, label) in zip(figure.subplots(2, 2).flat, labels.items(), strict=True):
        # event i of an answer has the truth's energy
        values = {name: features[feature] / energy if feature == "max_mev" else features[feature] for name, features in found.items()}
        _histograms(axis, values, 60, tail=0.002)
        axis.set(xlabel=label, ylabel="showers")
    _legend(figure, answers)
    return finish(
        figure, "Shower shapes: the central crystal over the 3 x 3 about it, these over the 5 x 5 without and with its corners, and the highest crystal."
    )


def total_energy(truth: Table, answers: Mapping[str, Table]) -> Figure:
    """Total energy at each beam energy, or in bins of a continuous one, and its mean and width against energy."""
    groups = beams(truth)
    groups = {name: mask for name, mask in (groups if len(groups) > 1 else particle_energy_bins(truth)).items() if mask.sum() >= FEWEST}
    if not groups:
        groups = {"all": np.ones(len(truth["energy_mev"]), bool)}
    values = {name: response(table) for name, table in {"simulator": truth, **answers}.items()}
    shown = dict(list(groups.items())[:10])
    figure, axes = panels(len(shown) + 2)
    for axis, (group, mask) in zip(axes, shown.items(), strict=False):
        _histograms(axis, {name: found[mask] for name, found in values.items()}, 60, tail=0.004)
        axis.set_title(group, fontsize=10, color=INK)
        axis.set(xlabel="total / particle's energy", ylabel="showers")
    particles = list(dict.fromkeys(group.partition(",")[0] for group in groups))
    energy = [float(np.mean(np.asarray(truth["energy_mev"], dtype=float)[mask])) / 1000 for mask in groups.values()]
    for axis, statistic, label in ((axes[-2], np.mean, "mean of total / energy"), (axes[-1], half_width, "sigma68 of total / energy")):
        for name, found in values.items():
            truth_here = name == "simulator"
            for (group, mask), gev in zip(groups.items(), energy, strict=True):
                marker = dict(zip(particles, "os^Dv" if truth_here else "x+123", strict=False)).get(group.partition(",")[0], ".")
                colour = TRUTH if truth_here else _style(answers, name)[0]
                axis.plot(gev, statistic(found[mask]), color=colour, marker=marker, markersize=6.5)
        ticks = [gev for gev in ENERGY_EDGES_GEV if min(energy) / 1.5 <= gev <= max(energy) * 1.5]
        axis.set(xscale="log", xlabel="energy (GeV)", ylabel=label)
        axis.set_xticks(ticks, [f"{gev:g}" for gev in ticks], minor=False)
        axis.set_xticks([], minor=True)
    _legend(figure, answers)
    return finish(
        figure,
        "Total deposit over the particle's energy, for each particle and beam energy (bins of energy for a continuous beam). Last its mean and half its "
        "central 68 % against energy: filled circles and squares are the simulator's particles in this order, x and + the answers'. An energy that was not "
        "learned from should lie among the others.",
    )


def correlations(truth: Table, answers: Mapping[str, Table]) -> Figure:
    """Correlation matrices of the crystals' logarithms of energy: the simulator, the first answer, and their difference."""
    name, answer = next(iter(answers.items()), ("simulator", truth))
    with np.errstate(invalid="ignore", divide="ignore"):
        one, two = (np.nan_to_num(np.corrcoef(log_energies(table).T)) for table in (truth, answer))
    reach = max(0.02, float(np.abs(two - one).max()))
    figure = new_figure(12.4, 4.2)
    axes = figure.subplots(1, 3)
    for axis, matrix, title in zip(axes, (one, two), ("simulator", name), strict=False):
        _image(figure, axis, matrix, title, "correlation", vmin=-1, vmax=1, cmap="RdBu_r")
    _image(figure, axes[2], two - one, f"{name} − simulator", "difference", vmin=-reach, vmax=reach, cmap="RdBu_r")
    for axis in axes:
        axis.set(xlabel="crystal", ylabel="crystal")
    return finish(
        figure, "Correlations of the crystals' lg(E / MeV) over all showers, crystals counted row by row; on the right the difference of the two.", False
    )


def single_showers(truth: Table, answers: Mapping[str, Table]) -> Figure:
    """Showers of the simulator above those of the first answer at the same theta."""
    from matplotlib.colors import LogNorm

    name, answer = next(iter(answers.items()), ("simulator", truth))
    n, events = crystals_of(truth).n, len(truth["energy_mev"])
    order = np.argsort(np.asarray(truth["energy_mev"]), kind="stable")
    chosen = order[np.linspace(0, events - 1, min(SHOWN, events)).round().astype(int)]
    figure = new_figure(2.3 * len(chosen) + 1.2, 5.2)
    axes = figure.subplots(2, len(chosen), squeeze=False)
    colours, half, pitch = LogNorm(READOUT_MEV, float(np.max(truth["energy_mev"]))), 0.5 * n, crystals_of(truth).pitch_mm
    for column, event in enumerate(chosen):
        for axis, table, title in ((axes[0, column], truth, "simulator"), (axes[1, column], answer, name)):
            shower = np.asarray(table["deposit_mev"][event], dtype=float).reshape(n, n)
            seen = np.where(shower >= READOUT_MEV, shower, np.nan)
            drawn = axis.imshow(seen, norm=colours, cmap="viridis", origin="lower", extent=(-half, half, -half, half))
            axis.plot(truth["impact_x_mm"][event] / pitch, truth["impact_y_mm"][event] / pitch, "x", color="#D55E00", markersize=6)
            axis.set(xticks=[], yticks=[], facecolor="#e6eaee")
            if column == 0:
                axis.set_ylabel(title, fontsize=10, color=INK)
        axes[0, column].set_title(f"{truth['energy_mev'][event] / 1000:.2f} GeV, {truth['polar_deg'][event]:.0f}°", fontsize=10, color=INK)
    figure.colorbar(drawn, ax=list(axes.flat), label="E (MeV)", shrink=0.8)
    return finish(figure, "Single showers at the same theta, by energy; crosses mark the impact point, grey crystals saw less than 0.1 MeV.", False)


_FIGURES: dict[str, Callable[[Table, Mapping[str, Table]], Figure]] = {
    "Shower shapes": shower_shapes,
    "Single crystals": single_crystals,
    "Mean image": mean_image,
    "Correlations": correlations,
    "Single showers": single_showers,
}


def _style(answers: Mapping[str, Table], name: str) -> tuple[str, Linestyle]:
    return STYLES[list(answers).index(name) % len(STYLES)]


def _histograms(axis: Axes, values: Mapping[str, Array], bins: int, log: bool = False, tail: float = 0.0) -> None:
    """The first one filled, the others as lines; ``tail`` of the first one is left out on the left, a quarter of it on the right."""
    truth = next(iter(values.values()))
    low, high = np.quantile(truth, [tail, 1 - tail / 4])
    margin = 0.03 * (high - low) or 0.5
    edges = np.linspace(low - margin, high + margin, int(np.clip(2 * len(truth) ** 0.4, 12, bins)) + 1)
    for number, found in enumerate(values.values()):
        counts = np.histogram(found, edges)[0]
        if number == 0:
            axis.stairs(counts, edges, fill=True, color=TRUTH, alpha=0.45)
            axis.stairs(counts, edges, color=TRUTH, linewidth=0.8)
        else:
            colour, dashes = STYLES[(number - 1) % len(STYLES)]
            axis.stairs(counts, edges, color=colour, linestyle=dashes, linewidth=1.3)
    if log and max(np.histogram(truth, edges)[0]) > 0:
        axis.set_yscale("log")
        axis.set_ylim(bottom=0.5)
    axis.set_xlim(edges[0], edges[-1])


def _image(figure: Figure, axis: Axes, image: Array, title: str, name: str, label: Callable[[float], str] | None = None, **style: Any) -> None:
    drawn = axis.imshow(image, origin="lower", **style)
    axis.set_title(title, fontsize=10, color=INK)
    figure.colorbar(drawn, ax=axis, label=name, shrink=0.8)
    if label is not None and len(image) <= 9:
        for (row, column), value in np.ndenumerate(image):
            # dark on light and light on dark
            shade = float(np.mean(drawn.to_rgba(value)[:3])) if np.isfinite(value) else 1.0
            axis.text(column, row, label(value), ha="center", va="center", fontsize=8, color="white" if shade < 0.5 else INK)
        axis.set(xticks=[], yticks=[])


def _legend(figure: Figure, answers: Mapping[str, Table]) -> None:
    lines = (line(_style(answers, name)[0], name, _style(answers, name)[1]) for name in answers)
    legend(figure, [patch("simulator", TRUTH, 0.6), *lines])
