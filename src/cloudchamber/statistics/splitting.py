"""Small p-values of any statistic by multilevel splitting: the null itself, simulated level by level; no likelihood, no extrapolation.

About a quarter of the events drawn from the null have a statistic T at the first level or above. From these start chains of Metropolis steps that draw events
of the null with T at least there; again a quarter reaches the next level. A step redraws a share of an event in a way reversible under the null, and is taken
if T stays at the level or above. P_null(T >= t) is the product of the fractions; all states of the chains count. Several repetitions share levels and sizes of
steps, which all of them set, and nothing else: their mean is quoted, and its error from their spread, which holds what chains that mix slowly cost.

References: Au and Beck, Probab. Eng. Mech. 16 (2001) 263 (subset simulation); Cerou, Del Moral, Furon and Guyader, Stat. Comput. 22 (2012) 795 (levels by
quantiles; their bias falls with the number of events that set them); Dau and Chopin, J. R. Stat. Soc. B 84 (2022) 114 (all states of the chains).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from cloudchamber.rng import rng
from cloudchamber.schema import Ragged, Table, concatenate, take

Draw = Callable[[int, np.random.Generator], Table]
"""So many events of the null."""
Vary = Callable[[Table, np.ndarray, np.random.Generator], Table]
"""Events with about this share (events,) of each drawn anew, reversibly under the null: p(x) p(y from x) = p(y) p(x from y)."""
Score = Callable[[Table], np.ndarray]
"""The statistic of events, (events,)."""

KEEP = 0.25
"""Fraction of events that reach the next level; 0.1 to 0.3 are equally good."""
ACCEPTED = 0.4
"""Fraction of steps taken that the share drawn anew is steered to; 0.3 to 0.5 are equally good."""


class SplitTail(NamedTuple):
    """The null tail of a statistic: of each repetition a curve (2, points), rising values of T and ln P(T >= value); ``events``: how many were scored."""

    curves: tuple[np.ndarray, ...]
    events: int

    @property
    def last(self) -> float:
        """The largest value whose probability is known: half of the repetitions reached it."""
        return float(np.sort([curve[0, -1] for curve in self.curves])[len(self.curves) // 2])

    def p_value(self, threshold: float | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """P(T >= threshold) and its error, 68 % by Student's distribution; (thresholds,) each. ValueError beyond the last level."""
        asked = np.atleast_1d(np.asarray(threshold, dtype=np.float64))
        if not np.all(asked <= self.last):
            worst = asked[~(asked <= self.last)][0]
            raise ValueError(f"threshold {worst:g} lies beyond {self.last:g}, the last level reached: no p-value is quoted there; split further down")
        # a repetition that has lost all events says zero, which keeps the mean right
        each = np.stack([np.append(np.exp(curve[1]), 0.0)[np.searchsorted(curve[0], asked)] for curve in self.curves])
        return each.mean(axis=0), _student(len(each)) * each.std(axis=0, ddof=1) / math.sqrt(len(each))

    def threshold(self, p_value: float) -> float:
        """The smallest value that is reached with at most this probability; ValueError where the levels do not go so far."""
        values = np.unique(np.concatenate([curve[0] for curve in self.curves]))
        values = values[values <= self.last]
        p = self.p_value(values)[0]
        if not p[-1] <= p_value < 1:
            raise ValueError(f"p_value: {p_value:g} is outside the range [{p[-1]:.3g}, 1) that was simulated")
        return float(values[np.argmax(p <= p_value)])

    def significance(self, threshold: np.ndarray) -> np.ndarray:
        """One-sided standard deviations (thresholds,), inf beyond the last level."""
        from scipy.stats import norm

        within = np.minimum(threshold, self.last)
        return np.where(np.asarray(threshold) > self.last, np.inf, norm.isf(self.p_value(within)[0]))


def split(
    draw: Draw,
    vary: Vary,
    score: Score,
    until: float,
    seed: int,
    threshold: float = math.inf,
    particles: int = 200,
    moves: int = 10,
    runs: int = 8,
    progress: Callable[[int, float], None] | None = None,
) -> SplitTail:
    """The null tail of ``score`` down to the probability ``until``, or up to ``threshold`` if that comes first.

    Each of ``runs`` repetitions scores ``particles`` events a level, in chains of ``moves`` states; 16,000 in all, the default to 5 sigma, leave errors of
    about 0.1 sigma there. ``progress`` is told the number of each level and ln p there. ValueError for a NaN statistic.
    """
    if not 0 < until < 1:
        raise ValueError(f"until: the probability {until} is outside the allowed (0, 1)")
    if runs < 2 or moves < 2 or particles < 10 * moves or particles % moves:
        raise ValueError(f"needs 2 runs, 2 moves, and as particles a multiple of moves, at least 10; got {runs} runs, {moves} moves, {particles} particles")
    random, chains = rng(seed, "splitting"), particles // moves
    events, run, share = draw(runs * particles, random), np.repeat(np.arange(runs), particles), 0.1
    values = _scored(score, events)
    curves: list[list[np.ndarray]] = [[] for _ in range(runs)]
    reached, scored, number = np.zeros(runs), len(values), 0
    while True:
        level = min(_next_level(values), threshold)
        seeds = []
        for each in np.unique(run):
            own = np.sort(values[run == each])
            below, first = np.unique(own[own < level], return_index=True)
            curves[each].append(np.stack([below, reached[each] + np.log1p(-first / particles)]))
            alive = np.flatnonzero((run == each) & (values >= level))
            reached[each] += math.log(len(alive) / particles) if len(alive) else -math.inf
            # with fewer survivors than chains some start several
            seeds.append(np.resize(random.permutation(alive), chains if len(alive) else 0))
        number, mean = number + 1, float(np.mean(np.exp(reached)))
        if progress:
            progress(number, math.log(mean))
        if mean <= until or level == threshold or np.all(values == level):
            break
        start = np.concatenate(seeds)
        events, values, share = _chains(take(events, start), values[start], level, share, moves, vary, score, random)
        run, scored = np.tile(run[start], moves), scored + len(start) * (moves - 1)
    ends = [[np.array([[level], [ln_p]])] if ln_p > -math.inf else [] for ln_p in reached]
    return SplitTail(tuple(np.concatenate(points + end, axis=1) for points, end in zip(curves, ends, strict=True)), scored)


def redraw(draw: Draw) -> Vary:
    """Steps for events whose elements (the entries of ragged columns) are independent: each is replaced by a fresh one with the probability ``share``.

    The events that ``draw`` makes must have the same numbers of elements, event by event.
    """

    def vary(events: Table, share: np.ndarray, random: np.random.Generator) -> Table:
        fresh = draw(len(share), random)
        offsets = next(iter(events.values())).offsets
        chosen = random.random(offsets[-1]) < np.repeat(share, np.diff(offsets))
        varied: Table = {}
        for name, column in events.items():
            if not np.array_equal(fresh[name].offsets, offsets):
                raise ValueError(f"column '{name}': fresh events differ in their numbers of elements")
            mask = chosen.reshape(-1, *[1] * (column.values.ndim - 1))
            varied[name] = Ragged(np.where(mask, fresh[name].values, column.values), offsets)
        return varied

    return vary


def _next_level(values: np.ndarray) -> float:
    """The value that a quarter reaches; the next higher one where all reach it (ties), if there is one."""
    rising = np.sort(values)
    value = rising[len(rising) - math.ceil(KEEP * len(rising))]
    return float(rising[min(np.searchsorted(rising, value, side="right"), len(rising) - 1)] if value == rising[0] else value)


def _chains(
    events: Table, values: np.ndarray, level: float, share: float, moves: int, vary: Vary, score: Score, random: np.random.Generator
) -> tuple[Table, np.ndarray, float]:
    """All states of chains that start at ``events`` and stay at ``level`` or above, their statistic, and the share that gives the acceptance wanted."""
    chains = len(values)
    states, statistic = [events], [values]
    for _ in range(moves - 1):
        proposed = vary(states[-1], np.minimum(share * np.exp(random.uniform(-1, 1, chains)), 1.0), random)
        found = _scored(score, proposed)
        taken = found >= level
        # a step that leaves the statistic as it was says nothing of the others
        changed = taken[found != statistic[-1]]
        share = float(np.clip(share * math.exp(0.5 * ((changed.mean() if len(changed) else 1.0) - ACCEPTED)), 1e-4, 1.0))
        states.append(take(concatenate([states[-1], proposed]), np.arange(chains) + np.where(taken, chains, 0)))
        statistic.append(np.where(taken, found, statistic[-1]))
    return concatenate(states), np.concatenate(statistic), share


def _scored(score: Score, events: Table) -> np.ndarray:
    values = np.asarray(score(events), dtype=np.float64)
    if np.isnan(values).any():
        raise ValueError(f"the statistic is NaN for {int(np.isnan(values).sum())} of {len(values)} events of the null")
    return values


def _student(runs: int) -> float:
    from scipy.stats import t

    return float(t.ppf(0.5 + 0.6827 / 2, runs - 1))
