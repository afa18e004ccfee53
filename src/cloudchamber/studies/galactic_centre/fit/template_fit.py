"""The classical template fit: counts are Poisson about a sum of templates whose amplitudes are not negative.

The likelihood is concave: Newton's method finds its maximum, each step to the maximum of the parabola among amplitudes that are not negative.

References: C. Lawson, R. Hanson, Solving Least Squares Problems (1974), of such a parabola; J. Mattox et al., ApJ 461 (1996) 396, of the fit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[Any]

STEPS = 100
GAIN = 1e-9
"""A step that could gain less in the logarithm of the likelihood is the last one."""
SUFFICIENT = 1e-4
"""Of what the slope promises a step must gain so much, else it is halved."""
RIDGE = 1e-13
ALIKE = 1e-10
"""Templates are told apart where no combination of them of unit length has less information than this, over that of each alone."""


@dataclass(frozen=True)
class TemplateFit:
    """Of K templates: amplitudes, errors (K,), their covariance (K, K), and the counts expected of the sum, of the counts' shape.

    The covariance is the inverse of the Fisher information at the maximum, all amplitudes free: one that is held at 0 has the error that the curvature tells.
    """

    amplitudes: Array
    errors: Array
    covariance: Array
    log_likelihood: float
    expected: Array


def fit_templates(counts: ArrayLike, templates: ArrayLike, start: ArrayLike | None = None) -> TemplateFit:
    """Amplitudes that make the ``counts`` likeliest, of ``templates`` (K, *counts' shape): counts expected for an amplitude of 1.

    ``start``: amplitudes to start from, (K,), above 0. ValueError for values that are negative or not finite, a template that is 0 everywhere, counts where all
    templates are 0, and templates that these pixels do not tell apart.
    """
    n, t = _checked(np.asarray(counts, float), np.asarray(templates, float))
    size = t.sum(1)
    # in counts, so that steps in all of them are of one size
    t /= size[:, None]
    first = np.full(len(t), n.sum() / len(t)) / size if start is None else np.asarray(start, float)
    if start is not None and (first.shape != size.shape or not np.all((first > 0) & np.isfinite(first))):
        raise ValueError(f"start: needs {len(t)} amplitudes above 0")
    a = _climbed(n, t, first * size)
    mean = a @ t
    covariance = _covariance(t, mean) / np.outer(size, size)
    shape = np.shape(counts)
    return TemplateFit(a / size, np.sqrt(np.diag(covariance)), covariance, log_likelihood(n, mean), mean.reshape(shape))


def log_likelihood(counts: Array, expected: Array) -> float:
    """Of Poisson's law, with its factorials; counts where nothing is expected make it -inf."""
    from scipy.special import gammaln, xlogy

    return float((xlogy(counts, expected) - expected - gammaln(counts + 1)).sum())


def _checked(counts: Array, templates: Array) -> tuple[Array, Array]:
    """Flat copies: counts (pixels,), templates (K, pixels)."""
    if templates.ndim != counts.ndim + 1 or templates.shape[1:] != counts.shape or not len(templates):
        raise ValueError(f"templates: needs the shape (K, {', '.join(map(str, counts.shape))}) for counts of {counts.shape}, got {templates.shape}")
    for name, values in (("counts", counts), ("templates", templates)):
        if values.size and not (values.min() >= 0 and values.max() < np.inf):
            raise ValueError(f"{name}: must be finite and not negative")
    n, t = counts.ravel(), templates.reshape(len(templates), -1).copy()
    if len(empty := np.flatnonzero(t.sum(1) == 0)):
        raise ValueError(f"templates: number {empty[0]} is 0 everywhere")
    if lost := int(np.count_nonzero((n > 0) & (t.sum(0) == 0))):
        raise ValueError(f"counts: {lost} pixels have counts where every template is 0")
    return n, t


def _climbed(n: Array, t: Array, a: Array) -> Array:
    """To the maximum; ``t`` are templates with a sum of 1."""
    from scipy.linalg import solve_triangular
    from scipy.optimize import nnls

    seen = n > 0
    if not seen.all():
        n, t = n[seen], t[:, seen]
    if not len(n):
        return np.zeros_like(a)

    for _ in range(STEPS):
        mean = a @ t
        slope = t @ (n / mean) - 1
        weighted = t * (np.sqrt(n) / mean)
        curvature = weighted @ weighted.T
        # templates whose pixels have no counts have no curvature
        curvature[np.diag_indices_from(curvature)] += RIDGE * np.trace(curvature)
        root = np.linalg.cholesky(curvature)
        step = nnls(root.T, solve_triangular(root, curvature @ a + slope, lower=True))[0] - a
        gain, share, relative = float(slope @ step), 1.0, step @ t / mean
        while gain >= GAIN and _rise(n, share * relative, share * step) < SUFFICIENT * share * gain:
            share /= 2
        a = a + share * step
        if gain < GAIN:
            return np.maximum(a, 0.0)
    raise RuntimeError(f"the fit of {len(a)} templates has not found its maximum after {STEPS} steps")


def _rise(n: Array, relative: Array, step: Array) -> float:
    """Of the logarithm of the likelihood, exact for small steps too; ``relative`` (pixels,) is what the expected counts change by."""
    return float(n @ np.log1p(relative) - step.sum()) if np.all(relative > -1) else -np.inf


def _covariance(t: Array, mean: Array) -> Array:
    weighted = t * np.divide(1.0, np.sqrt(mean), out=np.zeros_like(mean), where=mean > 0)
    information = weighted @ weighted.T
    # where nothing was counted the amplitude of one count is the error
    dark = np.diag(information) == 0
    information[dark, dark] = 1.0
    own = np.sqrt(np.diag(information))
    if np.linalg.eigvalsh(information / np.outer(own, own))[0] < ALIKE:
        raise ValueError("templates: some are the same, or sums of others, in these pixels: leave one out")
    return np.asarray(np.linalg.inv(information))
