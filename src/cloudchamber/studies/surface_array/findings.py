"""A user's events: what a network says of each in the field's own terms, beside the parametric fit, with its flags in words and one event as a picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntFlag
from typing import TYPE_CHECKING, Any

import numpy as np

from cloudchamber.schema import Column, Table, events_in, take, whole
from cloudchamber.studies.surface_array import estimates as say
from cloudchamber.studies.surface_array.columns import FIT
from cloudchamber.studies.surface_array.fit.flags import FitFlag
from cloudchamber.studies.surface_array.formats import FROM_FILE, ReadFlag
from cloudchamber.study import Findings

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from cloudchamber.run.answer import Answer
    from cloudchamber.run.trained import TrainedModel

FEWEST_FOR_HISTOGRAMS = 20
DISPLAYED = ("zenith_deg", "azimuth_deg", "energy_ev", "core_x_m", "core_y_m")
"""What the picture of an event shows of a network's answer."""


TOLD = {
    "direction_zenith_deg": Column(unit="deg", doc="zenith angle of the mean direction of the draws"),
    "direction_azimuth_deg": Column(unit="deg", doc="azimuth of the mean direction of the draws"),
    "direction_error68_deg": Column(unit="deg", doc="angle about the mean direction that holds 68 % of the draws"),
    "energy_if_nucleus_ev": Column(unit="eV", doc="energy if the primary is a nucleus"),
    **{f"array_core_{axis}_m": Column(unit="m", doc="core in the array's coordinates") for axis in "xy"},
    **{f"fit_array_core_{axis}_m": Column(unit="m", doc="core by the parametric fit in the array's coordinates") for axis in "xy"},
    **FIT,
    **FROM_FILE,
}
"""Units and meanings of the columns beside a network's answers."""


class ArrayFinder:
    """The fit beside the network: direction with its error, core in the array's coordinates, the fit's values and flags; the largest event as a picture."""

    columns = TOLD

    def __init__(self, model: TrainedModel | None = None, seed: int = 0) -> None:
        self.told: list[Table] = []
        self.largest: list[_Candidate] = []

    def look(self, answer: Answer) -> Table:
        """What there is to tell of each of these events."""
        return self.see(answer.events, answer.table)

    def see(self, table: Table, answer: Table) -> Table:
        """The same of the events of ``table`` and an ``answer`` to them, draws (events, draws) of the columns that the network learned."""
        columns = directions(answer) | array_cores(table, answer) | fitted(table)
        if {"energy_ev_draws", "particle_draws"} <= set(answer):
            columns["energy_if_nucleus_ev"] = np.exp(say.nuclear_ln_energy(answer))
        columns |= {name: table[name] for name in FROM_FILE if name in table}
        columns |= _flags(table, "fit_flags", FitFlag) | _flags(table, "read_flags", ReadFlag)
        self.told.append(summary(table, answer))
        self.largest = _largest([*self.largest, *_candidates(table, answer)])
        return columns

    def findings(self) -> Findings:
        """Facts about all events, the largest one as a picture, histograms of many."""
        from cloudchamber.studies.surface_array.plots.event import event_display

        told = whole(self.told)
        figures: dict[str, Figure] = {}
        if self.largest:
            best = max((each for each in self.largest if 2 * each.stations >= max(other.stations for other in self.largest)), key=lambda each: each.energy_ev)
            complete = all(f"{name}_draws" in best.answer for name in DISPLAYED)
            figures["The largest event"] = event_display(best.table, 0, best.answer if complete else None)
            if events_in(told) > FEWEST_FOR_HISTOGRAMS:
                figures["All events"] = histograms(told)
        return Findings(facts(told), figures)


@dataclass(frozen=True)
class _Candidate:
    """An event that may be the largest: no other has more records and more energy."""

    stations: int
    energy_ev: float
    table: Table
    answer: Table


def _candidates(table: Table, answer: Table) -> Iterator[_Candidate]:
    if not (len(table["station_x_m"].values) and {"fit_zenith_deg", "fit_curvature"} <= set(table)):
        return
    energy = table["fit_energy_ev"] if "energy_ev_draws" not in answer else np.exp(say.drawn_ln_energies(answer).mean(axis=1))
    lengths = np.diff(table["station_x_m"].offsets)
    order, most = np.lexsort((-lengths, -energy)), -1
    for event in order:
        if lengths[event] > most:
            most = int(lengths[event])
            # copies: a slice would keep the whole chunk
            one, said = (take(each, np.array([event])) for each in (table, answer))
            yield _Candidate(most, float(energy[event]), one, said)


def _largest(candidates: Sequence[_Candidate]) -> list[_Candidate]:
    kept: list[_Candidate] = []
    for each in sorted(candidates, key=lambda each: (-each.energy_ev, -each.stations)):
        if not kept or each.stations > kept[-1].stations:
            kept.append(each)
    return kept


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


def summary(table: Table, answer: Table) -> Table:
    """The numbers (events,) that facts and histograms are made of."""
    told: Table = {name: np.asarray(table[name]) for name in ("read_flags", "fit_flags", "fit_direction_error_deg", "fit_zenith_deg") if name in table}
    if {"fit_flags", "fit_covariance"} <= set(table):
        from cloudchamber.studies.surface_array.fit.quality import passes

        told["passes"] = passes(table)
    told |= {name: values for name, values in directions(answer).items() if name != "direction_azimuth_deg"}
    if "energy_ev_draws" in answer:
        energies = say.drawn_ln_energies(answer)
        told |= {"ln_energy": energies.mean(axis=1), "ln_energy_error": energies.std(axis=1), "fit_ln_energy": say.ln_energy(table, "fit_")}
    if {"core_x_m_draws", "core_y_m_draws"} <= set(answer):
        cores = say.drawn_cores(answer)
        told["core_error68_m"] = np.quantile(np.linalg.norm(cores - cores.mean(axis=1, keepdims=True), axis=-1), 0.68, axis=1)
    if "xmax_g_cm2_draws" in answer:
        told |= {"xmax_g_cm2": say.drawn_xmax(answer).mean(axis=1), "xmax_error_g_cm2": say.drawn_xmax(answer).std(axis=1)}
    if "particle_probability" in answer:
        from cloudchamber.studies.surface_array.observables import photon_probability

        told["photon_probability"] = photon_probability(answer)
    return told


def facts(told: Table) -> dict[str, str | int | float]:
    """How many events have which flag, and the medians of the stated uncertainties."""
    found: dict[str, str | int | float] = {}
    for name, kind, heading in (("read_flags", ReadFlag, "flagged when read"), ("fit_flags", FitFlag, "flagged by the fit")):
        if name in told:
            found[heading] = _counted(told[name], kind)
    if "passes" in told:
        found["pass the standard cuts"] = int(told["passes"].sum())
    medians = [
        words(np.median(told[name]))
        for name, words in (
            ("direction_error68_deg", "direction {:.2g}° (68 %)".format),
            ("ln_energy_error", lambda median: f"energy {100 * median:.2g} %"),
            ("core_error68_m", "core {:.2g} m (68 %)".format),
            ("xmax_error_g_cm2", "Xmax {:.2g} g/cm2".format),
        )
        if name in told
    ]
    if medians:
        found["median uncertainty"] = ", ".join(medians)
    if "fit_direction_error_deg" in told:
        found["median uncertainty of the fit's direction"] = f"{np.median(told['fit_direction_error_deg']):.2g}°"
    return found


def histograms(told: Table) -> Figure:
    """How direction, energy, Xmax and their errors spread over the events, the fit's beside the network's."""
    from cloudchamber.report.figures import DASHED, INK, VERMILION, finish, legend, line, panels

    shown: list[tuple[str, dict[str, np.ndarray]]] = []
    if "direction_zenith_deg" in told:
        shown.append(("zenith angle (deg)", {"network": told["direction_zenith_deg"], "fit": told["fit_zenith_deg"]}))
        error = {"fit": told["fit_direction_error_deg"]} if "fit_direction_error_deg" in told else {}
        shown.append(("stated error of the direction (deg)", {"network": told["direction_error68_deg"], **error}))
    if "ln_energy" in told:
        shown.append((r"$\lg(E/\mathrm{eV})$", {"network": told["ln_energy"] / np.log(10), "fit": told["fit_ln_energy"] / np.log(10)}))
    if "xmax_g_cm2" in told:
        shown.append((r"$X_\mathrm{max}$ (g/cm²)", {"network": told["xmax_g_cm2"]}))
    if "photon_probability" in told:
        shown.append(("p(photon)", {"network": told["photon_probability"]}))
    if not shown:
        shown.append(("zenith angle (deg)", {"fit": told["fit_zenith_deg"]}))
    figure, axes = panels(len(shown))
    for axis, (label, methods) in zip(axes, shown, strict=True):
        edges = _edges(list(methods.values()))
        for name, values in methods.items():
            network = name == "network"
            clipped = np.clip(values, edges[0], edges[-1])
            axis.hist(clipped, list(edges), histtype="step", color=VERMILION if network else INK, linestyle="-" if network else DASHED, linewidth=1.3)
        axis.set(xlabel=label, ylabel="events")
    legend(figure, [line(VERMILION, "network"), line(INK, "parametric fit", DASHED)])
    return finish(figure, f"{events_in(told)} events: means of the network's draws, and the parametric fit. What lies beyond an axis is in its outermost bin.")


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
