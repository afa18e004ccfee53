"""The generalised Gumbel distribution of Xmax, by primary mass, energy and hadronic model.

L = lg(E/eV) - 19; mu = p0 + p1 L + p2 L^2, sigma = s0 + s1 L, lambda = l0 + l1 L, each coefficient a0 + a1 lnA + a2 (lnA)^2.

References: De Domenico, Settimo, Riggi and Bertin, JCAP 07 (2013) 050, eqs. 2.1 to 2.6 and table 1.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


class GumbelCoefficients(NamedTuple):
    """Rows: powers of L; columns: powers of lnA. mu and sigma in g/cm2."""

    mu: tuple[tuple[float, float, float], ...]
    sigma: tuple[tuple[float, float, float], ...]
    shape: tuple[tuple[float, float, float], ...]


GUMBEL_COEFFICIENTS = {
    "EPOS-LHC": GumbelCoefficients(
        mu=((775.589, -7.047, -2.427), (57.589, -0.743, 0.214), (-0.820, -0.169, -0.027)),
        sigma=((29.403, 13.553, -3.154), (0.096, -0.961, 0.150)),
        shape=((0.563, 0.711, 0.058), (0.039, 0.067, -0.004)),
    ),
    "QGSJetII-04": GumbelCoefficients(
        mu=((761.383, -11.719, -1.372), (57.344, -1.731, 0.309), (-0.355, 0.273, -0.137)),
        sigma=((35.221, 12.335, -2.889), (0.307, -1.147, 0.271)),
        shape=((0.673, 0.694, -0.007), (0.060, -0.019, 0.017)),
    ),
    "Sibyll2.3d": GumbelCoefficients(
        mu=((785.852, -15.5994, -1.06906), (60.5929, -0.786014, 0.200728), (-0.959349, 0.211336, -0.0647766)),
        sigma=((41.0345, -2.17329, -0.306202), (-0.309466, -1.16496, 0.225445)),
        shape=((0.799493, 0.235235, 0.00856884), (0.0632135, -0.0012847, 0.000330525)),
    ),
}


def gumbel_parameters(ln_a: ArrayLike, lg_energy_ev: ArrayLike, model: str = "Sibyll2.3d") -> tuple[Array, Array, Array]:
    """(mu, sigma, lambda), broadcast over ``ln_a`` and ``lg_energy_ev``; mu and sigma in g/cm2. ValueError for an unknown hadronic ``model``."""
    if model not in GUMBEL_COEFFICIENTS:
        raise ValueError(f"no Xmax distribution for the hadronic model '{model}'; there are: {', '.join(GUMBEL_COEFFICIENTS)}")
    mass, energy = np.broadcast_arrays(np.asarray(ln_a, np.float64), np.asarray(lg_energy_ev, np.float64) - 19)
    mu, sigma, shape = (np.polynomial.polynomial.polyval2d(energy, mass, np.array(rows)) for rows in GUMBEL_COEFFICIENTS[model])
    return mu, sigma, shape


def gumbel_density(xmax_g_cm2: ArrayLike, ln_a: ArrayLike, lg_energy_ev: ArrayLike, model: str = "Sibyll2.3d") -> Array:
    """Probability density of Xmax in cm2/g: lambda^lambda / (sigma Gamma(lambda)) exp(-lambda z - lambda e^-z), z = (Xmax - mu) / sigma (eq. 2.1)."""
    from scipy.special import gammaln

    mu, sigma, shape = gumbel_parameters(ln_a, lg_energy_ev, model)
    z = (np.asarray(xmax_g_cm2) - mu) / sigma
    with np.errstate(over="ignore"):
        return np.exp(shape * np.log(shape) - gammaln(shape) - shape * z - shape * np.exp(-z)) / sigma


def gumbel_mean(ln_a: ArrayLike, lg_energy_ev: ArrayLike, model: str = "Sibyll2.3d") -> Array:
    """Mean Xmax in g/cm2: mu + sigma (ln lambda - psi(lambda)) (eq. 2.3)."""
    from scipy.special import digamma

    mu, sigma, shape = gumbel_parameters(ln_a, lg_energy_ev, model)
    return mu + sigma * (np.log(shape) - digamma(shape))


def gumbel_variance(ln_a: ArrayLike, lg_energy_ev: ArrayLike, model: str = "Sibyll2.3d") -> Array:
    """Variance of Xmax in (g/cm2)^2: sigma^2 psi_1(lambda) (eq. 2.3)."""
    from scipy.special import polygamma

    _, sigma, shape = gumbel_parameters(ln_a, lg_energy_ev, model)
    return sigma**2 * polygamma(1, shape)


def gumbel_sample(ln_a: ArrayLike, lg_energy_ev: ArrayLike, rng: np.random.Generator, model: str = "Sibyll2.3d") -> Array:
    """One Xmax in g/cm2 for each entry: lambda e^-z follows a gamma distribution of shape lambda."""
    mu, sigma, shape = gumbel_parameters(ln_a, lg_energy_ev, model)
    return mu + sigma * (np.log(shape) - np.log(rng.gamma(shape)))
