"""The figures of an air-shower report: profiles, Xmax, muons, elongation rate, ratios and single showers.

Filled is the simulator, lines are the answers; captions are the figures' labels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from cloudchamber.physics.gumbel import gumbel_density
from cloudchamber.report.figures import DASHED, DOTTED, INK, PAGE_INCHES, QUIET, finish, legend, line, new_figure, panels, patch, short_names
from cloudchamber.schema import Table
from cloudchamber.studies.airshower.columns import MASS_NUMBER, PRIMARIES, depth_grid
from cloudchamber.studies.airshower.plots.parts import (
    COLOURS,
    DEPTH,
    ENERGY,
    MEAN_XMAX,
    NAMES,
    QUANTILES,
    SIGMA_XMAX,
    XMAX,
    XmaxMoments,
    alike,
    answer_styles,
    contours,
    correlation,
    darker,
    density,
    finite,
    gumbel_key,
    gumbel_lines,
    minus_gumbel,
    moment_points,
    per_gev,
    present,
    quantile_errors,
    reach,
    slope,
    span,
    tag,
    xmax_moments,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

__all__ = ["XmaxMoments", "plots", "simulator_gate", "solver_steps", "xmax_moments"]

PARTICLES = {"n_electron": (1.0, r"$N_e\,/\,E$  (1/GeV)"), "n_muon": (1e3, r"$N_\mu\,/\,E$  (1/TeV)")}
"""Column: particles per GeV times this factor, and the axis label."""
NOTED = 24
"""Letters of a model's name that fit beside a number in a panel."""


def plots(truth: Table, answers: Mapping[str, Table]) -> dict[str, Figure]:
    """The report's figures by heading; event i of every answer was sampled at theta i of the truth.

    A figure that needs a column the truth lacks is left out; an answer that lacks it is left out of that figure.
    """
    figures = {}
    for heading, (draw, columns) in _FIGURES.items():
        if not all(name in truth for name in ("primary", "lg_energy_ev", *columns)) or not len(truth["primary"]):
            continue
        figure = draw(truth, {name: answer for name, answer in answers.items() if all(column in answer for column in columns)})
        if figure is not None:
            figures[heading] = figure
    return figures


def longitudinal_profiles(truth: Table, answers: Mapping[str, Table]) -> Figure:
    """Median and 5 to 95 % band of N_e(X) / E and N_mu(X) / E of the lightest and the heaviest nucleus."""
    chosen, depth = alike(truth)
    first = list(answers.items())[:1]
    figure = new_figure(6.6, 6.4)
    axes = figure.subplots(2, 1, sharex=True)
    for axis, (column, (factor, label)) in zip(axes, PARTICLES.items(), strict=True):
        for primary, events in chosen.items():
            low, middle, high = factor * np.quantile(per_gev(truth, truth[column], events, len(depth)), QUANTILES, axis=0)
            axis.fill_between(depth, low, high, color=COLOURS[primary], alpha=0.25, linewidth=0)
            axis.plot(depth, middle, color=COLOURS[primary], linewidth=2.0)
            for _, answer in first:
                low, middle, high = factor * np.quantile(per_gev(truth, answer[column], events, len(depth)), QUANTILES, axis=0)
                axis.plot(depth, middle, color=darker(primary), linewidth=1.4, linestyle=DASHED)
                axis.plot(depth, np.stack([low, high], axis=1), color=darker(primary), linewidth=1.1, linestyle=DOTTED)
        axis.set(ylabel=label, xlim=(0, depth[-1]))
        axis.set_ylim(bottom=0)
    axes[-1].set_xlabel(DEPTH)
    handles = [line(COLOURS[primary], f"{NAMES[primary]}, simulator", linewidth=2.0) for primary in chosen]
    handles += [handle for name, _ in first for handle in (line(INK, f"{name}, median", DASHED), line(INK, "5 and 95 %", DOTTED))]
    legend(figure, handles)
    lg = truth["lg_energy_ev"][np.concatenate(list(chosen.values()))]
    return finish(
        figure,
        f"Electrons and muons per energy, {lg.min():.2f} ≤ lg(E/eV) ≤ {lg.max():.2f}, of showers whose ground lies below {depth[-1]:.0f} g/cm² "
        f"({' and '.join(f'{len(events)} {NAMES[primary]}' for primary, events in chosen.items())}): median, and the band that holds 5 to 95 % of them.",
    )


def xmax_distributions(truth: Table, answers: Mapping[str, Table]) -> Figure:
    """Histogram of Xmax per primary, with the generalised Gumbel distribution for nuclei."""
    there = present(truth)
    figure, axes = panels(len(there))
    for axis, (primary, events) in zip(axes, there.items(), strict=True):
        xmax = finite(truth["xmax_g_cm2"][events])
        low, high = span(xmax, 0.002)
        edges = np.linspace(low, high, 1 + int(np.clip(2.4 * len(xmax) ** (1 / 3), 6, 45)))
        middle = (edges[1:] + edges[:-1]) / 2
        axis.stairs(density(xmax, edges), edges, fill=True, color=COLOURS[primary], alpha=0.35)
        if MASS_NUMBER[primary]:
            grid = np.linspace(low, high, 200)
            energies = np.quantile(truth["lg_energy_ev"][events], np.linspace(0.01, 0.99, 50))
            curve = gumbel_density(grid[:, None], np.log(MASS_NUMBER[primary]), energies).mean(axis=1)
            axis.plot(grid, 1e3 * curve, color=COLOURS[primary], linewidth=2.2)
        for style, answer in zip(answer_styles(answers), answers.values(), strict=True):
            axis.plot(middle, density(finite(answer["xmax_g_cm2"][events]), edges), linewidth=1.3, **style)
        axis.set(xlabel=XMAX, xlim=(low, high))
        axis.set_ylim(0, 1.12 * axis.get_ylim()[1])
        tag(axis, primary, f"{len(xmax)} showers")
    for axis in axes[::3]:
        axis.set_ylabel("density  (10⁻³ cm²/g)")
    handles: list[Line2D | Patch] = [patch("simulator"), *gumbel_key(there)]
    handles += [line(style["color"], name, style["linestyle"]) for style, name in zip(answer_styles(answers), answers, strict=True)]
    legend(figure, handles)
    return finish(
        figure,
        "Depth of the shower maximum over all energies and zenith angles of the test. The curve is the generalised Gumbel distribution of CONEX "
        "showers with Sibyll 2.3d, averaged over the same energies.",
    )


def xmax_against_muons(truth: Table, answers: Mapping[str, Table]) -> Figure:
    """Xmax and the logarithm of the muon maximum, both moved to one energy: contours and correlation coefficients."""
    there = present(truth)
    tables = {"simulator": truth, **dict(list(answers.items())[:1])}
    figure, axes = panels(len(there))
    reference = float(np.round(np.median(truth["lg_energy_ev"]), 1))
    for axis, (primary, events) in zip(axes, there.items(), strict=True):
        offset = truth["lg_energy_ev"][events].astype(float) - reference
        slopes = [slope(offset, values[events]) for values in _ln_muons_and_xmax(truth)]
        size, alpha = (1.6, 0.45) if len(events) > 300 else (4.0, 0.7)
        notes, limits = [], list[tuple[float, float]]()
        for name, table in tables.items():
            points = np.stack([values[events] - steepness * offset for values, steepness in zip(_ln_muons_and_xmax(table), slopes, strict=True)])
            points = points[:, np.isfinite(points).all(axis=0)]
            if table is truth:
                limits = [span(values, 0.004, 0.12) for values in points]
                axis.plot(*points[:, :1500], "o", color=COLOURS[primary], markersize=size, markeredgewidth=0, alpha=alpha, rasterized=True)
                contours(axis, points, limits, colors=COLOURS[primary], linewidths=1.7)
            else:
                axis.plot(*points[:, :1500], "s", color=INK, markersize=0.7 * size, markeredgewidth=0, alpha=0.6 * alpha, rasterized=True)
                contours(axis, points, limits, colors=INK, linewidths=1.1, linestyles=[DASHED])
            rho = f"{correlation(points):+.2f}".replace("-", "−").replace("+nan", "–")
            # the legend has more of a long name, which would leave the panels no room
            notes.append(f"{short_names([name], NOTED)[name]}  ρ = {rho}")
        (low, high), room = limits[1], 0.24 * (limits[1][1] - limits[1][0])
        axis.set(xlim=limits[0], ylim=(low, high + room), xlabel=r"$\ln N_\mu^\mathrm{max}$")
        axis.locator_params(axis="x", nbins=6)
        tag(axis, primary, "\n".join(notes))
    for axis in axes[::3]:
        axis.set_ylabel(XMAX)
    handles = [line(QUIET, "simulator", linewidth=1.7, marker="o"), *(line(INK, name, DASHED, marker="s") for name in list(tables)[1:])]
    legend(figure, handles)
    return finish(
        figure,
        f"Depth of the shower maximum and height of the muon profile, each moved to 10^{reference:.1f} eV by the simulator's slope in lg(E), so that ρ is "
        "the correlation at fixed energy. A point is a shower; contours hold 68 and 95 % of the showers.",
    )


def _ln_muons_and_xmax(table: Table) -> tuple[np.ndarray, np.ndarray]:
    largest = table["n_muon"].max(axis=1).astype(float)
    return np.log(largest, out=np.full(len(largest), np.nan), where=largest > 0), table["xmax_g_cm2"].astype(float)


def elongation_rate(truth: Table, answers: Mapping[str, Table]) -> Figure | None:
    """Mean and standard deviation of Xmax against energy, with the generalised Gumbel distribution's for nuclei; nothing for too few events."""
    lg = truth["lg_energy_ev"]
    there = present(truth)
    typical = int(np.median([len(events) for events in there.values()]))
    bins = int(np.clip(min(np.ceil(np.ptp(lg) / 0.25), typical // 15), 1, 20))
    edges = np.linspace(lg.min() - 1e-3, lg.max() + 1e-3, bins + 1)
    rows = xmax_moments(truth, truth["xmax_g_cm2"], edges)
    if not rows:
        return None
    figure = new_figure(PAGE_INCHES, 5.2)
    axes = figure.subplots(1, 2)
    gumbel_lines(axes, list(there), edges[0], edges[-1])
    moment_points(axes, rows, -0.008 * np.ptp(edges), filled=True)
    for answer in list(answers.values())[:1]:
        moment_points(axes, xmax_moments(truth, answer["xmax_g_cm2"], edges), 0.008 * np.ptp(edges), filled=False)
    for axis, label in zip(axes, (MEAN_XMAX, SIGMA_XMAX), strict=True):
        axis.set(xlabel=ENERGY, ylabel=label)
    axes[1].set_ylim(bottom=0)
    handles: list[Line2D | Patch] = [patch(NAMES[primary], COLOURS[primary], 1.0) for primary in there]
    handles += [*gumbel_key(there), line(QUIET, "simulator", "", marker="o")]
    handles += [line(QUIET, name, "", marker="s", face="white") for name in list(answers)[:1]]
    legend(figure, handles)
    return finish(
        figure,
        "Elongation rate: mean and standard deviation of Xmax in bins of energy, each shower moved to the bin's mean energy. Bars are statistical errors; "
        "lines are the generalised Gumbel distribution of CONEX showers with Sibyll 2.3d.",
    )


def quantile_ratios(truth: Table, answers: Mapping[str, Table]) -> Figure | None:
    """Ratio of the first answer's profile quantiles to the simulator's; nothing without an answer."""
    if not answers:
        return None
    name, answer = next(iter(answers.items()))
    chosen, depth = alike(truth)
    figure = new_figure(PAGE_INCHES, 5.6)
    axes = figure.subplots(2, 3, sharex=True, sharey="row")
    for row, column in zip(axes, PARTICLES, strict=True):
        farthest = 0.05
        for primary, events in chosen.items():
            profiles, others = (per_gev(truth, table[column], events, len(depth)) for table in (truth, answer))
            bands, other_bands = (np.quantile(values, QUANTILES, axis=0) for values in (profiles, others))
            errors, other_errors = quantile_errors(profiles), quantile_errors(others)
            for axis, below, error, above, other_error in zip(row, bands, errors, other_bands, other_errors, strict=True):
                seen = below > 0.03 * bands[1].max()
                ratio = np.divide(above, below, out=np.full_like(below, np.nan), where=seen)
                spread = np.divide(np.hypot(error, other_error), below, out=np.full_like(below, np.nan), where=seen)
                axis.fill_between(depth, ratio - spread, ratio + spread, color=COLOURS[primary], alpha=0.2, linewidth=0)
                axis.plot(depth, ratio, color=COLOURS[primary], linewidth=1.5)
                distances = finite(np.abs(ratio - 1))
                if len(distances):
                    farthest = max(farthest, float(np.quantile(distances, 0.97)))
        row[0].set_ylim(1 - 1.4 * min(farthest, 0.7), 1 + 1.4 * min(farthest, 0.7))
        row[0].set_ylabel(f"{'electrons' if column == 'n_electron' else 'muons'}\n{name} / simulator")
    for axis in axes.flat:
        axis.axhspan(0.98, 1.02, color="#8a939e", alpha=0.22, linewidth=0, zorder=0)
        axis.axhline(1, color=INK, linewidth=0.8)
        axis.set_xlim(0, depth[-1])
    for axis, title in zip(axes[0], ("5 % quantile", "median", "95 % quantile"), strict=True):
        axis.set_title(title, fontsize=10, color=INK)
    for axis in axes[1]:
        axis.set_xlabel(DEPTH)
    legend(figure, [*(line(COLOURS[primary], NAMES[primary]) for primary in chosen), patch("±2 %", "#8a939e", 0.3)])
    return finish(
        figure,
        f"Quantiles of the profiles of {name} over the simulator's, for the showers of the first figure, where the simulator's exceeds 3 % of its "
        "largest median. Coloured bands are the statistical error of both.",
    )


def single_showers(truth: Table, answers: Mapping[str, Table]) -> Figure:
    """Showers as silhouettes, depth downwards: the simulator's on the left and the first answer's at the same theta on the right."""
    name, answer = next(iter(answers.items()), ("simulator", truth))
    depth, last = depth_grid(), reach(truth)
    there = present(truth)
    middle = np.median(truth["lg_energy_ev"])
    shown = [events[np.argsort(np.abs(truth["lg_energy_ev"][events] - middle), kind="stable")[:1]][0] for events in there.values()]
    figure = new_figure(max(2.05 * len(shown), 4.2), 5.6)
    axes = figure.subplots(1, len(shown), sharey=True, squeeze=False)[0]
    for axis, primary, event in zip(axes, there, shown, strict=True):
        energy_gev = 10.0 ** (float(truth["lg_energy_ev"][event]) - 9)
        seen = slice(0, last[event] + 1)
        widest = 0.1
        for side, table, alpha in ((-1, truth, 0.45), (1, answer, 0.25)):
            electrons, muons = table["n_electron"][event, seen] / energy_gev, 50 * table["n_muon"][event, seen] / energy_gev
            axis.fill_betweenx(depth[seen], 0, side * electrons, color=COLOURS[primary], alpha=alpha, linewidth=0)
            axis.plot(side * electrons, depth[seen], color=COLOURS[primary], linewidth=1.3)
            axis.plot(side * muons, depth[seen], color=INK, linewidth=1.0, linestyle=DASHED)
            widest = max(widest, finite(electrons).max(initial=0.0), finite(muons).max(initial=0.0))
        axis.axhspan(depth[last[event]], depth[-1], color="#8d8073", alpha=0.3, linewidth=0)
        axis.axhline(depth[last[event]], color="#5d5348", linewidth=1.2)
        axis.axvline(0, color=INK, linewidth=0.7)
        axis.set_xlim(-1.15 * widest, 1.15 * widest)
        axis.xaxis.set_major_formatter(lambda value, _: f"{abs(value):.2g}")
        zenith = f", {truth['zenith_deg'][event]:.0f}°" if "zenith_deg" in truth else ""
        axis.set_title(NAMES[primary], fontsize=11, color=COLOURS[primary], weight="bold", pad=19)
        theta = f"$10^{{{truth['lg_energy_ev'][event]:.2f}}}$ eV{zenith}"
        axis.text(0.5, 1.015, theta, color=QUIET, fontsize=9, ha="center", va="bottom", transform=axis.transAxes)
        axis.set_xlabel(PARTICLES["n_electron"][1])
    axes[0].set_ylim(min(depth[last[shown].max()] + 60, depth[-1]), 0)
    axes[0].set_ylabel(DEPTH)
    handles: list[Line2D | Patch] = [patch("left: simulator", alpha=0.5), patch(f"right: {name}", alpha=0.28)]
    legend(figure, [*handles, line(INK, "muons × 50", DASHED), patch("ground", "#8d8073", 0.45)])
    return finish(
        figure,
        f"Single showers, electrons per energy along the axis from the top of the atmosphere to the ground: the simulator's on the left, on the right one of "
        f"{name} for the same primary, energy and direction. Both are random draws, so they agree in kind, not in detail.",
    )


_FIGURES: dict[str, tuple[Callable[[Table, Mapping[str, Table]], Figure | None], tuple[str, ...]]] = {
    "Longitudinal profiles": (longitudinal_profiles, ("n_electron", "n_muon")),
    "Depth of the shower maximum": (xmax_distributions, ("xmax_g_cm2",)),
    "Shower maximum and muons": (xmax_against_muons, ("xmax_g_cm2", "n_muon")),
    "Elongation rate": (elongation_rate, ("xmax_g_cm2",)),
    "Profile quantiles, ratio to the simulator": (quantile_ratios, ("n_electron", "n_muon")),
    "Single showers": (single_showers, ("n_electron", "n_muon")),
}


def solver_steps(steps: Sequence[int | float], results: Mapping[str, Sequence[float]], rates: Sequence[float], floor: float | None) -> Figure:
    """Quality against the solver's steps, one curve a result (lower is better), above the speed in showers a second, each (steps,).

    ``floor`` is the value of two simulated samples, drawn as a line. ValueError where a length differs from that of ``steps``.
    """
    for name, values in {**results, "rates": rates}.items():
        if len(values) != len(steps):
            raise ValueError(f"'{name}' holds {len(values)} values for {len(steps)} steps: give one for each")
    figure = new_figure(6.4, 5.8)
    quality, speed = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    palette = [COLOURS[primary] for primary in ("Fe", "p", "N", "photon", "He", "Si")]
    for number, (name, values) in enumerate(results.items()):
        quality.plot(steps, values, "osD^v<"[number % 6], linestyle="-", color=palette[number % 6], markersize=5.5, linewidth=1.5, label=name)
    if floor is not None:
        quality.axhline(floor, color=QUIET, linewidth=1.2, linestyle=DASHED, label="simulator against simulator")
    speed.plot(steps, rates, "o-", color=INK, markersize=5.5, linewidth=1.5)
    drawn = np.array([*(value for values in results.values() for value in values), *([] if floor is None else [floor])], float)
    if len(drawn) and drawn.min() > 0 and drawn.max() > 5 * drawn.min():
        quality.set_yscale("log")
    quality.set_ylabel(next(iter(results)) if len(results) == 1 else "value, lower is better")
    speed.set(xscale="log", yscale="log", xlabel="solver steps a shower", ylabel="showers a second")
    speed.set_xticks(list(steps), labels=[f"{step:g}" for step in steps])
    speed.set_xticks([], minor=True)
    handles, _ = quality.get_legend_handles_labels()
    legend(figure, handles)
    return finish(figure, "Quality and speed against the number of solver steps, chosen when sampling: the same weights serve all points.")


def simulator_gate(rows: Sequence[XmaxMoments]) -> Figure:
    """Mean and sigma of the simulator's Xmax (see ``xmax_moments``) against the generalised Gumbel distribution of Sibyll 2.3d, and the difference."""
    if not rows:
        raise ValueError("no rows: give the moments of at least one primary at one energy")
    rows = [XmaxMoments(*row) for row in rows]
    names = [primary for primary in PRIMARIES if any(row.primary == primary for row in rows)]
    lg = [row.lg_energy_ev for row in rows]
    figure = new_figure(PAGE_INCHES, 6.1)
    axes = figure.subplots(2, 2, sharex=True, height_ratios=(3, 2))
    gumbel_lines(axes[0], names, min(lg) - 0.05, max(lg) + 0.05)
    moment_points(axes[0], rows, 0.0, filled=True)
    for order, primary in enumerate(names):
        if MASS_NUMBER[primary]:
            nudge = 0.012 * (order - 0.5 * (len(names) - 1))
            moment_points(axes[1], [minus_gumbel(row) for row in rows if row.primary == primary], nudge, filled=True)
    for axis, label in zip(axes.flat, (MEAN_XMAX, SIGMA_XMAX, "difference  (g/cm²)", "difference  (g/cm²)"), strict=True):
        axis.set_ylabel(label)
    for axis in axes[1]:
        axis.axhline(0, color=INK, linewidth=0.8, zorder=0)
        axis.set_xlabel(ENERGY)
    axes[0, 1].set_ylim(bottom=0)
    handles: list[Line2D | Patch] = [patch(NAMES[primary], COLOURS[primary], 1.0) for primary in names]
    legend(figure, [*handles, *gumbel_key(names), line(QUIET, "simulator", "", marker="o")])
    return finish(
        figure,
        "The simulator against CONEX showers with Sibyll 2.3d (generalised Gumbel distribution): mean and standard deviation of Xmax, and below the "
        "difference, simulator less reference, its points side by side for clarity. Bars are statistical errors. Photons have no reference.",
    )
