"""How many peaks the distribution of a number has: a mean and a deviation say little of one with two."""

from __future__ import annotations

from math import prod

import numpy as np

from cloudchamber.schema import Column

QUANTILES = {"q16": 0.16, "q50": 0.5, "q84": 0.84}
MODES = "modes"
MOST_NUMBERS = 64
"""A column of more numbers, as of an image's pixels, has neither quantiles nor peaks."""
DIP = 0.8
"""Two peaks count as such where the density between them is below this share of the lower one's height."""
LEAST = 0.05
"""A peak below this share of the highest one is none."""
SIGNIFICANT = 3.2
"""Of draws, rise and fall must be so many standard errors of the density."""
WIDTHS = (0.65, 1.6)
"""Smoothing, in units of deviation / fifth root of the draws: the narrower one parts what is near, the wider one sees what is small."""
GRID = 128
REACH = 12.0
"""Draws further from the median than so many deviations (those of most of them) are counted at that edge."""


def words_of(column: Column) -> tuple[str, ...]:
    """What is told of a column of numbers beside mean and deviation: the endings of names."""
    return () if column.categories or prod(column.shape) > MOST_NUMBERS else (*QUANTILES, MODES)


def modes_of_draws(draws: np.ndarray, smallest_width: float = 0.0) -> np.ndarray:
    """How many peaks are seen in ``draws`` (rows, draws): whole numbers (rows,), at least 1.

    The draws are smoothed by Gaussians of about Silverman's width, at least ``smallest_width``; a second peak counts where the density falls and rises
    again by more than its standard error allows, in one of them. A Gaussian is taken for two peaks in less than one of a thousand cases, anything else with
    one peak in less than one of a hundred; with 100 draws two equal peaks are seen from five deviations on, smaller ones need more.
    References: Silverman (1986), Density Estimation, eq. 3.31; Chaudhuri & Marron (1999), JASA 94, 807 (SiZer).
    """
    draws = np.asarray(draws, float)
    rows, count = draws.shape
    lower, median, upper = np.quantile(draws, (0.25, 0.5, 0.75), axis=1)
    spread, middle = draws.std(axis=1), (upper - lower) / 1.34
    width = np.where(middle > 0, np.minimum(spread, middle), spread)
    found = np.ones(rows, int)
    live = width > 1e-9 * np.abs(median) + np.finfo(float).tiny
    if not live.any():
        return found
    width, median, draws = width[live, None], median[live, None], draws[live]
    # in units of the width, the whole range on a grid of its own for each row
    scaled = np.clip((draws - median) / width, -REACH, REACH)
    margin = 3 * np.maximum(max(WIDTHS) * count**-0.2, smallest_width / width)
    low, high = scaled.min(axis=1, keepdims=True) - margin, scaled.max(axis=1, keepdims=True) + margin
    step = (high - low) / (GRID - 1)
    place = (scaled - low) / step
    cell = np.minimum(place.astype(int), GRID - 2)
    share, first = place - cell, GRID * np.arange(len(scaled))[:, None] + cell
    filled = np.bincount(first.ravel(), (1 - share).ravel(), len(scaled) * GRID) + np.bincount(first.ravel() + 1, share.ravel(), len(scaled) * GRID)
    # twice as long, so that the ends do not meet
    waves = np.fft.rfft(filled.reshape(-1, GRID), 2 * GRID)
    for factor in WIDTHS:
        smoothing = np.maximum(factor * count**-0.2, smallest_width / width)
        damped = waves * np.exp(-0.5 * (2 * np.pi * np.fft.rfftfreq(2 * GRID) * smoothing / step) ** 2)
        density = np.maximum(np.fft.irfft(damped, 2 * GRID)[:, :GRID], 0) / (count * step)
        found[live] = np.maximum(found[live], count_peaks(density, 1 / (count * smoothing[:, 0] * 2 * np.sqrt(np.pi))))
    return found


def count_peaks(density: np.ndarray, variance: np.ndarray | float = 0.0) -> np.ndarray:
    """The peaks of ``density`` (rows, grid), ends included, (rows,); ``variance`` (rows,) is that of a density of 1, where it is measured."""
    density = np.maximum(density, LEAST * density.max(axis=1, keepdims=True))
    peaks, climbing = np.zeros(len(density), int), np.ones(len(density), bool)
    extreme = density[:, 0].copy()
    for height in density.T[1:]:
        top, bottom = np.maximum(extreme, height), np.minimum(extreme, height)
        clear = (bottom < DIP * top) & (top - bottom > SIGNIFICANT * np.sqrt(variance * (top + bottom)))
        fell, rose = climbing & clear & (height < extreme), ~climbing & clear & (height > extreme)
        peaks += fell
        extreme = np.where(fell | rose, height, np.where(climbing, top, bottom))
        climbing = (climbing & ~fell) | rose
    return np.maximum(peaks + climbing, 1)
