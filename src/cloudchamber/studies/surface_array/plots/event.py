"""One event as a picture: footprint, delays behind the plane front, signals against distance, and the records of the strongest stations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cloudchamber.report.figures import BLUE, GREEN, INK, ORANGE, QUIET, VERMILION, finish, legend, line, new_figure
from cloudchamber.studies.surface_array import estimates as say
from cloudchamber.studies.surface_array.columns import HITS, PARTICLES, PULSES, STEP_NS
from cloudchamber.studies.surface_array.constants import LIGHT_M_NS
from cloudchamber.studies.surface_array.fit.ldf import delay_ns, ln_ldf, slope

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TRUTH, FIT, NETWORK = GREEN, INK, VERMILION
LAYERS = ((BLUE, "upper layer"), (ORANGE, "lower layer"))
SHOWN_RECORDS = 4
ARROW = 0.3
"""Length of the arrow of a shower inclined by 45 degrees, in units of the footprint's extent."""
LEAST_DENSITY = 0.01


class Stations(NamedTuple):
    """The stations of one event with a record, (stations,): place in km, density in VEM/m2, time of the first particles in ns, what of it is good, records."""

    x: np.ndarray
    y: np.ndarray
    density: np.ndarray
    time_ns: np.ndarray
    timed: np.ndarray
    saturated: np.ndarray
    start_ns: np.ndarray
    waveform: np.ndarray


class Axis(NamedTuple):
    """A shower's core in km and its direction, from truth, fit or network."""

    name: str
    colour: str
    core: np.ndarray
    direction: np.ndarray


def event_display(table: Mapping[str, Any], event: int, answer: Mapping[str, Any] | None = None) -> Figure:
    """Event number ``event`` of a ``table`` of the columns ``SEEN``, with the truth where it has that.

    An ``answer``'s draws about the same events add what a network says.
    """
    one = {name: values[event : event + 1] for name, values in table.items()}
    said = None if answer is None else {name: values[event : event + 1] for name, values in answer.items() if name.endswith("_draws")}
    stations, axes = stations_of(one), shower_axes(one, said)
    figure = new_figure(12.4, 8.4)
    grid = figure.add_gridspec(3, 4, height_ratios=(1, 1, 1.15))
    _footprint(figure, figure.add_subplot(grid[:2, :2]), one, stations, axes)
    strongest = np.argsort(-stations.density, kind="stable")[:SHOWN_RECORDS]
    for number, station in enumerate(strongest):
        _record(figure.add_subplot(grid[number // 2, 2 + number % 2]), stations, int(station), number)
    distance, late = behind_the_plane(one, stations)
    _delays(figure.add_subplot(grid[2, :2]), one, stations, distance, late)
    _signals(figure.add_subplot(grid[2, 2:]), one, stations, distance)
    shown = [line(axis.colour, axis.name, "-", marker="x") for axis in axes]
    legend(figure, [*shown, *(line(colour, name) for colour, name in LAYERS), line(QUIET, "silent station", "", marker="s", face="none")])
    return finish(figure, _caption(one, len(stations.x), said))


def stations_of(one: Mapping[str, Any]) -> Stations:
    """The stations of a table of one event."""
    x, y, start, waveform, density, time, use = (one[name].values for name in (*HITS, *PULSES))
    return Stations(x / 1000, y / 1000, density, np.where(use > 0, time, np.nan), use > 0, use == 1, start, waveform)


def shower_axes(one: Mapping[str, Any], said: Mapping[str, Any] | None) -> list[Axis]:
    """The axes to draw of a table of one event, and of the draws ``said`` about it."""
    found = []
    if {"zenith_deg", "azimuth_deg", "core_x_m", "core_y_m"} <= set(one):
        found.append(Axis("truth", TRUTH, say.core(one)[0] / 1000, say.true_direction(one)[0]))
    found.append(Axis("parametric fit", FIT, say.core(one, "fit_")[0] / 1000, say.fit_direction(one)[0]))
    if said:
        found.append(Axis("network", NETWORK, say.drawn_cores(said)[0].mean(axis=0) / 1000, say.network_direction(said)[0]))
    return found


def behind_the_plane(one: Mapping[str, Any], stations: Stations) -> tuple[np.ndarray, np.ndarray]:
    """Distance (m) of each station from the fitted axis, and how long (ns) after the fitted plane it saw its first particles."""
    direction = say.fit_direction(one)[0]
    place = np.stack([1000.0 * stations.x, 1000.0 * stations.y], axis=-1) - say.core(one, "fit_")[0]
    ahead = place @ direction[:2]
    distance = np.sqrt(np.maximum(np.sum(place**2, axis=1) - ahead**2, 0.0))
    return distance, stations.time_ns - (float(one["fit_t0_ns"][0]) - ahead / LIGHT_M_NS)


def front_and_signal(one: Mapping[str, Any], distance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Delay (ns) behind the plane and signal density (VEM/m2) of the fit at distances (m)."""
    eta, curvature = slope(1 / np.cos(np.deg2rad(float(one["fit_zenith_deg"][0])))), float(one["fit_curvature"][0])
    shape = np.array([ln_ldf(float(r), eta) for r in distance])
    delay = np.array([delay_ns(float(r), ratio, curvature) for r, ratio in zip(distance, shape, strict=True)])
    return delay, float(one["fit_s800_vem"][0]) * np.exp(shape)


def areas(density: np.ndarray) -> np.ndarray:
    """Areas of circles that grow with the logarithm of the density."""
    return 12 + 80 * np.log10(1 + np.maximum(density, 0) / 0.3)


def _footprint(figure: Figure, axes: Axes, one: Mapping[str, Any], stations: Stations, showers: list[Axis]) -> None:
    axes.scatter(one["silent_x_m"].values / 1000, one["silent_y_m"].values / 1000, s=16, marker="s", facecolor="none", edgecolor="#9aa4b0", linewidth=0.9)
    order = np.argsort(-stations.density, kind="stable")
    with_time = order[stations.timed[order]]
    first = np.nanmin(stations.time_ns) if stations.timed.any() else 0.0
    points = axes.scatter(
        stations.x[with_time],
        stations.y[with_time],
        s=areas(stations.density[with_time]),
        c=(stations.time_ns[with_time] - first) / 1000,
        cmap="viridis",
        edgecolor=[VERMILION if full else INK for full in stations.saturated[with_time]],
        linewidth=np.where(stations.saturated[with_time], 2.0, 0.7),
    )
    dumb = ~stations.timed
    axes.scatter(stations.x[dumb], stations.y[dumb], s=20, marker="x", color=QUIET, linewidth=1)
    extent = max(1.0, float(np.ptp(stations.x)), float(np.ptp(stations.y))) if len(stations.x) else 1.0
    for shower in showers:
        # from where the shower came to where it met the ground; the truth lies broad below the others
        back, width = ARROW * extent / np.sin(np.deg2rad(45)) * shower.direction[:2], 3.6 if shower.colour == TRUTH else 1.6
        axes.annotate(
            "", tuple(shower.core), tuple(shower.core + back), arrowprops={"arrowstyle": "-", "color": shower.colour, "lw": width, "shrinkA": 0, "shrinkB": 0}
        )
        axes.annotate(
            "", tuple(shower.core + 0.45 * back), tuple(shower.core + 0.55 * back), arrowprops={"arrowstyle": "-|>", "color": shower.colour, "lw": width}
        )
        axes.plot(*shower.core, "x", color=shower.colour, markersize=9, markeredgewidth=width)
    axes.set_aspect("equal", adjustable="datalim")
    axes.set(xlabel="x (km), east", ylabel="y (km), north")
    figure.colorbar(points, ax=axes, label="first particles after the earliest (µs)", shrink=0.85, pad=0.02)


def _record(axes: Axes, stations: Stations, station: int, number: int) -> None:
    record = np.asarray(stations.waveform[station], float)
    time = STEP_NS * np.arange(record.shape[1]) / 1000
    for samples, (colour, _) in zip(record, LAYERS, strict=True):
        axes.plot(time, samples, color=colour, linewidth=1, drawstyle="steps-mid")
    if stations.timed[station]:
        axes.axvline((stations.time_ns[station] - stations.start_ns[station]) / 1000, color=QUIET, linewidth=0.9, linestyle=":")
    full = ", saturated" if stations.saturated[station] else ""
    axes.set_title(
        f"({stations.x[station]:.1f}, {stations.y[station]:.1f}) km: {stations.density[station]:.3g} VEM/m²{full}", fontsize=9, color=INK, loc="left"
    )
    axes.set_xlim(0, time[-1])
    if number >= SHOWN_RECORDS - 2:
        axes.set_xlabel("time in the record (µs)")
    if number % 2 == 0:
        axes.set_ylabel("FADC counts")


def _delays(axes: Axes, one: Mapping[str, Any], stations: Stations, distance: np.ndarray, late: np.ndarray) -> None:
    reach = np.linspace(50, max(1500.0, 1.08 * float(distance.max(initial=0))), 120)
    axes.plot(reach / 1000, front_and_signal(one, reach)[0] / 1000, color=FIT, linewidth=1.4)
    for full in (False, True):
        chosen = stations.timed & (stations.saturated == full)
        axes.plot(distance[chosen] / 1000, late[chosen] / 1000, "o", color=VERMILION if full else BLUE, markersize=5)
    axes.axhline(0, color=QUIET, linewidth=0.8)
    seen = late[stations.timed] / 1000
    low, high = min(float(seen.min(initial=0)), 0.0), max(float(seen.max(initial=0)), 0.5)
    axes.set(xlabel="distance from the fitted axis (km)", ylabel="delay behind the plane (µs)", xlim=(0, reach[-1] / 1000))
    axes.set_ylim(low - 0.08 * (high - low), high + 0.15 * (high - low))


def _signals(axes: Axes, one: Mapping[str, Any], stations: Stations, distance: np.ndarray) -> None:
    reach = np.linspace(50, max(1500.0, 1.08 * float(distance.max(initial=0))), 120)
    axes.plot(reach / 1000, np.maximum(front_and_signal(one, reach)[1], LEAST_DENSITY), color=FIT, linewidth=1.4)
    for full in (False, True):
        chosen = stations.timed & (stations.saturated == full)
        axes.plot(distance[chosen] / 1000, np.maximum(stations.density[chosen], LEAST_DENSITY), "o", color=VERMILION if full else BLUE, markersize=5)
    axes.set(xlabel="distance from the fitted axis (km)", ylabel="signal (VEM/m²)", yscale="log", xlim=(0, reach[-1] / 1000))


def _caption(one: Mapping[str, Any], stations: int, said: Mapping[str, Any] | None) -> str:
    def told(energy_ev: float, zenith_deg: float, azimuth_deg: float) -> str:
        return f"{energy_ev / 1e18:.3g} EeV, zenith angle {zenith_deg:.1f}°, azimuth {azimuth_deg:.1f}°"

    words = []
    if {"energy_ev", "zenith_deg", "azimuth_deg"} <= set(one):
        particle = f"{PARTICLES[int(one['particle'][0])]}, " if "particle" in one else ""
        words.append(f"Truth: {particle}{told(*(float(one[name][0]) for name in ('energy_ev', 'zenith_deg', 'azimuth_deg')))}.")
    words.append(f"Fit: {told(*(float(one[name][0]) for name in ('fit_energy_ev', 'fit_zenith_deg', 'fit_azimuth_deg')))}.")
    if said:
        zenith, azimuth = say.zenith_azimuth_deg(say.network_direction(said))
        words.append(f"Network: {told(float(np.exp(say.drawn_ln_energies(said).mean())), float(zenith[0]), float(azimuth[0]))}.")
    return (
        f"{' '.join(words)} {stations} stations with records; areas grow with the logarithm of the signal, red rims and points are saturated, crosses cores; "
        "lines lead from where the shower came to its core, longer for more inclined ones. Dotted: where the pulse begins. Below, black curves are the "
        "fit's mean front and lateral distribution."
    )
