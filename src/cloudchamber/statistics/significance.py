"""p-values of any statistic without extrapolation: importance-sampled where the likelihood is known, counted where it is not.

The Bayes factor BF(x) is the density of x under a signal hypothesis over that under isotropy (or any null hypothesis). Maps x drawn from the signal then
give the null tail of any statistic T, a network's output too: P_null(T >= t) = E_signal[1(T >= t) / BF]. Maps drawn at several signal strengths k, n_k of
n in all, join by the balance heuristic: each map weighs 1 / sum_k (n_k / n) BF_k(x), whatever strength it was drawn at. With the null itself among them
(BF = 1, share a) no weight exceeds 1/a, so that even a tail that the signal seldom visits cannot ruin the estimate: defensive sampling.

References: Veach and Guibas, SIGGRAPH 1995 (balance heuristic); Hesterberg, Technometrics 37 (1995) 185 and Owen and Zhou, J. Am. Stat. Assoc. 95 (2000)
135 (defensive mixtures); Clopper and Pearson, Biometrika 26 (1934) 404 (interval of a counted fraction); Kong, Univ. Chicago Tech. Rep. 348 (1992)
(effective sample size).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from cloudchamber.rng import rng

FIVE_SIGMA = 2.866515719235352e-07
"""One-sided p-value of five standard deviations."""
MIN_EFFECTIVE_SIZE = 20.0


class Tail(NamedTuple):
    """Null probability of a statistic of at least each threshold, its standard error, and the effective number of maps behind it; arrays (thresholds,)."""

    p_value: np.ndarray
    error: np.ndarray
    effective_size: np.ndarray


class CountedTail(NamedTuple):
    """Fraction of null maps at or above each threshold and its two-sided interval; arrays (thresholds,).

    ``p_value`` is NaN where no map reached the threshold: then only the upper limit ``high`` (one-sided at the same level) holds.
    """

    p_value: np.ndarray
    low: np.ndarray
    high: np.ndarray
    exceedances: np.ndarray
    maps: int


class Normalisation(NamedTuple):
    """E[1 / BF] over the maps drawn: 1 if the Bayes factors are right and the maps reach where the null lives; standard error; effective maps."""

    mean: float
    error: float
    effective_size: float


class Crossing(NamedTuple):
    """Number of signal events at which the median significance reaches the asked one, with its standard error."""

    signal: float
    error: float


def sigma_from_p(p_value: float | np.ndarray) -> np.ndarray:
    """One-sided significance, in standard deviations of a Gaussian, of a p-value in [0, 1]."""
    from scipy.stats import norm

    p = np.asarray(p_value, dtype=np.float64)
    if not np.all((p >= 0) & (p <= 1)):
        raise ValueError(f"a p-value must lie in [0, 1], got {p[~((p >= 0) & (p <= 1))].flat[0]:g}")
    return np.asarray(norm.isf(p))


def p_from_sigma(sigma: float | np.ndarray) -> np.ndarray:
    """p-value of a one-sided significance in standard deviations."""
    from scipy.stats import norm

    return np.asarray(norm.sf(sigma))


def importance_p_value(threshold: float | np.ndarray, statistic: np.ndarray, log_bf: np.ndarray, drawn_at: np.ndarray | None = None) -> Tail:
    """Exact null tail of a statistic from maps drawn at one or several signal strengths.

    ``statistic`` (maps,); ``log_bf`` (maps,) for one strength, or (maps, strengths): ln BF of every map at every strength, zeros for the null itself;
    ``drawn_at`` (maps,): the column of ``log_bf`` each map was drawn at (needed with more than one). ValueError where fewer than 20 effective maps lie
    above a threshold.
    """
    tail = _tail(threshold, statistic, log_bf, drawn_at)
    short = tail.effective_size < MIN_EFFECTIVE_SIZE
    if short.any():
        worst = int(np.argmin(tail.effective_size))
        raise ValueError(
            f"effective sample size {tail.effective_size[worst]:.1f} above the threshold {np.atleast_1d(threshold)[worst]:g} is below {MIN_EFFECTIVE_SIZE:g}: "
            "no p-value is quoted; simulate more maps, or add maps of a signal strength whose median statistic lies near this threshold"
        )
    return tail


def map_significance(threshold: np.ndarray, statistic: np.ndarray, log_bf: np.ndarray, drawn_at: np.ndarray | None = None) -> np.ndarray:
    """One-sided significance (thresholds,) of each threshold by ``importance_p_value``; unknown where fewer than 20 effective maps lie above.

    What is unknown is inf, or -inf below a threshold that is known: in the null's bulk a few maps of huge weight may count as few maps too, and the order
    of the thresholds must stay. For medians over maps, of which only the middle needs a number: ``signal_at_sigma`` refuses a median of +-inf.
    """
    place = np.atleast_1d(np.asarray(threshold, dtype=np.float64))
    tail = _tail(place, statistic, log_bf, drawn_at)
    known = tail.effective_size >= MIN_EFFECTIVE_SIZE
    highest = place[known].max(initial=-np.inf)
    return np.where(known, sigma_from_p(np.minimum(tail.p_value, 1)), np.where(place < highest, -np.inf, np.inf))


def normalisation(log_bf: np.ndarray, drawn_at: np.ndarray | None = None) -> Normalisation:
    """E[1 / BF] over maps as ``importance_p_value`` takes them: its tail at a threshold that every map reaches.

    One strong signal alone seldom visits where the null lives: a low effective size then says that the mean tells nothing, not that the factors err.
    """
    tail = _tail(0.0, np.zeros(len(log_bf)), log_bf, drawn_at)
    return Normalisation(float(tail.p_value[0]), float(tail.error[0]), float(tail.effective_size[0]))


def check_normalisation(log_bf: np.ndarray, drawn_at: np.ndarray | None = None, tolerance: float = 0.05) -> Normalisation:
    """The same, or ValueError if it strays from 1 by more than ``tolerance`` or rests on fewer than 20 effective maps."""
    found = normalisation(log_bf, drawn_at)
    if found.effective_size < MIN_EFFECTIVE_SIZE:
        raise ValueError(
            f"E[1/BF] = {found.mean:.3g} rests on {found.effective_size:.1f} effective maps, fewer than {MIN_EFFECTIVE_SIZE:g}: "
            "add maps of weaker signals and of the null itself"
        )
    if abs(found.mean - 1) > tolerance:
        raise ValueError(
            f"E[1/BF] = {found.mean:.3f} +- {found.error:.3f} is not within {tolerance:g} of 1: the Bayes factors do not belong to these maps "
            "(another simulator setting or a coarse integral), or more maps are needed"
        )
    return found


def direct_p_value(threshold: float | np.ndarray, statistic: np.ndarray, level: float = 0.6827) -> CountedTail:
    """Null tail by counting null maps ``statistic`` (maps,), with the Clopper-Pearson interval of this ``level``; never extrapolated."""
    from scipy.stats import beta

    if not 0 < level < 1:
        raise ValueError(f"level must lie in (0, 1), got {level}")
    values = _finite("statistic", statistic)
    maps = len(values)
    above = maps - np.searchsorted(np.sort(values), _finite("threshold", np.atleast_1d(threshold)), side="left")
    side = (1 - level) / 2
    # 0 and all exceedances leave one limit only, which takes the whole probability
    low = np.where(above > 0, beta.ppf(np.where(above == maps, 2 * side, side), np.maximum(above, 1), maps - above + 1), 0.0)
    high = np.where(above < maps, beta.isf(np.where(above == 0, 2 * side, side), above + 1, np.maximum(maps - above, 1)), 1.0)
    return CountedTail(np.where(above > 0, above / maps, np.nan), low, high, above, maps)


def signal_at_sigma(counts: Sequence[float], significance: Sequence[np.ndarray], sigma: float = 5.0, seed: int = 0, bootstrap: int = 500) -> Crossing:
    """The number of signal events at which the median significance reaches ``sigma``, linear between the ``counts``.

    ``significance``: for each count the significances of its maps (+-inf allowed on either side of the median). The error is the spread over maps drawn again
    with replacement; the importance sampling's own error is not in it. ValueError where the counts do not bracket ``sigma``.
    """
    place = np.asarray(counts, dtype=np.float64)
    if len(place) < 2 or len(place) != len(significance) or np.any(np.diff(place) <= 0):
        raise ValueError(f"need at least two rising counts, and one array of significances for each; got counts {list(counts)} and {len(significance)} arrays")
    samples = [np.asarray(values, dtype=np.float64) for values in significance]
    if any(len(values) == 0 or np.isnan(values).any() for values in samples):
        raise ValueError("each count needs at least one map's significance, and none may be NaN")
    medians = np.array([_median(values) for values in samples])
    signal = _crossing(place, medians, sigma)
    if np.isnan(signal):
        shown = ", ".join(f"{n:g}: {m:.2f}" for n, m in zip(place, medians, strict=True))
        raise ValueError(f"the median significance does not pass {sigma:g} between finite values at these counts ({shown}): simulate counts on both sides")
    random = rng(seed, "bootstrap")
    again = [_crossing(place, np.array([_median(random.choice(values, len(values))) for values in samples]), sigma) for _ in range(bootstrap)]
    return Crossing(signal, float(np.nanstd(again, ddof=1)))


def _weights(log_bf: np.ndarray, drawn_at: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    log_ratio = _finite("log_bf", log_bf)
    if log_ratio.ndim == 1:
        log_ratio = log_ratio[:, None]
    if log_ratio.ndim != 2:
        raise ValueError(f"log_bf must have shape (maps,) or (maps, strengths), got {log_ratio.shape}")
    maps, strengths = log_ratio.shape
    if drawn_at is None and strengths > 1:
        raise ValueError(f"log_bf holds {strengths} strengths: say with drawn_at at which of them each map was drawn")
    stratum = np.zeros(maps, dtype=np.int64) if drawn_at is None else np.asarray(drawn_at)
    if stratum.shape != (maps,) or stratum.dtype.kind not in "iu" or (maps and not 0 <= stratum.min() <= stratum.max() < strengths):
        raise ValueError(f"drawn_at must hold one column number of log_bf, 0 to {strengths - 1}, for each of {maps} maps")
    drawn = np.bincount(stratum, minlength=strengths)
    used = drawn > 0
    return np.exp(-np.logaddexp.reduce(log_ratio[:, used] + np.log(drawn[used] / maps), axis=1)), stratum


def _tail(threshold: float | np.ndarray, statistic: np.ndarray, log_bf: np.ndarray, drawn_at: np.ndarray | None) -> Tail:
    weight, stratum = _weights(log_bf, drawn_at)
    values = _finite("statistic", statistic)
    if values.shape != weight.shape:
        raise ValueError(f"statistic {values.shape} and log_bf {np.shape(log_bf)} must hold the same maps")
    order = np.argsort(values)[::-1]
    above = len(values) - np.searchsorted(values[order][::-1], _finite("threshold", np.atleast_1d(threshold)), side="left")
    value, variance, squares = np.zeros(len(above)), np.zeros(len(above)), np.zeros(len(above))
    # strata of fixed size: their own variances add, the spread between them does not
    for k in np.unique(stratum):
        chosen = np.where(stratum[order] == k, weight[order], 0.0)
        drawn = int(np.sum(stratum == k))
        first, second = (np.concatenate([[0.0], np.cumsum(chosen**power)])[above] for power in (1, 2))
        value += first / len(values)
        squares += second
        variance += np.maximum(second - first**2 / drawn, 0) * drawn / max(drawn - 1, 1) / len(values) ** 2
    effective = np.divide((value * len(values)) ** 2, squares, out=np.zeros(len(above)), where=squares > 0)
    return Tail(value, np.sqrt(variance), effective)


def _crossing(counts: np.ndarray, medians: np.ndarray, sigma: float) -> float:
    """NaN where the rising hull of the medians does not pass ``sigma`` between finite values."""
    rising = np.maximum.accumulate(medians)
    upper = int(np.searchsorted(rising, sigma))
    if upper == 0 and rising[0] == sigma:
        return float(counts[0])
    if upper in (0, len(rising)) or not np.isfinite(rising[upper - 1 : upper + 1]).all():
        return float("nan")
    share = (sigma - rising[upper - 1]) / (rising[upper] - rising[upper - 1])
    return float(counts[upper - 1] + share * (counts[upper] - counts[upper - 1]))


def _median(values: np.ndarray) -> float:
    # the higher of the two middle values, as the mean of two may be inf
    return float(np.partition(values, len(values) // 2)[len(values) // 2])


def _finite(name: str, values: float | np.ndarray) -> np.ndarray:
    checked = np.asarray(values, dtype=np.float64)
    if checked.size == 0:
        raise ValueError(f"{name} is empty: at least one map is needed")
    if not np.isfinite(checked).all():
        raise ValueError(f"{name} holds {int((~np.isfinite(checked)).sum())} NaN or infinite value(s)")
    return checked
