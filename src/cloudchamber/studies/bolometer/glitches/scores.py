"""What a network and the matched filter say of candidates, and how much of it is true: completeness, purity, families, times, heights."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cloudchamber.schema import Table
from cloudchamber.studies.bolometer.glitches.columns import FAMILIES

Array = NDArray[Any]

LEVEL = 0.5
"""A candidate of a larger probability is taken for a pulse."""


class Said(NamedTuple):
    """Of candidates, each (candidates,): a score that rises with the belief in a pulse, family (a code of ``FAMILIES``), start from the first sample on, and
    height, both with their errors (NaN where none is stated)."""

    score: Array
    family: Array
    lag_s: Array
    lag_error_s: Array
    height_w: Array
    height_error_w: Array


def by_network(answer: Table) -> Said:
    """Of a run's answer: the probability of a pulse, the likeliest family, mean and spread of the draws that are pulses (of all where none is)."""
    probability = np.asarray(answer["glitch_probability"], float)
    real = np.asarray(answer["glitch_draws"]) > 0
    real[~real.any(axis=1)] = True
    numbers = [_moments(np.asarray(answer[f"{name}_draws"], float), real) for name in ("lag_s", "height_w")]
    return Said(1 - probability[:, 0], probability[:, 1:].argmax(axis=1), *numbers[0], *numbers[1])


def by_filter(events: Table) -> Said:
    """Of the matched filter: its significance; it states the error of the height that white noise makes, at the start that it found."""
    height, significance = (np.asarray(events[name], float) for name in ("filter_height_w", "filter_significance"))
    unknown = np.full(len(height), np.nan)
    return Said(significance, np.asarray(events["filter_family"]), np.asarray(events["filter_lag_s"], float), unknown, height, height / significance)


def _moments(draws: Array, real: Array) -> tuple[Array, Array]:
    number = real.sum(axis=1)
    mean = np.where(real, draws, 0.0).sum(axis=1) / number
    spread = np.sqrt(np.where(real, np.square(draws - mean[:, None]), 0.0).sum(axis=1) / number)
    return mean, spread


class Truths(NamedTuple):
    """Which candidates are pulses (candidates,), heights in units of the noise of all true pulses, and of which candidate each is (-1 where it was missed)."""

    real: Array
    height_sigma: Array
    glitch: Array
    candidate: Array


def truths(events: Table) -> Truths:
    """Of candidates whose truth is known."""
    real = np.asarray(events["glitch"]) > 0
    noise = np.asarray(events["noise_w"], float)
    lost = events["missed_height_w"]
    owner = np.repeat(np.arange(len(noise)), np.diff(lost.offsets))
    heights = np.concatenate([(np.asarray(events["height_w"], float) / noise)[real], np.asarray(lost.values, float) / noise[owner]])
    glitch = np.concatenate([np.asarray(events["glitch"])[real], events["missed_glitch"].values])
    return Truths(real, heights, glitch, np.concatenate([np.flatnonzero(real), np.full(len(owner), -1)]))


class Share(NamedTuple):
    """Of each bin: a share, its binomial error (Wilson's half width), and of how many."""

    value: Array
    error: Array
    of: Array


def share(good: Array, place: Array, edges: Array) -> Share:
    """The share of what is ``good`` by bins of ``place``; NaN in empty bins."""
    of = np.histogram(place, edges)[0]
    number = np.maximum(of, 1)
    value = np.where(of > 0, np.histogram(place[good], edges)[0] / number, np.nan)
    spread = np.sqrt(value * (1 - value) / number + 0.25 / number**2) / (1 + 1 / number)
    return Share(value, spread, of)


def completeness(true: Truths, accepted: Array, edges: Array, family: int | None = None) -> Share:
    """Of the true pulses (of a code of ``GLITCHES``) by height in units of the noise: the share that is an ``accepted`` candidate."""
    mine = np.ones(len(true.height_sigma), bool) if family is None else true.glitch == family
    candidate = true.candidate[mine]
    return share((candidate >= 0) & accepted[np.maximum(candidate, 0)], true.height_sigma[mine], edges)


def purity(true: Truths, accepted: Array, height_sigma: Array, edges: Array) -> Share:
    """Of the ``accepted`` candidates by the height that was found: the share that is a pulse."""
    return share(true.real[accepted], height_sigma[accepted], edges)


def cut_of_equal_purity(score: Array, real: Array, wanted: float) -> float:
    """The lowest cut on a score above which at least the ``wanted`` share is real; above all where there is none."""
    order = np.argsort(-score, kind="stable")
    pure = np.cumsum(real[order]) / np.arange(1, len(order) + 1)
    good = np.flatnonzero(pure >= wanted)
    return float(score[order[good[-1]]]) if len(good) else np.inf


def confusion(true: Table, said: Said, accepted: Array) -> Array:
    """Rows: true families; columns: what is said; shares of the accepted candidates that are pulses, (families, families)."""
    glitch = np.asarray(true["glitch"])
    count = np.zeros((len(FAMILIES), len(FAMILIES)))
    mine = accepted & (glitch > 0)
    np.add.at(count, (glitch[mine] - 1, said.family[mine]), 1)
    return count / np.maximum(count.sum(axis=1, keepdims=True), 1)
