"""The figures of a surface array's report: resolution, bias and explained variance against energy, pulls and coverage, Xmax and photons, and one event.

Colours are primaries where not said otherwise; the fit is dashed, the first answer full, others dotted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cloudchamber.report.figures import (
    BLUE,
    DASHED,
    DOTTED,
    GREEN,
    INK,
    ORANGE,
    PINK,
    QUIET,
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
from cloudchamber.rng import rng
from cloudchamber.schema import Table
from cloudchamber.statistics.calibration import coverage_of_levels
from cloudchamber.statistics.classifier import auc
from cloudchamber.studies.surface_array import estimates as say
from cloudchamber.studies.surface_array.columns import PARTICLES
from cloudchamber.studies.surface_array.fit.quality import passes
from cloudchamber.studies.surface_array.observables import PHOTON, photon_probability
from cloudchamber.studies.surface_array.plots.event import event_display

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Statistic = Callable[..., float]

COLOURS = {"gamma": PINK, "p": VERMILION, "He": ORANGE, "N": GREEN, "Fe": BLUE}
NAMES = {"gamma": "photon", "p": "proton", "He": "helium", "N": "nitrogen", "Fe": "iron"}
SHOWN = ("p", "Fe", "gamma")
METHODS = (VERMILION, BLUE, GREEN, ORANGE)
"""Colours of the answers where primaries are mixed."""
FEWEST, MOST_BINS, RESAMPLES = 15, 12, 30
ENERGY = r"$\lg(E/\mathrm{EeV})$"
WIDEST = 0.5
"""Of ln E, what is drawn: the fit, made for nuclei, is far off for photons."""
LEVELS = tuple(np.round(np.arange(0.05, 1.0, 0.05), 2))

DASH_DOTTED: Linestyle = (0, (4, 1, 1, 1))
QUANTITIES: tuple[tuple[str, Callable[[Table, Table], np.ndarray], Linestyle], ...] = (
    ("direction", say.direction_level, "-"),
    ("core", say.core_level, DASHED),
    ("ln E", say.energy_level, DOTTED),
    ("Xmax", say.xmax_level, DASH_DOTTED),
)
"""Where the coverage is shown, and how."""


def plots(truth: Table, answers: Mapping[str, Table]) -> dict[str, Figure]:
    """The report's figures by heading, of events that pass the standard cuts; event i of every answer is about event i of the truth."""
    good = passes(truth)
    if not good.any():
        return {}
    inferred = {name: {key: values[good] for key, values in answer.items() if _read(key)} for name, answer in answers.items() if "zenith_deg_draws" in answer}
    events = {name: values[good] for name, values in truth.items()}
    figures = {"Resolution and bias": resolution(events, inferred)}
    if inferred:
        figures["Explained variance"] = explained_variance(events, inferred)
        figures["Pulls and coverage"] = calibration(events, inferred)
        figures["Xmax and photons"] = xmax_and_photons(events, inferred)
    shown = np.argsort(np.diff(events["station_x_m"].offsets), kind="stable")[int(0.8 * (int(good.sum()) - 1))]
    figures["An event"] = event_display(events, int(shown), next(iter(inferred.values()), None))
    return figures


def resolution(truth: Table, answers: Mapping[str, Table]) -> Figure:
    """Angular resolution, resolution of the core, bias and spread of ln E against energy."""
    figure = new_figure(9.6, 7.0)
    axes = figure.subplots(2, 2)
    directions, cores, energies = _said(truth, answers)
    drawn: tuple[tuple[Axes, str, Statistic, dict[str, np.ndarray]], ...] = (
        (axes[0, 0], "angular resolution, 68 % (deg)", say.quantile68, {name: say.opening_deg(truth, found) for name, found in directions.items()}),
        (axes[0, 1], "core resolution, 68 % (m)", say.quantile68, {name: say.core_distance_m(truth, found) for name, found in cores.items()}),
        (axes[1, 0], r"bias of $\ln E$", lambda error: float(np.mean(error)), {name: found - say.ln_energy(truth) for name, found in energies.items()}),
        (axes[1, 1], r"spread of $\ln E$", lambda error: float(np.std(error)), {name: found - say.ln_energy(truth) for name, found in energies.items()}),
    )
    for axis, label, statistic, methods in drawn:
        for number, errors in enumerate(methods.values()):
            for particle, chosen in _shown(truth):
                _profile(axis, truth, chosen, (errors,), statistic, COLOURS[particle], _dashes(number))
        axis.set(xlabel=ENERGY, ylabel=label)
        if statistic is say.quantile68:
            axis.set_ylim(bottom=0)
    axes[1, 0].axhspan(-0.03, 0.03, color=QUIET, alpha=0.15, linewidth=0)
    axes[1, 0].set_ylim(max(axes[1, 0].get_ylim()[0], -WIDEST), min(axes[1, 0].get_ylim()[1], WIDEST))
    axes[1, 1].set_ylim(0, min(axes[1, 1].get_ylim()[1], WIDEST))
    _legend(figure, truth, answers)
    return finish(
        figure,
        f"{len(truth['energy_ev'])} events after the standard cuts: what 68 % of directions and cores are nearer than, and mean and standard deviation of the "
        "error of ln E, in bins of the true energy. Dashed is the parametric fit, full the first answer; the band is a bias of 3 %.",
    )


def explained_variance(truth: Table, answers: Mapping[str, Table]) -> Figure:
    """1 - Var(network's error) / Var(fit's error) of zenith angle, azimuth and ln E against energy."""
    figure, axes = panels(3)
    directions, _, energies = _said(truth, answers)
    angles = [say.angle_errors_deg(truth, found) for found in directions.values()]
    errors = ([zenith for zenith, _ in angles], [azimuth for _, azimuth in angles], [found - say.ln_energy(truth) for found in energies.values()])
    for axis, (fit, *networks), title in zip(axes, errors, ("zenith angle", "azimuth × sin(zenith angle)", r"$\ln E$"), strict=True):
        for number, network in enumerate(networks):
            for particle, chosen in _shown(truth):
                _profile(axis, truth, chosen, (network, fit), lambda a, b: float(1 - np.var(a) / np.var(b)), COLOURS[particle], _dashes(number + 1))
        axis.axhline(0, color=QUIET, linewidth=0.8)
        axis.set(xlabel=ENERGY, ylabel="explained variance")
        axis.set_ylim(max(axis.get_ylim()[0], -1.05), 1)
        axis.set_title(title, fontsize=10, color=INK)
    _legend(figure, truth, answers, fit=False)
    return finish(
        figure, "The share of the variance of the parametric fit's error that the answer takes away: 1 would be perfect, 0 is no better than the fit."
    )


def calibration(truth: Table, answers: Mapping[str, Table]) -> Figure:
    """Pulls of the direction, their width against energy, and coverage against level."""
    figure, axes = panels(3)
    everything = np.ones(len(truth["energy_ev"]), bool)
    edges = np.linspace(-5, 5, 51)
    pulls = {"parametric fit": say.fit_pulls(truth)} | {name: say.direction_pulls(truth, answer) for name, answer in answers.items()}
    gauss = np.exp(-(edges**2) / 2) / np.sqrt(2 * np.pi)
    axes[0].fill_between(edges, gauss, color=QUIET, alpha=0.25, linewidth=0)
    for number, found in enumerate(pulls.values()):
        colour, dashes = _method(number)
        counts = np.histogram(np.clip(found, edges[0], edges[-1]), edges)[0]
        axes[0].stairs(counts / found.size / np.diff(edges), edges, color=colour, linestyle=dashes, linewidth=1.3)
        _profile(axes[1], truth, everything, (found,), lambda pull: float(np.std(pull)), colour, dashes)
    axes[0].set(xlabel="pull of the direction", ylabel="density", xlim=(edges[0], edges[-1]))
    axes[1].axhspan(0.97, 1.03, color=QUIET, alpha=0.2, linewidth=0)
    axes[1].set(xlabel=ENERGY, ylabel="width of the pulls of the direction", ylim=(0, min(2.5, max(1.5, axes[1].get_ylim()[1]))))
    for number, answer in enumerate(answers.values()):
        for _, needed, stroke in QUANTITIES:
            covered = coverage_of_levels(needed(truth, answer), LEVELS)
            axes[2].plot(covered.level, covered.fraction - covered.level, color=_method(number + 1)[0], linestyle=stroke, linewidth=1.3)
    level = np.linspace(0, 1, 101)
    sigma = 2 * np.sqrt(level * (1 - level) / len(everything))
    axes[2].fill_between(level, -sigma, sigma, color=QUIET, alpha=0.25, linewidth=0)
    axes[2].set(xlabel="stated probability", ylabel="share of truths inside − stated", xlim=(0, 1))
    methods = [line(*_method(0)[:1], "parametric fit", DASHED), *(line(_method(number + 1)[0], name) for number, name in enumerate(answers))]
    legend(figure, [*methods, *(line(QUIET, f"coverage: {name}", stroke) for name, _, stroke in QUANTITIES)])
    return finish(
        figure,
        "Error over stated error of the direction, zenith angle and azimuth together, against a Gaussian (grey; what lies beyond 5 is in the outermost bins); "
        "the standard deviation of these pulls, 1 if errors are true (band: 3 %); and how many truths lie in regions of a stated probability (band: two "
        "standard deviations of so many events). Above 0 errors are too wide, below too narrow.",
    )


def xmax_and_photons(truth: Table, answers: Mapping[str, Table]) -> Figure:
    """Xmax reconstructed against true, its resolution against energy, and how well photons are told from nuclei."""
    said = any("particle_probability" in answer for answer in answers.values())
    figure, axes = panels(3 if said else 2)
    true, nuclei = np.asarray(truth["xmax_g_cm2"], float), np.asarray(truth["particle"]) != PHOTON
    first = say.drawn_xmax(next(iter(answers.values()))).mean(axis=1)
    for name in PARTICLES:
        chosen = np.asarray(truth["particle"]) == PARTICLES.index(name)
        axes[0].plot(true[chosen], first[chosen], "o", color=COLOURS[name], markersize=2.2, alpha=0.5, markeredgewidth=0, rasterized=True)
    low, high = np.quantile(true, (0.002, 0.998)) + np.array([-40, 40])
    axes[0].plot([low, high], [low, high], color=INK, linewidth=0.8)
    axes[0].set(xlabel=r"true $X_\mathrm{max}$ (g/cm²)", ylabel=r"reconstructed $X_\mathrm{max}$ (g/cm²)", xlim=(low, high), ylim=(low, high))
    _profile(axes[1], truth, nuclei, (true,), lambda values: float(np.std(values)), QUIET, DASHED)
    if said:
        axes[2].plot(np.geomspace(1e-4, 1), np.geomspace(1e-4, 1), color=QUIET, linewidth=0.8, linestyle=DOTTED)
        axes[2].set(xlabel="share of nuclei taken for photons", ylabel="share of photons kept", xscale="log", xlim=(1e-3, 1), ylim=(0, 1.02))
    shown = []
    for number, (name, answer) in enumerate(answers.items()):
        colour = METHODS[number % len(METHODS)]
        _profile(axes[1], truth, nuclei, (say.drawn_xmax(answer).mean(axis=1) - true,), lambda error: float(np.std(error)), colour, "-")
        shown.append(line(colour, name))
        if "particle_probability" in answer and 2 <= nuclei.sum() <= len(nuclei) - 2:
            score = photon_probability(answer)
            kept, passed = roc(score[nuclei], score[~nuclei])
            axes[2].plot(passed, kept, color=colour, linewidth=1.4, drawstyle="steps-post")
            shown[-1].set_label(f"{name} (AUC {auc(score[nuclei], score[~nuclei]).value:.3f})")
    axes[1].set(xlabel=ENERGY, ylabel=r"standard deviation (g/cm²)")
    axes[1].set_ylim(bottom=0)
    particles = [line(COLOURS[name], NAMES[name], "", marker="o") for name in PARTICLES]
    legend(figure, [*particles, *shown, line(QUIET, r"spread of $X_\mathrm{max}$ itself", DASHED)])
    return finish(
        figure,
        "Xmax by the first answer against the true one; standard deviation of its error for nuclei, below that of Xmax itself where something is learned; "
        "and, of answers that state probabilities, the photons that a cut on theirs keeps against the nuclei that pass it (dotted: a guess).",
    )


def roc(background: np.ndarray, signal: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Shares of signal and of background that score at or above each value that occurs, from the highest on."""
    cuts = np.unique(np.concatenate([background, signal]))[::-1]
    kept, passed = (1 - np.searchsorted(np.sort(scores), cuts, side="left") / len(scores) for scores in (signal, background))
    return np.append(0.0, kept), np.append(0.0, passed)


def energy_edges(lg: np.ndarray, primaries: int = 1) -> np.ndarray:
    """Edges of equal bins of lg E, as many as the events allow."""
    bins = int(np.clip(len(lg) / (3 * FEWEST * primaries), 1, MOST_BINS))
    return np.linspace(lg.min() - 1e-6, lg.max() + 1e-6, bins + 1)


def _profile(axis: Axes, truth: Table, chosen: np.ndarray, values: Sequence[np.ndarray], statistic: Statistic, colour: str, dashes: Linestyle) -> None:
    """The ``statistic`` of ``values`` in bins of the true energy, with bootstrap errors."""
    lg = np.log10(np.asarray(truth["energy_ev"], float)) - 18
    place = np.digitize(lg, energy_edges(lg, 1 if chosen.all() else len(PARTICLES)))
    rows = []
    for number in np.unique(place):
        inside = np.flatnonzero(chosen & (place == number))
        if len(inside) < FEWEST:
            continue
        random = rng(0, "profile", int(number))
        picks = [random.choice(inside, len(inside)) for _ in range(RESAMPLES)]
        rows.append((lg[inside].mean(), statistic(*(each[inside] for each in values)), np.std([statistic(*(each[pick] for each in values)) for pick in picks])))
    if rows:
        x, y, error = np.array(rows).T
        axis.errorbar(x, y, error, color=colour, linestyle=dashes, linewidth=1.3, elinewidth=0.7, marker="o", markersize=3 if len(rows) > 1 else 6)


def _said(truth: Table, answers: Mapping[str, Table]) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Directions, cores and ln E of the fit and of each answer."""
    directions = {"parametric fit": say.fit_direction(truth)} | {name: say.network_direction(answer) for name, answer in answers.items()}
    cores = {"parametric fit": say.core(truth, "fit_")} | {name: say.drawn_cores(answer).mean(axis=1) for name, answer in answers.items()}
    energies = {"parametric fit": say.ln_energy(truth, "fit_")} | {name: say.drawn_ln_energies(answer).mean(axis=1) for name, answer in answers.items()}
    return directions, cores, energies


def _shown(truth: Table) -> Iterator[tuple[str, np.ndarray]]:
    for name in SHOWN:
        chosen = np.asarray(truth["particle"]) == PARTICLES.index(name)
        if chosen.any():
            yield name, chosen


def _read(column: str) -> bool:
    return column.endswith("_draws") or column == "particle_probability"


def _dashes(number: int) -> Linestyle:
    return (DASHED, "-", DOTTED, DASH_DOTTED)[min(number, 3)]


def _method(number: int) -> tuple[str, Linestyle]:
    return (SKY_BLUE, DASHED) if number == 0 else (METHODS[(number - 1) % len(METHODS)], "-")


def _legend(figure: Figure, truth: Table, answers: Mapping[str, Any], fit: bool = True) -> None:
    primaries = [patch(NAMES[name], COLOURS[name], 0.9) for name, _ in _shown(truth)]
    methods = [line(INK, "parametric fit", DASHED)] if fit else []
    legend(figure, [*primaries, *methods, *(line(INK, name, _dashes(number + 1)) for number, name in enumerate(answers))])
