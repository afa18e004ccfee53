"""What generators of windows are held to: a few numbers of each window, and checks of truth and answer on them.

Numbers of a window are made once; resampling them is cheap. All power spectra and correlations are of data whose own mean was taken out.

References: A. Arora and Y. Zhang, arXiv:1706.08224 (birthday test); D. Lopez-Paz and M. Oquab, ICLR 2017 (classifiers).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cloudchamber.schema import Ragged, Table
from cloudchamber.statistics.classifier import Classifier, Judge, Trees, auc_of
from cloudchamber.statistics.distances import kolmogorov_smirnov, wasserstein_in_sigma
from cloudchamber.statistics.measured import Measured
from cloudchamber.studies.bolometer.observables import (
    AUC_LIMIT,
    CORRELATION_MAX,
    CORRELATION_RMS,
    KS_LIMIT,
    PSD_MAX,
    PSD_RMS,
    QUANTILE_LIMIT,
    RATE_LIMIT,
    UPPER_SHARE,
    W1_LIMIT,
    power_law_index,
    signed_root,
    spectra,
)
from cloudchamber.studies.bolometer.signal.campbell import octaves
from cloudchamber.validate.check import Check

if TYPE_CHECKING:
    from scipy.spatial import cKDTree

Array = NDArray[Any]

SIGMA_LIMIT, DEGREES_LIMIT, ARRIVALS_LIMIT, SLOPE_LIMIT, MEMORY_LIMIT = 1.05, 0.1, 0.05, 0.1, 0.05
LEVEL_SIGMA, HIGHEST_LEVELS = 5.0, 10.0
"""A rise counts from so many deviations of the simulator's differences on; heights are fitted up to so many times that."""
DEAD_SAMPLES = 1.5
"""Rises nearer to one another may be one."""
COMPONENTS, PIECE, THINNED = 20, 48, 8
"""Principal components of a window of the first bolometer; samples that classifiers see one by one; of amplitudes every eighth sample counts."""
LOOKED_AT, PARTS = 4, 8
"""Every fourth bolometer is looked at for correlations of windows, in so many parts of the windows for an error."""


class Reference(NamedTuple):
    """What is the same for all that are compared, of windows of the simulator: sampling rate, median power, level of rises, principal components.

    ``vectors`` (COMPONENTS, samples) are scaled so that each component has a deviation of 1.
    """

    rate_hz: float
    scale_w: float
    level_w: float
    mean: Array
    vectors: Array


def reference_of(power_w: Array, rate_hz: float) -> Reference:
    """From windows (windows, bolometers, samples)."""
    differences = np.diff(power_w, axis=2)
    level = LEVEL_SIGMA * 1.4826 * float(np.median(np.abs(differences - np.median(differences))))
    first = _rooted(power_w)
    _, deviations, vectors = np.linalg.svd(first - first.mean(axis=0), full_matrices=False)
    vectors = vectors[:COMPONENTS] / (deviations[:COMPONENTS, None] / np.sqrt(len(first)))
    return Reference(rate_hz, float(np.median(power_w)), level, first.mean(axis=0), vectors)


def components(power_w: Array, reference: Reference) -> Array:
    """Principal components of the roots of the first bolometer's windows, (windows, COMPONENTS), each window's to the length 1.

    So what is near is of one shape: in so many numbers a spread that is a tenth too small would bring ten times as many close pairs.
    """
    found: Array = (_rooted(power_w) - reference.mean) @ reference.vectors.T
    return found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-300)


def numbers_of(power_w: Array, reference: Reference, training: cKDTree) -> Table:
    """The numbers of windows (windows, bolometers, samples) that the checks look at; ``training`` holds components of what generators learned from."""
    data = np.asarray(power_w, np.float64)
    rooted = signed_root(data - data.mean(axis=2, keepdims=True))
    moment, mean = np.matmul(rooted, rooted.transpose(0, 2, 1)) / data.shape[2], rooted.mean(axis=2)
    octave = octave_power(data, reference.rate_hz)
    height, wait = rises(data, reference)
    found = components(power_w, reference)
    table: Table = {
        "octave_power": octave,
        "moment": moment,
        "root_mean": mean,
        "amplitude_w": np.asarray(power_w[:, :, ::THINNED], np.float32),
        "looked_at_w": np.asarray(power_w[:, ::LOOKED_AT], np.float32),
        "rise_w": Ragged.from_list(height),
        "wait_s": Ragged.from_list([each[0] for each in wait]),
        "first_rises": np.array([each[1] for each in wait]),
        "seconds": np.full(len(data), data.shape[1] * data.shape[2] / reference.rate_hz),
        "window_s": np.full(len(data), data.shape[2] / reference.rate_hz),
        "rate_hz": np.full(len(data), reference.rate_hz),
        "level_w": np.full(len(data), reference.level_w),
        "components": found,
        "nearest": training.query(found)[0],
    }
    return table | {"features": _features(data, table, reference)}


def octave_power(data: Array, rate_hz: float) -> Array:
    """Mean power of each octave down from the highest frequency, mean of the bolometers, (windows, octaves), from four times the lowest frequency on."""
    frequency, power = spectra(data, rate_hz)
    power = power.mean(axis=1)
    return np.stack([power[:, part].mean(axis=1) for _, part in octaves(frequency, 4 * frequency[0], frequency[-1] * (1 + 1e-9))], axis=1)


def rises(data: Array, reference: Reference) -> tuple[list[Array], list[tuple[Array, int]]]:
    """Of each window of all bolometers: by how much the data rise in a step, where that is above the level.

    And of the first bolometer the times between such rises, in s, and their number: bolometers have rates of their own. A rise over several samples in a row
    is one, of their sum.
    """
    heights, waits = [], []
    for window in data:
        height = [np.empty(0)]
        for bolometer, steps in enumerate(np.diff(window, axis=1)):
            above = steps > reference.level_w
            begins = np.flatnonzero(above & ~np.concatenate([[False], above[:-1]]))
            if len(begins):
                height.append(np.add.reduceat(np.where(above, steps, 0.0), begins))
            if bolometer == 0:
                waits.append((np.diff(begins) / reference.rate_hz, len(begins)))
        heights.append(np.concatenate(height))
    return heights, waits


def poisson_ks(wait_s: Array, rate_per_s: float, window_s: float, dead_s: float = 0.0) -> float:
    """Kolmogorov-Smirnov distance of waiting times within windows to those of arrivals without memory: of a rate, seen for ``window_s``.

    Both ends of a wait must lie in the window, so that its density is (T - w) exp(-rate w). Waits up to ``dead_s``, in which arrivals are seen as one, are
    left out: without memory the others follow the same law. The rate is that of what is seen.
    """
    ordered = np.sort(wait_s[wait_s > dead_s])
    if len(ordered) == 0:
        return 1.0
    rate_per_s = rate_per_s / max(1 - rate_per_s * dead_s, 0.1)

    def below(w: Array) -> Array:
        return window_s * -np.expm1(-rate_per_s * w) / rate_per_s - (-np.expm1(-rate_per_s * w) / rate_per_s - w * np.exp(-rate_per_s * w)) / rate_per_s

    # waits come in whole samples: the distribution function is looked at in the middle between two of them
    values, counts = np.unique(ordered, return_counts=True)
    middle = np.concatenate([values[:1] / 2, (values[1:] + values[:-1]) / 2, [window_s]])
    least, most = below(np.array([dead_s, window_s]))
    expected = (below(np.maximum(middle, dead_s)) - least) / (most - least)
    return float(np.abs(np.concatenate([[0], np.cumsum(counts)]) / len(ordered) - expected).max())


def window_correlations(power_w: Array) -> tuple[Array, Array]:
    """Of each of ``PARTS`` parts of windows (windows, bolometers, samples): standard deviation and mean square of the correlations of two windows.

    Those of a bolometer's windows; the deviation about the mean correlation, the mean square about 0. Both are means over the bolometers.
    """
    data = np.asarray(power_w, np.float64)
    data = data - data.mean(axis=2, keepdims=True)
    norm = np.linalg.norm(data, axis=2, keepdims=True)
    unit = data / np.where(norm > 0, norm, 1.0)
    variances, squares = [], []
    for part in np.array_split(unit, PARTS):
        found = [(one @ one.T)[np.tril_indices(len(part), -1)] for one in part.transpose(1, 0, 2)]
        variances.append(np.mean([values.var() for values in found]))
        squares.append(np.mean([np.mean(values**2) for values in found]))
    return np.sqrt(variances), np.array(squares)


def generator_checks() -> Sequence[Check]:
    """All that windows are compared by, each a distance, of tables of ``numbers_of``.

    Limits are those of the study's windows, and: arrivals within 0.05 of an exponential law, slope of pulse heights within 0.1, the distance to the nearest
    training window within 5 % of that of held-out ones.
    """

    def judged(name: str, why: str, value: Callable[[Table, Table], float | Measured], limit: float, bootstrap: int = 24, needs: str = "") -> Check:
        return Check(name, why, value, limit, bootstrap=bootstrap, needs=needs)

    def judge(settings: Judge) -> Callable[[Table, Table], Measured]:
        return auc_of(lambda table: np.asarray(table["features"]), lambda table: np.zeros((len(table["features"]), 1)), 4000, settings)

    return [
        judged("power spectrum, rms of octaves", "the power of each octave, mean of the bolometers", lambda t, a: _rms(_octaves(t, a)), PSD_RMS),
        judged("power spectrum, worst octave", "the same", lambda t, a: float(np.abs(_octaves(t, a)).max()), PSD_MAX),
        judged("bolometer correlation, rms", "what bolometers share", lambda t, a: _rms(_correlations(t, a)), CORRELATION_RMS),
        judged("bolometer correlation, largest", "the worst pair", lambda t, a: float(np.abs(_correlations(t, a)).max()), CORRELATION_MAX),
        judged("window-to-window correlation, sigma over the simulator's", "that windows differ", _sigma, SIGMA_LIMIT, 0),
        judged("effective degrees of freedom, relative", "how many ways there are to differ", _degrees, DEGREES_LIMIT, 0),
        judged("amplitudes, KS", "the distribution of the data", lambda t, a: kolmogorov_smirnov(_amplitudes(t), _amplitudes(a)), KS_LIMIT, 8),
        judged("amplitudes, W1 / sigma", "the same, by how far it is off", lambda t, a: wasserstein_in_sigma(_amplitudes(t), _amplitudes(a)), W1_LIMIT, 8),
        judged("highest 1e-4 of amplitudes", "rare large signals, relative", _quantile, QUANTILE_LIMIT),
        judged("rises a second, relative", "hits that are seen", lambda t, a: abs(_rate(a) / max(_rate(t), 1e-30) - 1), RATE_LIMIT),
        judged("times between rises, KS to exponential", "arrivals without memory", _arrivals, ARRIVALS_LIMIT),
        judged("slope of pulse heights", "index of dN/dE ~ E^-n", lambda t, a: abs(_slope(a) - _slope(t)), SLOPE_LIMIT),
        judged("nearest training window, relative", "nothing is a copy", _memory, MEMORY_LIMIT),
        judged("classifier AUC, network", "nobody tells them apart", judge(Classifier(width=96, blocks=2, folds=2)), AUC_LIMIT, 0),
        judged("classifier AUC, trees", "the same of boosted trees", judge(Trees(rounds=100)), AUC_LIMIT, 0, "sklearn"),
    ]


def _rooted(power_w: Array) -> Array:
    first = np.asarray(power_w[:, 0], np.float64)
    rooted: Array = np.sign(first) * np.sqrt(np.abs(first))
    return rooted


def _features(data: Array, table: Table, reference: Reference) -> Array:
    """What classifiers are shown of each window."""
    spread = np.sqrt(np.maximum(table["moment"].diagonal(axis1=1, axis2=2), 1e-300))
    pairs = (table["moment"] / (spread[:, :, None] * spread[:, None]))[(slice(None), *np.tril_indices(data.shape[1], -1))]

    def log(values: Array) -> Array:
        """Logarithmic for large powers, linear for small and negative ones."""
        return np.arcsinh(values / (0.1 * reference.scale_w))

    ordered = np.quantile(data, [0.1, 0.5, 0.9, 0.99, 1.0], axis=2).transpose(1, 0, 2).reshape(len(data), -1)
    counts = np.diff(table["rise_w"].offsets)[:, None]
    piece = data[:, ::LOOKED_AT, :PIECE].reshape(len(data), -1)
    return np.concatenate([np.log(np.maximum(table["octave_power"], 1e-300)), pairs, log(ordered), counts, log(piece)], axis=1)


def _octaves(truth: Table, answer: Table) -> Array:
    shares: Array = np.asarray(answer["octave_power"]).mean(axis=0) / np.asarray(truth["octave_power"]).mean(axis=0) - 1
    return shares


def _correlation(table: Table) -> Array:
    mean = np.asarray(table["root_mean"]).mean(axis=0)
    covariance = np.asarray(table["moment"]).mean(axis=0) - np.outer(mean, mean)
    spread = np.sqrt(np.maximum(covariance.diagonal(), 1e-300))
    found: Array = covariance / np.outer(spread, spread)
    return found


def _correlations(truth: Table, answer: Table) -> Array:
    matrix = _correlation(truth)
    return (_correlation(answer) - matrix)[np.tril_indices(len(matrix), -1)]


def _sigma(truth: Table, answer: Table) -> Measured:
    (one, _), (two, _) = window_correlations(truth["looked_at_w"]), window_correlations(answer["looked_at_w"])
    return _ratio(two, one)


def _degrees(truth: Table, answer: Table) -> Measured:
    (_, one), (_, two) = window_correlations(truth["looked_at_w"]), window_correlations(answer["looked_at_w"])
    ratio = _ratio(one, two)
    return Measured(abs(ratio.value - 1), ratio.error)


def _ratio(values: Array, over: Array) -> Measured:
    """Of two means of independent parts."""
    ratio = float(values.mean() / max(over.mean(), 1e-300))
    errors = [part.std(ddof=1) / np.sqrt(len(part)) / max(part.mean(), 1e-300) for part in (values, over)]
    return Measured(ratio, ratio * float(np.hypot(*errors)))


def _amplitudes(table: Table) -> Array:
    return np.asarray(table["amplitude_w"], float).ravel()


def _quantile(truth: Table, answer: Table) -> float:
    expected, found = (float(np.quantile(_amplitudes(table), 1 - UPPER_SHARE)) for table in (truth, answer))
    return abs(found / expected - 1)


def _rate(table: Table) -> float:
    return len(table["rise_w"].values) / float(np.sum(table["seconds"]))


def _arrivals(truth: Table, answer: Table) -> float:
    window_s = float(answer["window_s"][0])
    return poisson_ks(answer["wait_s"].values, float(np.mean(answer["first_rises"])) / window_s, window_s, DEAD_SAMPLES / float(answer["rate_hz"][0]))


def _slope(table: Table) -> float:
    heights, low = table["rise_w"].values, float(np.asarray(table["level_w"])[0])
    inside = heights[(heights >= low) & (heights <= HIGHEST_LEVELS * low)]
    return power_law_index(inside, low, HIGHEST_LEVELS * low)[0] if len(inside) >= 10 else 0.0


def _memory(truth: Table, answer: Table) -> float:
    return abs(float(np.median(answer["nearest"]) / np.median(truth["nearest"])) - 1)


def _rms(values: Array) -> float:
    return float(np.sqrt(np.mean(np.square(values))))
