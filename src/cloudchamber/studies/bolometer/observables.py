"""What is asked of the background: spectra of deposits and of heights, what bolometers share, power spectra; and the checks with their limits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cloudchamber.schema import Table
from cloudchamber.statistics.classifier import auc_of
from cloudchamber.statistics.distances import kolmogorov_smirnov, wasserstein_in_sigma
from cloudchamber.statistics.measured import Measured
from cloudchamber.studies.bolometer.columns import FAMILIES
from cloudchamber.studies.bolometer.glitches.checks import glitch_checks
from cloudchamber.studies.bolometer.signal.campbell import octaves
from cloudchamber.validate.check import Check

Array = NDArray[Any]

RATE_LIMIT, KS_LIMIT, W1_LIMIT, QUANTILE_LIMIT, CORRELATION_RMS, CORRELATION_MAX, AUC_LIMIT = 0.02, 0.005, 0.01, 0.05, 0.005, 0.01, 0.55
PSD_RMS, PSD_MAX = 0.05, 0.15
"""Limits that the generators of this study are held to."""
UPPER_SHARE = 1e-4


class Spectrum(NamedTuple):
    """Frequencies in Hz, and one-sided power spectra (bolometers, frequencies) in W^2/Hz."""

    frequency_hz: Array
    power: Array


def spectra(power_w: Array, rate_hz: float, segment: int = 1024) -> tuple[Array, Array]:
    """Frequencies in Hz, and one-sided spectra (..., frequencies) in W^2/Hz of data (..., samples), each segment's mean taken out; 0 Hz is left out.

    Segments overlap by three quarters, so that all times weigh alike: one large hit may be half of all the power.
    """
    from scipy.signal import welch

    segment = min(segment, power_w.shape[-1])
    frequency, power = welch(np.asarray(power_w, float), rate_hz, nperseg=segment, noverlap=3 * segment // 4, axis=-1, detrend="constant")
    return frequency[1:], power[..., 1:]


def power_spectrum(power_w: Array, rate_hz: float, segment: int = 1024) -> Spectrum:
    """Mean spectrum of data (bolometers, samples) or (windows, bolometers, samples), as ``spectra`` makes it."""
    frequency, power = spectra(power_w, rate_hz, segment)
    return Spectrum(frequency, power if power.ndim == 2 else power.mean(axis=0))


def signed_root(values: Array) -> Array:
    """Square roots with the values' signs: of data themselves a few large hits would be all there is to see."""
    return np.sign(values) * np.sqrt(np.abs(values))


def octave_ratios(power: Array, expected: Array, frequency_hz: Array, lowest_hz: float) -> dict[float, float]:
    """Of two spectra (frequencies,): ratio of their means in each octave down from the highest frequency, by its lower edge in Hz."""
    return {low: float(power[part].mean() / expected[part].mean()) for low, part in octaves(frequency_hz, lowest_hz, frequency_hz[-1] * (1 + 1e-9))}


def bolometer_correlation(power_w: Array) -> Array:
    """Correlations of the bolometers' data over all windows (windows, bolometers, samples), each window's own mean taken out, (bolometers, bolometers).

    They are those of ``signed_root``.
    """
    data = np.asarray(power_w, float)
    return np.corrcoef(np.moveaxis(signed_root(data - data.mean(axis=-1, keepdims=True)), 1, 0).reshape(data.shape[1], -1))


def power_law_index(values: Array, lowest: float, highest: float) -> tuple[float, float]:
    """Index n of dN/dE ~ E^-n between two values by maximum likelihood, and its error; ValueError for fewer than ten values there.

    References: A. Clauset et al., SIAM Rev. 51 (2009) 661 (without an upper end).
    """
    from scipy.optimize import brentq

    logs = np.log(values[(values >= lowest) & (values <= highest)] / lowest)
    if len(logs) < 10:
        raise ValueError(f"{len(logs)} values between {lowest:g} and {highest:g}: an index needs ten at least")
    span = float(np.log(highest / lowest))

    def mean_log(slope: float) -> float:
        """Of an exponential distribution of this slope, cut at the span."""
        return span / 2 if abs(slope) < 1e-6 else 1 / slope - span / np.expm1(slope * span)

    slope = brentq(lambda slope: mean_log(slope) - logs.mean(), -30.0, 30.0)
    spread = (mean_log(slope - 1e-4) - mean_log(slope + 1e-4)) / 2e-4
    return float(slope) + 1, float(1 / np.sqrt(len(logs) * spread))


def broken_power_law(values: Array, lowest: float, highest: float) -> tuple[float, float, float]:
    """(break, index below, index above) of two power laws that meet, fitted by maximum likelihood to the values between two ends."""
    from scipy.optimize import minimize

    logs = np.log(values[(values >= lowest) & (values <= highest)] / lowest)
    span = float(np.log(highest / lowest))

    def piece(slope: float, length: float) -> float:
        return length if abs(slope) < 1e-9 else np.expm1(slope * length) / slope

    def minus_log_likelihood(parameters: Array) -> float:
        at, below, above = parameters
        if not 0.02 * span < at < 0.98 * span:
            return np.inf
        distance = logs - at
        density = np.where(distance < 0, (1 - below) * distance, (1 - above) * distance)
        return float(np.log(piece(below - 1, at) + piece(1 - above, span - at)) - density.mean())

    starts = [np.array([share * span, 0.5, 2.0]) for share in (0.2, 0.35, 0.5)]
    best = min((minimize(minus_log_likelihood, start, method="Nelder-Mead", options={"maxiter": 2000}) for start in starts), key=lambda found: found.fun)
    return float(lowest * np.exp(best.x[0])), float(best.x[1]), float(best.x[2])


def checks() -> Sequence[Check]:
    """Of all views, each made where a run has its columns: the table that the report prints."""
    views = {"amplitude_w": hit_checks(), "power_w": window_checks(), "residual_sigma": glitch_checks()}
    return [replace(check, columns=(column,)) for column, made in views.items() for check in made]


def hit_checks() -> Sequence[Check]:
    """Of hits: those in the wafer and those on a bolometer apart, as a few large ones would be all there is to see."""

    def apart(name: str, why: str, value: Callable[[Table, Table], float | Measured], limit: float, bootstrap: int | None = 8) -> Check:
        return Check(name, why, value, limit, groups=_families, bootstrap=bootstrap)

    return [
        Check("rate", "hits a second, relative", _rate, RATE_LIMIT),
        apart("deposits, KS", "the spectrum of deposits", _ks(lambda t: np.log(t["deposit_kev"])), KS_LIMIT, None),
        apart("heights, KS", "the spectrum of pulse heights, all bolometers together", _ks(lambda t: np.log(_heights(t))), KS_LIMIT),
        apart("heights, W1 / sigma", "the same, of their logarithms, by how far they are off", _w1(lambda t: np.log(_heights(t))), W1_LIMIT),
        apart("highest 1e-4 of heights", "rare large pulses, relative", _quantile(_heights), QUANTILE_LIMIT),
        apart("correlation of heights, rms", "what bolometers share of a hit", _correlation(_rms, _height_correlation), CORRELATION_RMS),
        apart("correlation of heights, largest", "the worst pair", _correlation(np.max, _height_correlation), CORRELATION_MAX),
        apart("classifier AUC", "nobody tells hits apart, given the conditions", auc_of(_marks, _conditions, 6000), AUC_LIMIT, 0),
    ]


def window_checks(rate_hz: float = 156.25) -> Sequence[Check]:
    """Of windows that were sampled at ``rate_hz``."""
    return [
        Check("power spectrum, rms of octaves", "the power of each octave, mean of the bolometers", _octaves(rate_hz, _rms), PSD_RMS, bootstrap=8),
        Check("power spectrum, worst octave", "the same", _octaves(rate_hz, np.max), PSD_MAX, bootstrap=8),
        Check("bolometer correlation, rms", "what bolometers share", _correlation(_rms, _data_correlation), CORRELATION_RMS, bootstrap=8),
        Check("bolometer correlation, largest", "the worst pair", _correlation(np.max, _data_correlation), CORRELATION_MAX, bootstrap=8),
        Check("amplitudes, KS", "the distribution of the data", _ks(_data), KS_LIMIT, bootstrap=8),
        Check("amplitudes, W1 / sigma", "the same, by how far it is off", _w1(_data), W1_LIMIT, bootstrap=8),
        Check("highest 1e-4 of amplitudes", "rare large signals, relative", _quantile(_data), QUANTILE_LIMIT, bootstrap=8),
    ]


def _families(table: Table) -> dict[str, Array]:
    codes = np.asarray(table["family"])
    return {name: codes == code for code, name in enumerate(FAMILIES)}


def _rate(truth: Table, answer: Table) -> float:
    return abs(float(np.mean(truth["waiting_time_s"], dtype=float) / np.mean(answer["waiting_time_s"], dtype=float)) - 1)


def _heights(table: Table) -> Array:
    heights = np.asarray(table["amplitude_w"], float).ravel()
    return heights[heights > 0]


def _data(table: Table) -> Array:
    return np.asarray(table["power_w"], float).ravel()


def _log_heights(table: Table) -> Array:
    return np.log(np.maximum(np.asarray(table["amplitude_w"], float), 1e-30))


def _marks(table: Table) -> Array:
    numbers = [np.log(np.asarray(table["deposit_kev"], float)), np.asarray(table["x_mm"], float), np.asarray(table["y_mm"], float)]
    return np.concatenate([np.stack(numbers, axis=1), _log_heights(table)], axis=1)


def _conditions(table: Table) -> Array:
    return np.stack([np.asarray(table[name], float) for name in ("phi_mv", "thickness_um", "family")], axis=1)


def _height_correlation(table: Table) -> Array:
    return np.corrcoef(_log_heights(table).T)


def _data_correlation(table: Table) -> Array:
    return bolometer_correlation(np.asarray(table["power_w"]))


def _rms(values: Array) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


def _ks(values: Callable[[Table], Array]) -> Callable[[Table, Table], float]:
    return lambda truth, answer: kolmogorov_smirnov(values(truth), values(answer))


def _w1(values: Callable[[Table], Array]) -> Callable[[Table, Table], float]:
    return lambda truth, answer: wasserstein_in_sigma(values(truth), values(answer))


def _quantile(values: Callable[[Table], Array]) -> Callable[[Table, Table], float]:
    def value(truth: Table, answer: Table) -> float:
        expected, found = (float(np.quantile(values(table), 1 - UPPER_SHARE)) for table in (truth, answer))
        return abs(found / expected - 1)

    return value


def _correlation(statistic: Callable[[Array], float], matrix: Callable[[Table], Array]) -> Callable[[Table, Table], float]:
    def value(truth: Table, answer: Table) -> float:
        pairs = np.tril_indices(len(matrix(truth)), -1)
        return float(statistic(np.abs(matrix(answer) - matrix(truth))[pairs]))

    return value


def _octaves(rate_hz: float, statistic: Callable[[Array], float]) -> Callable[[Table, Table], float]:
    def value(truth: Table, answer: Table) -> float:
        one, two = (power_spectrum(np.asarray(table["power_w"]), rate_hz) for table in (truth, answer))
        ratios = octave_ratios(two.power.mean(axis=0), one.power.mean(axis=0), one.frequency_hz, 4 * one.frequency_hz[0])
        return float(statistic(np.abs(np.array(list(ratios.values())) - 1)))

    return value
