"""Figures of drawn maps of the diffuse emission beside the simulator's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cloudchamber.report.figures import DASHED, DOTTED, GREEN, PAGE_INCHES, PINK, SKY_BLUE, VERMILION, Linestyle, finish, legend, line, new_figure, patch
from cloudchamber.schema import Table
from cloudchamber.studies.galactic_centre.columns import SHAPES
from cloudchamber.studies.galactic_centre.raster import EDGE_DEG, raster
from cloudchamber.studies.galactic_centre.surrogate.observables import SIDE_DEG, WORDS, bands, fluctuations, logs, power

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = NDArray[Any]

STYLES: tuple[tuple[str, Linestyle], ...] = ((VERMILION, "-"), (GREEN, DASHED), (PINK, DOTTED))
"""Colour and dashes of the answers in their order."""
SHOWN, EVENTS = 3, 1000
"""Maps of each kind, and events of a distribution at most."""
LONGEST_DEG, POINTS = 60.0, 12
TICKS_DEG = (50, 20, 10, 5, 2)
CENTRAL = (0.16, 0.5, 0.84)


def shape_plots(truth: Table, answers: Mapping[str, Table]) -> dict[str, Figure]:
    """Maps of the simulator and of the first answer at the same theta, power spectra, and values by latitude."""
    truth, answers = _first(truth), {name: _first(table) for name, table in answers.items()}
    return {"Maps": maps(truth, answers), "Power spectra": spectra(truth, answers), "Values by latitude": values(truth, answers)}


def maps(truth: Table, answers: Mapping[str, Table]) -> Figure:
    """A few events, a row of gas and one of inverse Compton of the simulator, then of the first answer."""
    tables = {"simulator": truth, **dict(list(answers.items())[:1])}
    figure = new_figure(3.0 * SHOWN + 1.0, 2.7 * len(tables) * len(SHAPES) + 0.4)
    axes = figure.subplots(len(tables) * len(SHAPES), SHOWN, squeeze=False)
    for number, name in enumerate(SHAPES):
        rows = axes[number * len(tables) : (number + 1) * len(tables)]
        images = [[raster(image) / np.log(10) for image in logs(table, name)[:SHOWN]] for table in tables.values()]
        low, high = np.nanquantile(np.array(images), (0.005, 0.995))
        for row, word, found in zip(rows, tables, images, strict=True):
            for axis, image in zip(row, found, strict=False):
                drawn = axis.imshow(image, extent=(EDGE_DEG, -EDGE_DEG, -EDGE_DEG, EDGE_DEG), origin="lower", cmap="inferno", vmin=low, vmax=high)
            row[0].set_ylabel(f"{word}\nlatitude (deg)", fontsize=9)
        figure.colorbar(drawn, ax=rows.ravel().tolist(), label=f"lg of {WORDS[name]}", shrink=0.6)
    for axis in axes[-1]:
        axis.set_xlabel("longitude (deg)", fontsize=9)
    return finish(figure, "Each column is one theta: the simulator's map and a drawn one have clouds and turbulence of their own.", grid=False)


def spectra(truth: Table, answers: Mapping[str, Table]) -> Figure:
    """Power of ln of the maps about their mean map by wavelength: median and central 68 % of events."""
    figure = new_figure(PAGE_INCHES * 0.75, 4.0)
    edges = np.geomspace(LONGEST_DEG, 2 * SIDE_DEG / np.shape(truth[SHAPES[0]])[-1], POINTS + 1)
    middle = np.sqrt(edges[1:] * edges[:-1])
    for axis, name in zip(figure.subplots(1, len(SHAPES)), SHAPES, strict=True):
        low, median, high = np.quantile(power(fluctuations(logs(truth, name)), edges), CENTRAL, axis=0)
        axis.fill_between(middle, low, high, color=SKY_BLUE, alpha=0.4, linewidth=0)
        axis.plot(middle, median, color=SKY_BLUE)
        for (colour, dashes), table in zip(STYLES, answers.values(), strict=False):
            for number, each in enumerate(np.quantile(power(fluctuations(logs(table, name)), edges), CENTRAL, axis=0)):
                axis.plot(middle, each, color=colour, linestyle=dashes, linewidth=1.4 if number == 1 else 0.8)
        axis.set(xscale="log", yscale="log", xlabel="wavelength (deg)", ylabel="power of a wave", title=WORDS[name])
        axis.set_xticks(TICKS_DEG, [f"{each:g}" for each in TICKS_DEG])
        axis.set_xticks([], minor=True)
        axis.set_xlim(middle[0], middle[-1])
    _legend(figure, answers)
    return finish(figure, "Power of the cosine waves of ln of the maps less their mean map: median of the events, and 16 and 84 %.")


def values(truth: Table, answers: Mapping[str, Table]) -> Figure:
    """Distributions of ln of the maps over pixels and events by latitude."""
    parts = bands(np.shape(truth[SHAPES[0]])[-1])
    figure = new_figure(PAGE_INCHES, 5.4)
    for row, name in zip(figure.subplots(len(SHAPES), len(parts)), SHAPES, strict=True):
        for axis, (word, part) in zip(row, parts.items(), strict=True):
            true, *others = (logs(table, name).reshape(len(table[name]), -1)[:, part].ravel() for table in (truth, *answers.values()))
            low, high = np.quantile(true, (0.0005, 0.9995))
            edges = np.linspace(low, high, 51)
            axis.hist(true, edges, color=SKY_BLUE, alpha=0.5, density=True)
            for (colour, dashes), other in zip(STYLES, others, strict=False):
                axis.hist(other, edges, color=colour, linestyle=dashes, density=True, histtype="step")
            axis.set_yticks([])
            axis.set_title(word, fontsize=9)
        row[0].set_ylabel(WORDS[name])
    figure.supxlabel("ln of the shape", fontsize=10)
    _legend(figure, answers)
    return finish(figure, "Values of pixels of all events.", grid=False)


def _first(table: Table) -> Table:
    return {name: table[name][:EVENTS] for name in SHAPES}


def _legend(figure: Figure, answers: Mapping[str, Table]) -> None:
    legend(figure, [patch("simulator", SKY_BLUE), *(line(colour, name, dashes) for (colour, dashes), name in zip(STYLES, answers, strict=False))])
