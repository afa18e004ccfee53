"""Figures of skies and of verdicts on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cloudchamber.physics.sphere import lon_lat_deg, move, unit_vectors
from cloudchamber.report.figures import BLUE, GREEN, INK, ORANGE, PINK, QUIET, SKY_BLUE, VERMILION, finish, new_figure
from cloudchamber.schema import Table
from cloudchamber.statistics.calibration import reliability
from cloudchamber.studies.cosmic_ray_sky.columns import ISOTROPY, SIGNAL
from cloudchamber.studies.cosmic_ray_sky.observables import signal_probability

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from cloudchamber.studies.cosmic_ray_sky.scans.tophat import Excess

SOURCE = "#d7263d"
COLOURS = (BLUE, VERMILION, GREEN, PINK, ORANGE, SKY_BLUE, INK)


def plots(truth: Table, answers: Mapping[str, Table]) -> dict[str, Figure]:
    """Example skies, the calibration of each answer that states probabilities, and its verdicts by the number of signal cosmic rays."""
    figures = {}
    signals = np.flatnonzero((truth["kind"] == SIGNAL) & (truth["n_signal"] >= np.median(truth["n_signal"][truth["kind"] == SIGNAL], axis=0)))
    if len(signals):
        figures["A simulated sky"] = simulated_sky(truth, int(signals[0]))
    stated = {name: answer for name, answer in answers.items() if "kind_probability" in answer}
    if stated:
        figures["Calibration"] = calibration({name: signal_probability(answer) for name, answer in stated.items()}, truth["kind"] == SIGNAL)
        figures["Verdicts"] = verdicts(truth, {name: signal_probability(answer) for name, answer in stated.items()})
    return figures


def mollweide(figure: Figure, position: Any = 111) -> Axes:
    """Axes of the whole sky in Galactic coordinates, longitude growing to the left."""
    axes = figure.add_subplot(position, projection="mollweide")
    axes.grid(color=QUIET, alpha=0.25, linewidth=0.5)
    axes.set_xticks(np.deg2rad([-120, -60, 0, 60, 120]), ["120°", "60°", "0°", "-60°", "-120°"], fontsize=7, color=QUIET)
    axes.set_yticks(np.deg2rad([-60, -30, 30, 60]), ["-60°", "-30°", "30°", "60°"], fontsize=7, color=QUIET)
    return axes


def place(lon_deg: np.ndarray, lat_deg: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where a direction lies on ``mollweide`` axes."""
    return -np.deg2rad((np.asarray(lon_deg, float) + 180.0) % 360.0 - 180.0), np.deg2rad(lat_deg)


def draw_events(axes: Axes, lon_deg: np.ndarray, lat_deg: np.ndarray, value: np.ndarray, size: np.ndarray | float, **options: Any) -> Any:
    """Cosmic rays as points, coloured by ``value``, high values above low ones."""
    order = np.argsort(value)
    x, y = place(lon_deg[order], lat_deg[order])
    return axes.scatter(x, y, c=value[order], s=size[order] if isinstance(size, np.ndarray) else size, linewidths=0, **options)


def sizes(energy_ev: np.ndarray) -> np.ndarray:
    """Areas of points that grow with the energy."""
    return 4.0 + 40.0 * np.clip(energy_ev / 1e20 - 0.35, 0.0, 1.5)


def sky(lon_deg: np.ndarray, lat_deg: np.ndarray, energy_ev: np.ndarray, caption: str = "") -> Figure:
    """One sky, energies as colours and sizes."""
    figure = new_figure(8.2, 4.6)
    points = draw_events(mollweide(figure), lon_deg, lat_deg, energy_ev / 1e18, sizes(energy_ev), cmap="viridis_r")
    figure.colorbar(points, label="energy (EeV)", shrink=0.7, pad=0.02)
    figure.set_label(caption)
    return figure


def simulated_sky(truth: Table, event: int) -> Figure:
    """A sky whose truth is known: background grey, cosmic rays of sources coloured by rigidity."""
    lon, lat, energy, charge, signal = (
        truth[name].values[truth[name].offsets[event] : truth[name].offsets[event + 1]] for name in ("lon_deg", "lat_deg", "energy_ev", "charge", "from_source")
    )
    figure = new_figure(8.2, 4.6)
    axes, chosen = mollweide(figure), signal == 1
    axes.scatter(*place(lon[~chosen], lat[~chosen]), s=sizes(energy[~chosen]), color="#c9ced6", linewidths=0)
    points = draw_events(axes, lon[chosen], lat[chosen], energy[chosen] / charge[chosen] / 1e18, sizes(energy[chosen]), cmap="plasma")
    axes.plot(*place(truth["source_lon_deg"][event], truth["source_lat_deg"][event]), "*", color=SOURCE, markersize=11, markeredgecolor="white")
    figure.colorbar(points, label="rigidity of signal cosmic rays (EV)", shrink=0.7, pad=0.02)
    figure.set_label(f"{int(chosen.sum())} signal cosmic rays of {len(lon)} about their (brightest) source, the star; Galactic coordinates.")
    return figure


def relevance_sky(lon_deg: np.ndarray, lat_deg: np.ndarray, energy_ev: np.ndarray, relevance: np.ndarray, caption: str = "") -> Figure:
    """One sky, each cosmic ray coloured by how much it spoke for (red) or against (blue) a signal."""
    figure = new_figure(8.2, 4.6)
    largest = float(np.abs(relevance).max(initial=1e-12))
    strength = np.abs(relevance)
    order = np.argsort(strength)
    x, y = place(lon_deg[order], lat_deg[order])
    points = mollweide(figure).scatter(
        x, y, c=relevance[order], s=sizes(energy_ev[order]), cmap="RdBu_r", vmin=-largest, vmax=largest, linewidths=0.2, edgecolors=QUIET
    )
    figure.colorbar(points, label="relevance for a signal", shrink=0.7, pad=0.02)
    figure.set_label(caption)
    return figure


def tophat_sky(lon_deg: np.ndarray, lat_deg: np.ndarray, energy_ev: np.ndarray, excess: Excess) -> Figure:
    """A sky with the disc of its most significant top-hat excess."""
    seen, expected = int(excess.observed), float(excess.expected)
    caption = f"The circle is the blind scan's disc: {seen} cosmic rays from {float(excess.threshold_ev) / 1e18:.3g} EeV on, {expected:.3g} expected."
    figure = sky(lon_deg, lat_deg, energy_ev, caption)
    x, y = place(*circle(excess.centre, float(excess.radius_deg)))
    # a line that leaves the map on one side must not cross it
    x = np.where(np.abs(np.diff(x, prepend=x[0])) > np.pi, np.nan, x)
    figure.axes[0].plot(x, y, color=SOURCE, linewidth=1.4)
    return figure


def pixel_map(values: np.ndarray, label: str, caption: str = "", cmap: str = "magma") -> Figure:
    """A map on HEALPix pixels (nested), such as a lens's arrival map."""
    from cloudchamber.physics.sphere import nested_pixels

    nside = round((len(values) / 12) ** 0.5)
    lon, lat = np.meshgrid(np.linspace(-180, 180, 721), np.linspace(-90, 90, 361))
    figure = new_figure(8.2, 4.6)
    axes = mollweide(figure)
    image = values[nested_pixels(nside, unit_vectors(lon, lat))]
    x, y = -np.deg2rad(lon), np.deg2rad(lat)
    drawn = axes.pcolormesh(x, y, image, cmap=cmap, shading="nearest", rasterized=True)
    figure.colorbar(drawn, label=label, shrink=0.7, pad=0.02)
    figure.set_label(caption)
    return figure


def calibration(probability: Mapping[str, np.ndarray], signal: np.ndarray) -> Figure:
    """How often a stated p(signal) came true, each point with its binomial error."""
    figure = new_figure(4.6, 4.4)
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color=QUIET, linewidth=0.8, label="exact")
    for (name, stated), colour in zip(probability.items(), COLOURS, strict=False):
        found = reliability(stated, signal)
        axes.errorbar(found.probability, found.frequency, found.error, fmt="o-", color=colour, markersize=4, linewidth=1, capsize=2, label=name)
    axes.set(xlabel="stated p(signal)", ylabel="share of signals among such skies", xlim=(0, 1), ylim=(0, 1))
    axes.legend(frameon=False)
    return finish(figure, f"Stated probabilities against what happened, {len(signal)} skies.")


def verdicts(truth: Table, probability: Mapping[str, np.ndarray]) -> Figure:
    """Log odds of a signal against the number of signal cosmic rays: median and the central 68 % of skies."""
    figure = new_figure(6.4, 4.2)
    axes = figure.add_subplot()
    n = np.asarray(truth["n_signal"])
    edges = np.unique(np.quantile(n[n > 0], np.linspace(0, 1, 11)).astype(int)) if (n > 0).any() else np.array([1, 2])
    for (name, stated), colour in zip(probability.items(), COLOURS, strict=False):
        odds = np.log(np.clip(stated, 1e-12, 1)) - np.log(np.clip(1 - stated, 1e-12, 1))
        isotropic = odds[truth["kind"] == ISOTROPY]
        if len(isotropic):
            low, middle, high = np.quantile(isotropic, (0.16, 0.5, 0.84))
            axes.axhspan(low, high, color=colour, alpha=0.12, linewidth=0)
            axes.axhline(middle, color=colour, linestyle=":", linewidth=1)
        groups = [(n[chosen].mean(), *np.quantile(odds[chosen], (0.16, 0.5, 0.84))) for chosen in _between(n, edges)]
        if groups:
            x, low, middle, high = np.array(groups).T
            axes.plot(x, middle, "o-", color=colour, markersize=4, label=name)
            axes.fill_between(x, low, high, color=colour, alpha=0.2, linewidth=0)
    axes.set(xlabel="signal cosmic rays", ylabel="ln odds of a signal")
    if axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False)
    return finish(figure, "Median verdict and the central 68 % of skies; the horizontal band shows isotropic skies.")


def sensitivity(curves: Mapping[str, tuple[np.ndarray, np.ndarray]], optimum: str, caption: str = "", total: int = 1000) -> Figure:
    """Median significance in standard deviations against the number of signal cosmic rays, {method: (counts, sigma)}; ``optimum`` is drawn as a black line."""
    figure = new_figure(6.6, 4.6)
    axes = figure.add_subplot()
    colours = iter(COLOURS[:-1] * 3)
    for name, (counts, sigma) in curves.items():
        if name == optimum:
            axes.plot(counts, sigma, color=INK, linewidth=2.2, label=name, zorder=5)
        else:
            axes.plot(counts, sigma, "o-", color=next(colours), markersize=3.5, linewidth=1.2, label=name)
    axes.axhline(5.0, color=QUIET, linestyle="--", linewidth=0.8)
    axes.set(xlabel=f"signal cosmic rays of {total}", ylabel=r"median significance ($\sigma$)", ylim=(0, None))
    axes.legend(frameon=False, fontsize=8)
    return finish(figure, caption)


def circle(centre: np.ndarray, radius_deg: float, points: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """Longitudes and latitudes of a circle about the unit vector ``centre``."""
    return lon_lat_deg(move(np.broadcast_to(centre, (points, 3)), np.deg2rad(radius_deg), np.linspace(0, 2 * np.pi, points)))


def _between(n: np.ndarray, edges: np.ndarray) -> Sequence[np.ndarray]:
    masks = [(n >= low) & (n < high) & (n > 0) for low, high in zip(edges[:-1], [*edges[1:-1], edges[-1] + 1], strict=True)]
    return [mask for mask in masks if mask.sum() >= 10]
