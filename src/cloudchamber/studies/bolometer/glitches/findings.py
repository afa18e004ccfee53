"""What ``infer`` tells of a stream's pulses: a list of them, and with a truth how complete and how pure it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cloudchamber.schema import Column, Table, events_in, take, whole
from cloudchamber.stream import DAY_S
from cloudchamber.studies.bolometer.glitches.columns import FAMILIES, LIST, SEEN, THETA
from cloudchamber.studies.bolometer.glitches.scores import LEVEL, by_filter, by_network, cut_of_equal_purity, truths
from cloudchamber.study import Findings

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from cloudchamber.run.answer import Answer
    from cloudchamber.run.trained import TrainedModel

Array = NDArray[Any]

FILTER_LEVEL = 5.0
"""Significance from which on the matched filter alone is believed, where no truth says at which it is as pure as the network."""
SHOWN_S = 20.0
TRUE = ("glitch", "height_w", "lag_s", "family_told", "missed_height_w", "missed_glitch")
KEPT = (*TRUE, "noise_w", "filter_family", "filter_lag_s", "filter_height_w", "filter_significance")

TOLD = {
    "detector": SEEN["detector"],
    "time_s": Column(dtype="float64", unit="s", doc="start of the pulse, since 2000-01-01 UTC, or since the first sample where the file tells no time"),
    "time_error_s": Column(unit="s", doc="its error"),
    "mjd": SEEN["mjd"],
    "probability": Column(doc="that it is a pulse"),
    "family": Column(doc=f"the likeliest family: {', '.join(FAMILIES)}"),
    "amplitude_w": LIST["amplitude_w"],
    "amplitude_error_w": Column(unit="W", doc="its error"),
    **{name: SEEN[name] for name in ("noise_w", "filter_height_w", "filter_significance")},
    "filter_time_s": Column(dtype="float64", unit="s", doc="start of the pulse by the matched filter"),
    "filter_family": Column(doc="family by the matched filter"),
    "true_family": Column(doc="its family in the list of true pulses, or not told; none: it is no pulse"),
    "true_height_w": THETA["height_w"],
}
"""Units and meanings of the columns beside a network's answers."""


class GlitchFinder:
    """A list of pulses out of a network's answers to a matched filter's candidates."""

    columns = TOLD

    def __init__(self, model: TrainedModel | None = None, seed: int = 0) -> None:
        self.told: list[Table] = []
        self.shown: list[Table] = []
        self.start_s = np.inf

    def look(self, answer: Answer) -> Table:
        """Of these candidates: where and when, how likely, of what family and how high; nothing of answers to other questions."""
        said = answer.table
        if "glitch_probability" not in said or not {"lag_s_draws", "height_w_draws"} <= set(said) or "detector" not in answer.events:
            return {}
        return self.see(answer.events, said)

    def see(self, events: Table, said: Table) -> Table:
        """The same of candidates and what is said of them."""
        network, matched = by_network(said), by_filter(events)
        words = np.array(FAMILIES)
        first_s = np.asarray(events["time_s"], float)
        found: Table = {
            "detector": events["detector"],
            "time_s": first_s + network.lag_s,
            "time_error_s": network.lag_error_s,
            **({"mjd": np.asarray(events["mjd"], float) + network.lag_s / DAY_S} if "mjd" in events else {}),
            "probability": network.score,
            "family": words[network.family],
            "amplitude_w": network.height_w,
            "amplitude_error_w": network.height_error_w,
            "noise_w": events["noise_w"],
            "filter_time_s": first_s + matched.lag_s,
            "filter_family": words[matched.family],
            "filter_height_w": events["filter_height_w"],
            "filter_significance": events["filter_significance"],
        }
        if "glitch" in events:
            real = np.asarray(events["glitch"]) > 0
            family = np.where(events["family_told"], np.array(("none", *FAMILIES))[events["glitch"]], "not told")
            found |= {"true_family": family, "true_height_w": np.where(real, events["height_w"], 0.0)}
        kept = {name: events[name] for name in KEPT if name in events}
        self.told.append(kept | {"probability": network.score, "family": network.family, "amplitude_w": network.height_w, "said_lag_s": network.lag_s})
        self._keep_shown(events, found)
        return found

    def _keep_shown(self, events: Table, found: Table) -> None:
        """The beginning of the first bolometer, for a picture."""
        self.start_s = min(self.start_s, float(np.min(events["time_s"], initial=np.inf)))
        early = (np.asarray(events["time_s"], float) < self.start_s + SHOWN_S) & (np.asarray(events["detector"]) == 0)
        if early.any():
            picked = {name: np.asarray(events[name], float) for name in ("time_s", "rate_hz", "data_sigma", "noise_w")}
            picked["first_s"] = picked.pop("time_s")
            self.shown.append(take(picked | {name: found[name] for name in ("time_s", "probability", "family", "amplitude_w")}, early))

    def findings(self) -> Findings:
        """Numbers of pulses, a stretch of data, heights; with a truth completeness and purity beside the matched filter's."""
        from cloudchamber.studies.bolometer.glitches.figures import heights, rates, stretch

        if not self.told:
            return Findings()
        told = whole(self.told)
        accepted = told["probability"] > LEVEL
        names = ", ".join(f"{int(np.sum(accepted & (told['family'] == code)))} {name}" for code, name in enumerate(FAMILIES))
        facts: dict[str, str | int | float] = {
            "candidates of the matched filter": events_in(told),
            f"pulses (probability > {LEVEL:g})": f"{int(accepted.sum())}: {names}",
        }
        figures: dict[str, Figure] = {}
        if self.shown:
            figures["A stretch of data"] = stretch(whole(self.shown), self.start_s, SHOWN_S)
        if accepted.any():
            figures["Heights"] = heights(told, accepted)
        if "glitch" in told:
            true = truths(told)
            pure = float(np.mean(true.real[accepted])) if accepted.any() else np.nan
            cut = cut_of_equal_purity(told["filter_significance"], true.real, pure) if accepted.any() else FILTER_LEVEL
            believed = told["filter_significance"] >= cut
            facts |= {
                "true pulses": f"{len(true.height_sigma)}, {int(np.sum(true.candidate < 0))} of them no candidate",
                "found of them": _both(_found(true.candidate, accepted), _found(true.candidate, believed)) + " at the same purity",
                "pulses among what is found": f"{pure:.4f}; the matched filter is as pure above {cut:.3g} sigma",
                "families right": _both(*(_right(told, told[name], accepted) for name in ("family", "filter_family")))
                if np.any(told["family_told"] & true.real)
                else "not known: the list tells no families",
            }
            figures["Completeness and purity"] = rates(told, true, accepted, believed, cut)
        return Findings(facts, figures)


def _both(network: float, matched: float) -> str:
    return f"{network:.4f} by the network, {matched:.4f} by the matched filter"


def _found(candidate: Array, accepted: Array) -> float:
    """The share of true pulses that is an accepted candidate."""
    return float(np.mean((candidate >= 0) & accepted[np.maximum(candidate, 0)])) if len(candidate) else np.nan


def _right(told: Table, family: Array, accepted: Array) -> float:
    """The share of accepted pulses whose family is right, of those whose family is told."""
    real = accepted & (np.asarray(told["glitch"]) > 0) & np.asarray(told["family_told"])
    return float(np.mean(np.asarray(family)[real] == told["glitch"][real] - 1)) if real.any() else np.nan
