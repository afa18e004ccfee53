"""The figures of hits, of windows, and of a stretch of data whose hits are known.

Filled is the simulator, lines are the answers; captions are the figures' labels.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cloudchamber.report.figures import DASHED, DOTTED, GREEN, INK, PINK, SKY_BLUE, VERMILION, Linestyle, finish, legend, line, new_figure, panels, patch
from cloudchamber.schema import Ragged, Table
from cloudchamber.studies.bolometer.columns import FAMILIES
from cloudchamber.studies.bolometer.detector import Detector
from cloudchamber.studies.bolometer.glitches.figures import plots as glitch_plots
from cloudchamber.studies.bolometer.observables import bolometer_correlation, power_spectrum
from cloudchamber.studies.bolometer.signal.campbell import campbell_spectrum
from cloudchamber.studies.bolometer.signal.filters import Starts

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[Any]

TRUTH = SKY_BLUE
STYLES: tuple[tuple[str, Linestyle], ...] = ((VERMILION, "-"), (GREEN, DASHED), (PINK, DOTTED), (INK, (0, (4, 1, 1, 1))))
"""Colour and dashes of the answers in their order."""
SHOWN_S = 1.0
MARKED_SHARE = 0.02
"""Of the hits in a stretch the largest such share is marked: all would cover the data."""
RATE_HZ = 156.25


def plots(truth: Table, answers: Mapping[str, Table]) -> dict[str, Figure]:
    """The report's figures by heading, of windows or of hits."""
    if "residual_sigma" in truth:
        return glitch_plots(truth, answers)
    if "power_w" in truth:
        return {
            "A window": window(truth, answers),
            "Amplitudes": histogram(truth, answers, "power_w", "power (aW)", 1e18),
            "Correlations": correlations({"simulator": truth, **answers}),
            "Power spectrum": spectra(truth, answers),
        }
    return {
        "Deposits": histogram(truth, answers, "deposit_kev", "deposit (keV)"),
        "Heights": histogram(truth, answers, "amplitude_w", "height in any bolometer (aW)", 1e18),
        "Height against distance": distances(truth, answers),
        "Correlations of heights": correlations({"simulator": truth, **answers}),
    }


def stream_figures(detector: Detector, power_w: Array, hits: Starts, duration_s: float) -> dict[str, Figure]:
    """A stretch of data with its hits marked, its spectrum with Campbell's curve, amplitudes and correlations.

    ``power_w`` (bolometers, samples) from 0 s on; ``hits`` of these ``duration_s`` and no others.
    """
    rate_hz = detector.rate_hz / detector.decimation
    table = {"power_w": power_w[None]}
    return {
        "A stretch of data": stretch(power_w, rate_hz, hits.time_s, hits.amplitude_w.sum(axis=2).max(axis=1)),
        "Power spectrum": stream_spectrum(detector, power_w, hits, duration_s),
        "Amplitudes": histogram(table, {}, "power_w", "power (aW)", 1e18),
        "Correlations": correlations({"simulator": table}),
    }


def stretch(power_w: Array, rate_hz: float, hit_time_s: Array, size: Array) -> Figure:
    """The second about the largest signal; below it ticks at the largest hits of the second, by ``size`` (hits,)."""
    peak = int(np.argmax(power_w.max(axis=0)))
    start = max(peak / rate_hz - 0.4 * SHOWN_S, 0.0)
    time = np.arange(power_w.shape[1]) / rate_hz
    seen = (time >= start) & (time < start + SHOWN_S)
    figure = new_figure(9.6, 4.2)
    axis = figure.subplots()
    for number, data in enumerate(power_w):
        axis.plot(time[seen], 1e18 * data[seen], color=SKY_BLUE if number else VERMILION, linewidth=1.2 if number == 0 else 0.6, zorder=3 if number == 0 else 2)
    near = (hit_time_s >= start) & (hit_time_s < start + SHOWN_S)
    for time_s in hit_time_s[near]:
        axis.axvline(time_s, ymin=0.0, ymax=0.02, color=INK, linewidth=0.5)
    if near.any():
        large = hit_time_s[near][size[near] >= np.quantile(size[near], 1 - MARKED_SHARE)]
        axis.plot(large, np.full(len(large), 1.03), "v", transform=axis.get_xaxis_transform(), color=INK, markersize=5, clip_on=False)
    axis.set(xlabel="time (s)", ylabel="power (aW)", xlim=(start, start + SHOWN_S), yscale="log")
    legend(figure, [line(VERMILION, "first bolometer"), line(SKY_BLUE, "the others"), line(INK, "large hits", "", marker="v")])
    return finish(figure, "The second about the largest signal in all bolometers; ticks below are hits, triangles the largest of them.")


def stream_spectrum(detector: Detector, power_w: Array, hits: Starts, duration_s: float) -> Figure:
    """Mean of the bolometers; Campbell's theorem, which knows neither decimation nor the sensor's response, up to the kept samples' Nyquist frequency."""
    rate_hz = detector.rate_hz / detector.decimation
    frequency, power = power_spectrum(power_w, rate_hz, int(np.clip(power_w.shape[1] // 8, 16, 1024)))
    theory = campbell_spectrum(hits, duration_s, detector.rate_hz, np.array(detector.time_constants_s), frequency)
    figure = new_figure(6.4, 4.2)
    axis = figure.subplots()
    axis.loglog(frequency, power.mean(axis=0), color=SKY_BLUE, linewidth=1.0)
    axis.loglog(frequency, theory.mean(axis=0), color=VERMILION, linestyle=DASHED, linewidth=1.4)
    axis.set(xlabel="frequency (Hz)", ylabel="power spectrum (W²/Hz)")
    legend(figure, [line(SKY_BLUE, "data"), line(VERMILION, "Campbell's theorem", DASHED)])
    return finish(figure, "One-sided power spectrum, mean of the bolometers, and what Campbell's theorem says of the same hits and no sensor's response.")


def window(truth: Table, answers: Mapping[str, Table]) -> Figure:
    """The first window of the simulator and of the first answer."""
    tables = {"simulator": truth, **dict(list(answers.items())[:1])}
    figure = new_figure(9.6, 2.2 + 1.8 * len(tables))
    for axis, (name, table) in zip(np.ravel(figure.subplots(len(tables), 1, sharex=True, squeeze=False)), tables.items(), strict=True):
        data = 1e18 * np.asarray(table["power_w"][0], float)
        for number, values in enumerate(data):
            axis.plot(np.arange(data.shape[1]), values, color=SKY_BLUE if number else VERMILION, linewidth=0.6, zorder=3 if number == 0 else 2)
        if isinstance(times := table.get("hit_family"), Ragged):
            direct = np.asarray(next(iter(times))) != FAMILIES.index("wafer")
            axis.set_title(f"{name}: {len(direct)} hits, {direct.sum()} of them on a bolometer", fontsize=10, color=INK)
        else:
            axis.set_title(name, fontsize=10, color=INK)
        axis.set_ylabel("power (aW)")
    axis.set_xlabel("sample")
    return finish(figure, "One window of all bolometers, the first one in front.")


def histogram(truth: Table, answers: Mapping[str, Table], name: str, label: str, scale: float = 1.0) -> Figure:
    """Numbers of a column, both axes logarithmic."""
    values = {key: scale * np.ravel(np.asarray(table[name], float)) for key, table in {"simulator": truth, **answers}.items()}
    values = {key: found[found > 0] for key, found in values.items()}
    first = values["simulator"]
    edges = np.geomspace(max(np.quantile(first, 1e-3), first.max() * 1e-7), first.max() * 1.05, int(np.clip(2 * len(first) ** 0.4, 12, 90)))
    figure = new_figure(6.4, 4.2)
    axis = figure.subplots()
    for number, (key, found) in enumerate(values.items()):
        density = np.histogram(found, edges)[0] / np.diff(edges) / len(found)
        if number == 0:
            axis.stairs(density, edges, fill=True, color=TRUTH, alpha=0.45)
        else:
            colour, dashes = _style(answers, key)
            axis.stairs(density, edges, color=colour, linestyle=dashes, linewidth=1.3)
    axis.set(xscale="log", yscale="log", xlabel=label, ylabel="density")
    _legend(figure, answers)
    return finish(figure, f"Density of {label}, all events and bolometers together.")


def distances(truth: Table, answers: Mapping[str, Table]) -> Figure:
    """Median height in a bolometer over the deposit, against the place of the hit along x, of the first and of the last bolometer."""
    bolometers = np.asarray(truth["amplitude_w"]).shape[1]
    figure, axes = panels(2)
    for axis, bolometer in zip(axes, (0, bolometers - 1), strict=True):
        for number, (name, table) in enumerate({"simulator": truth, **answers}.items()):
            x = np.asarray(table["x_mm"], float)
            height = 1e18 * np.asarray(table["amplitude_w"], float)[:, bolometer] / np.asarray(table["deposit_kev"], float)
            edges = np.linspace(x.min(), x.max() + 1e-9, 16)
            place = np.digitize(x, edges) - 1
            middle = [np.median(height[place == i]) if np.any(place == i) else np.nan for i in range(15)]
            colour, dashes = (TRUTH, "-") if number == 0 else _style(answers, name)
            axis.plot(0.5 * (edges[1:] + edges[:-1]), middle, color=colour, linestyle=dashes, marker="o" if number == 0 else "", markersize=4)
        axis.set(xlabel="place of the hit along x (mm)", ylabel="height / deposit (aW/keV)")
        axis.set_title(f"bolometer {bolometer}", fontsize=10, color=INK)
    _legend(figure, answers)
    return finish(figure, "Median height over the deposit against the place of the hit along x, in the first and the last bolometer.")


def spectra(truth: Table, answers: Mapping[str, Table]) -> Figure:
    """Power spectra of windows, mean of the bolometers, at the default sampling rate."""
    figure = new_figure(6.4, 4.2)
    axis = figure.subplots()
    for number, (name, table) in enumerate({"simulator": truth, **answers}.items()):
        frequency, power = power_spectrum(np.asarray(table["power_w"]), RATE_HZ)
        colour, dashes = (TRUTH, "-") if number == 0 else _style(answers, name)
        axis.loglog(frequency / RATE_HZ, power.mean(axis=0), color=colour, linestyle=dashes, linewidth=1.2)
    axis.set(xlabel="frequency / sampling rate", ylabel=f"power spectrum at {RATE_HZ:g} Hz (W²/Hz)")
    _legend(figure, answers)
    return finish(figure, "One-sided power spectrum of the windows, each one's mean taken out, mean of the bolometers.")


def correlations(tables: Mapping[str, Table]) -> Figure:
    """Correlation matrices of the first two tables, of data or of logarithms of heights."""
    shown = dict(list(tables.items())[:2])
    figure = new_figure(5.0 * len(shown) + 0.4, 4.2)
    for axis, (name, table) in zip(np.ravel(figure.subplots(1, len(shown), squeeze=False)), shown.items(), strict=True):
        _matrix(figure, axis, _correlation(table), name)
    return finish(figure, "Correlation of each pair of bolometers: of data their signed square roots, of hits the logarithms of heights.", False)


def _correlation(table: Table) -> Array:
    if "power_w" in table:
        return bolometer_correlation(np.asarray(table["power_w"]))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.nan_to_num(np.corrcoef(np.log(np.maximum(np.asarray(table["amplitude_w"], float), 1e-30)).T))


def _matrix(figure: Figure, axis: Axes, matrix: Array, title: str) -> None:
    drawn = axis.imshow(matrix, origin="lower", cmap="viridis", vmax=1.0)
    axis.set(xlabel="bolometer", ylabel="bolometer")
    axis.set_title(title, fontsize=10, color=INK)
    figure.colorbar(drawn, ax=axis, label="correlation", shrink=0.85)


def _style(answers: Mapping[str, Table], name: str) -> tuple[str, Linestyle]:
    return STYLES[list(answers).index(name) % len(STYLES)]


def _legend(figure: Figure, answers: Mapping[str, Table]) -> None:
    lines = (line(_style(answers, name)[0], name, _style(answers, name)[1]) for name in answers)
    legend(figure, [patch("simulator", TRUTH, 0.6), *lines])
