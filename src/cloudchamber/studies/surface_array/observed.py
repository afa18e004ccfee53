"""A user's events: what a network says of each in the field's own terms, beside the parametric fit, with its flags in words and one event as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntFlag
from typing import TYPE_CHECKING, Any

import numpy as np

from cloudchamber.schema import Table, events_in
from cloudchamber.studies.surface_array import estimates as say
from cloudchamber.studies.surface_array.columns import FIT
from cloudchamber.studies.surface_array.fit.flags import FitFlag
from cloudchamber.studies.surface_array.formats import FROM_FILE, ReadFlag
from cloudchamber.study import Findings

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from cloudchamber.run.trained import TrainedModel

DRAWS = 100
FEWEST_FOR_HISTOGRAMS = 20
DISPLAYED = ("zenith_deg", "azimuth_deg", "energy_ev", "core_x_m", "core_y_m")
"""What the picture of an event shows of a network's answer."""


def findings(model: TrainedModel, events: Table, seed: int) -> Findings:
    """Direction with its error, core in the array's coordinates, the fit's values and flags of each of ``events``; the largest one as a picture."""
    given = {name: events[name] for name in model.given}
    said = model.posterior(given, DRAWS, seed, outside="flag")
    return beside_the_fit(events, {f"{name}_draws" if name in model.target_columns else name: values for name, values in said.items()})


def beside_the_fit(table: Table, answer: Table) -> Findings:
    """What there is to tell of the events of ``table`` and an ``answer`` to them, draws (events, draws) of the columns that the network learned."""
    from cloudchamber.studies.surface_array.display import event_display, largest

    columns = directions(answer) | array_cores(table, answer) | fitted(table)
    if {"energy_ev_draws", "particle_draws"} <= set(answer):
        columns["energy_if_nucleus_ev"] = np.exp(say.nuclear_ln_energy(answer))
    columns |= {name: table[name] for name in FROM_FILE if name in table}
    columns |= _flags(table, "fit_flags", FitFlag) | _flags(table, "read_flags", ReadFlag)
    figures: dict[str, Figure] = {}
    energy = table["fit_energy_ev"] if "energy_ev_draws" not in answer else say.drawn_ln_energies(answer).mean(axis=1)
    if len(table["station_x_m"].values) and {"fit_zenith_deg", "fit_curvature"} <= set(table):
        complete = all(f"{name}_draws" in answer for name in DISPLAYED)
        figures["The largest event"] = event_display(table, largest(table, np.asarray(energy, float)), answer if complete else None)
    if figures and events_in(table) > FEWEST_FOR_HISTOGRAMS:
        figures["All events"] = histograms(table, answer)
    return Findings(facts(table, answer), figures, columns)


def directions(answer: Table) -> Table:
    """Mean direction of the draws, and the angle about it that holds 68 % of them."""
    if not {"zenith_deg_draws", "azimuth_deg_draws"} <= set(answer):
        return {}
    zenith, azimuth = say.zenith_azimuth_deg(say.network_direction(answer))
    error = say.direction_error68_deg(say.drawn_directions(answer))
    return {"direction_zenith_deg": zenith, "direction_azimuth_deg": azimuth, "direction_error68_deg": error}


def array_cores(table: Table, answer: Table) -> Table:
    """The network's core and the fit's in the array's coordinates, for events whose own origin is known."""
    found: Table = {}
    for axis in "xy":
        if (origin := f"origin_{axis}_m") in table:
            if f"core_{axis}_m_draws" in answer:
                found[f"array_core_{axis}_m"] = np.asarray(answer[f"core_{axis}_m_draws"], float).mean(axis=1) + table[origin]
            if f"fit_core_{axis}_m" in table:
                found[f"fit_array_core_{axis}_m"] = np.asarray(table[f"fit_core_{axis}_m"], float) + table[origin]
    return found


def fitted(table: Table) -> Table:
    """The numbers of the parametric fit."""
    return {name: table[name] for name, column in FIT.items() if name in table and not column.shape and name != "fit_flags"}


def words(flags: int, kind: type[IntFlag]) -> str:
    """The names of the bits of ``flags``, with "; " between them."""
    return "; ".join(str(flag.name).lower().replace("_", " ") for flag in kind if flags & flag)


def facts(table: Table, answer: Table) -> dict[str, str | int | float]:
    """How many events have which flag, and the medians of the stated uncertainties."""
    told: dict[str, str | int | float] = {}
    for name, kind, heading in (("read_flags", ReadFlag, "flagged when read"), ("fit_flags", FitFlag, "flagged by the fit")):
        if name in table:
            told[heading] = _counted(np.asarray(table[name]), kind)
    if {"fit_flags", "fit_covariance"} <= set(table):
        from cloudchamber.studies.surface_array.fit.quality import passes

        told["pass the standard cuts"] = int(passes(table).sum())
    medians = []
    found = directions(answer)
    if found:
        medians.append(f"direction {np.median(found['direction_error68_deg']):.2g}° (68 %)")
    if "energy_ev_draws" in answer:
        medians.append(f"energy {100 * np.median(say.drawn_ln_energies(answer).std(axis=1)):.2g} %")
    if {"core_x_m_draws", "core_y_m_draws"} <= set(answer):
        cores = say.drawn_cores(answer)
        medians.append(f"core {np.median(np.quantile(np.linalg.norm(cores - cores.mean(axis=1, keepdims=True), axis=-1), 0.68, axis=1)):.2g} m (68 %)")
    if "xmax_g_cm2_draws" in answer:
        medians.append(f"Xmax {np.median(say.drawn_xmax(answer).std(axis=1)):.2g} g/cm2")
    if medians:
        told["median uncertainty"] = ", ".join(medians)
    if "fit_direction_error_deg" in table:
        told["median uncertainty of the fit's direction"] = f"{np.median(table['fit_direction_error_deg']):.2g}°"
    return told


def histograms(table: Table, answer: Table) -> Figure:
    """How direction, energy, Xmax and their errors spread over the events, the fit's beside the network's."""
    from cloudchamber.report.figures import DASHED, INK, VERMILION, finish, legend, line, panels

    shown: list[tuple[str, dict[str, np.ndarray]]] = []
    if found := directions(answer):
        shown.append(("zenith angle (deg)", {"network": found["direction_zenith_deg"], "fit": table["fit_zenith_deg"]}))
        error = {"fit": np.asarray(table["fit_direction_error_deg"])} if "fit_direction_error_deg" in table else {}
        shown.append(("stated error of the direction (deg)", {"network": found["direction_error68_deg"], **error}))
    if "energy_ev_draws" in answer:
        energies = {"network": say.drawn_ln_energies(answer).mean(axis=1) / np.log(10), "fit": say.ln_energy(table, "fit_") / np.log(10)}
        shown.append((r"$\lg(E/\mathrm{eV})$", energies))
    if "xmax_g_cm2_draws" in answer:
        shown.append((r"$X_\mathrm{max}$ (g/cm²)", {"network": say.drawn_xmax(answer).mean(axis=1)}))
    if "particle_probability" in answer:
        from cloudchamber.studies.surface_array.observables import photon_probability

        shown.append(("p(photon)", {"network": photon_probability(answer)}))
    if not shown:
        shown.append(("zenith angle (deg)", {"fit": table["fit_zenith_deg"]}))
    figure, axes = panels(len(shown))
    for axis, (label, methods) in zip(axes, shown, strict=True):
        edges = _edges(list(methods.values()))
        for name, values in methods.items():
            network = name == "network"
            clipped = np.clip(values, edges[0], edges[-1])
            axis.hist(clipped, list(edges), histtype="step", color=VERMILION if network else INK, linestyle="-" if network else DASHED, linewidth=1.3)
        axis.set(xlabel=label, ylabel="events")
    legend(figure, [line(VERMILION, "network"), line(INK, "parametric fit", DASHED)])
    return finish(figure, f"{events_in(table)} events: means of the network's draws, and the parametric fit. What lies beyond an axis is in its outermost bin.")


def _edges(samples: Sequence[Any]) -> np.ndarray:
    together = np.concatenate([np.asarray(sample, float) for sample in samples])
    low, high = np.quantile(together, (0.005, 0.99))
    margin = 0.02 * (high - low) or 0.5
    return np.linspace(low - margin, high + margin, 31)


def _counted(flags: np.ndarray, kind: type[IntFlag]) -> str:
    counts = {str(flag.name).lower().replace("_", " "): int(np.sum((flags & int(flag)) > 0)) for flag in kind}
    named = ", ".join(f"{name} {count}" for name, count in counts.items() if count)
    return f"{int(np.sum(flags != 0))} of {len(flags)} events{f': {named}' if named else ''}"


def _flags(table: Table, name: str, kind: type[IntFlag]) -> Table:
    """A column of flags, and what its bits mean."""
    if name not in table:
        return {}
    return {name: np.asarray(table[name]), f"{name}_words": np.array([words(int(flags), kind) for flags in table[name]])}
