"""What the parametric fit and a trained network say of each event, and how far that is from the truth.

The fit's answers are the columns ``FIT`` of the truth; a network's are its posterior draws, ``<column>_draws`` (events, draws). Its estimate is their mean: of
a direction the mean unit vector, of the energy the mean of ln E.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from cloudchamber.physics.sphere import angular_distance_deg, lon_lat_deg, tangent_basis, unit_vectors
from cloudchamber.statistics.calibration import posterior_rank
from cloudchamber.studies.surface_array.columns import PARTICLES

Events = Mapping[str, Any]


def true_direction(truth: Events) -> np.ndarray:
    """Unit vectors (events, 3) to where the showers came from, z up."""
    return _vectors(truth["azimuth_deg"], truth["zenith_deg"])


def fit_direction(truth: Events) -> np.ndarray:
    """Unit vectors (events, 3) by the parametric fit."""
    return _vectors(truth["fit_azimuth_deg"], truth["fit_zenith_deg"])


def drawn_directions(answer: Events) -> np.ndarray:
    """Unit vectors (events, draws, 3) of a network's draws."""
    return _vectors(answer["azimuth_deg_draws"], answer["zenith_deg_draws"])


def network_direction(answer: Events) -> np.ndarray:
    """The mean unit vector (events, 3) of a network's draws."""
    return _unit(drawn_directions(answer).mean(axis=1))


def zenith_azimuth_deg(direction: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Zenith angle and azimuth (-180 to 180) of unit vectors (..., 3)."""
    azimuth, elevation = lon_lat_deg(direction)
    return 90.0 - elevation, azimuth


def core(table: Events, prefix: str = "") -> np.ndarray:
    """The core (events, 2) in m of the truth, or with ``prefix`` "fit_" of the fit."""
    return np.stack([np.asarray(table[f"{prefix}core_{axis}_m"], float) for axis in "xy"], axis=-1)


def drawn_cores(answer: Events) -> np.ndarray:
    """The cores (events, draws, 2) in m of a network's draws."""
    return np.stack([np.asarray(answer[f"core_{axis}_m_draws"], float) for axis in "xy"], axis=-1)


def ln_energy(table: Events, prefix: str = "") -> np.ndarray:
    """ln(E/eV) of the truth, or with ``prefix`` "fit_" of the fit."""
    return np.log(np.asarray(table[f"{prefix}energy_ev"], float))


def drawn_ln_energies(answer: Events) -> np.ndarray:
    """ln(E/eV), (events, draws), of a network's draws."""
    return np.log(np.asarray(answer["energy_ev_draws"], float))


def nuclear_ln_energy(answer: Events) -> np.ndarray:
    """ln(E/eV), (events,), of events taken for nuclei: the mean of the draws that are none of a photon, which needs far more energy for the same signals.

    Of all draws where none is a nucleus, or an answer names no particle.
    """
    drawn = drawn_ln_energies(answer)
    if "particle_draws" not in answer:
        return np.asarray(drawn.mean(axis=1))
    nucleus = np.asarray(answer["particle_draws"]) != PARTICLES.index("gamma")
    nucleus |= ~nucleus.any(axis=1, keepdims=True)
    return np.asarray(np.average(drawn, axis=1, weights=nucleus))


def drawn_xmax(answer: Events) -> np.ndarray:
    """Xmax in g/cm2, (events, draws), of a network's draws."""
    return np.asarray(answer["xmax_g_cm2_draws"], float)


def opening_deg(truth: Events, direction: np.ndarray) -> np.ndarray:
    """Angle (events,) between the true direction and ``direction`` (events, 3)."""
    return angular_distance_deg(true_direction(truth), direction)


def core_distance_m(truth: Events, estimate: np.ndarray) -> np.ndarray:
    """Distance (events,) on the ground between the true core and ``estimate`` (events, 2)."""
    return np.asarray(np.linalg.norm(estimate - core(truth), axis=-1))


def angle_errors_deg(truth: Events, direction: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Errors (events,) of the zenith angle, and of the azimuth times the sine of the true zenith angle."""
    zenith, azimuth = zenith_azimuth_deg(direction)
    true_zenith = np.asarray(truth["zenith_deg"], float)
    turn = (azimuth - np.asarray(truth["azimuth_deg"], float) + 180.0) % 360.0 - 180.0
    return zenith - true_zenith, turn * np.sin(np.deg2rad(true_zenith))


def quantile68(values: np.ndarray) -> float:
    """What 68 % of ``values`` lie below."""
    return float(np.quantile(values, 0.68))


def direction_error68_deg(drawn: np.ndarray) -> np.ndarray:
    """The angle (events,) from their mean direction that holds 68 % of the draws (events, draws, 3)."""
    return np.asarray(np.quantile(angular_distance_deg(drawn, _unit(drawn.mean(axis=1))[:, None]), 0.68, axis=1))


def direction_pulls(truth: Events, answer: Events) -> np.ndarray:
    """Error over stated standard deviation (events, 2), along the azimuth and away from the vertical, in the plane that touches the sphere at the estimate.

    The scatter of mean and deviation of finitely many draws is taken out, so that an exact Gaussian posterior has pulls of width 1.
    """
    drawn = drawn_directions(answer)
    axes = np.stack(tangent_basis(_unit(drawn.mean(axis=1))), axis=1)
    spread = np.einsum("eni,eki->enk", drawn, axes)
    error = np.einsum("ei,eki->ek", true_direction(truth), axes) - spread.mean(axis=1)
    n = drawn.shape[1]
    if n < 4:
        raise ValueError(f"pulls need at least 4 draws an event, got {n}")
    # the error has the variance 1 + 1/n of the posterior's, and Student's t with n - 1 degrees of freedom (n - 1) / (n - 3)
    return np.asarray(error / spread.std(axis=1, ddof=1) / np.sqrt((1 + 1 / n) * (n - 1) / (n - 3)))


def fit_pulls(truth: Events) -> np.ndarray:
    """Error over stated standard deviation (events, 2) of the fit's zenith angle and azimuth."""
    turn = (np.asarray(truth["fit_azimuth_deg"], float) - truth["azimuth_deg"] + 180.0) % 360.0 - 180.0
    error = np.stack([np.asarray(truth["fit_zenith_deg"], float) - truth["zenith_deg"], turn], axis=-1)
    variance = np.diagonal(np.asarray(truth["fit_covariance"], float), axis1=1, axis2=2)[:, 2:4]
    return np.asarray(np.deg2rad(error) / np.sqrt(variance))


def level(draws: np.ndarray, true: np.ndarray) -> np.ndarray:
    """The level (events,) of the central interval of ``draws`` (events, draws) that just holds the truth (events,): uniform if calibrated."""
    return np.abs(2 * posterior_rank(draws, true) - 1)


def ball_level(draws: np.ndarray, true: np.ndarray, sphere: bool = False) -> np.ndarray:
    """The level (events,) of the ball about the mean of ``draws`` (events, draws, dimensions) that just holds the truth (events, dimensions).

    The centre is the mean of draws and truth together, so that no draw is nearer to it than the truth for having made it: the level of a calibrated posterior
    is uniform for any number of draws. ``sphere`` keeps the centre on the unit sphere.
    """
    together = np.concatenate([draws, true[:, None]], axis=1)
    centre = together.mean(axis=1)
    distance = np.linalg.norm(together - (_unit(centre) if sphere else centre)[:, None], axis=-1)
    return posterior_rank(distance[:, :-1], distance[:, -1])


def direction_level(truth: Events, answer: Events) -> np.ndarray:
    """``ball_level`` of the direction."""
    return ball_level(drawn_directions(answer), true_direction(truth), sphere=True)


def core_level(truth: Events, answer: Events) -> np.ndarray:
    """``ball_level`` of the core."""
    return ball_level(drawn_cores(answer), core(truth))


def energy_level(truth: Events, answer: Events) -> np.ndarray:
    """``level`` of ln E."""
    return level(drawn_ln_energies(answer), ln_energy(truth))


def xmax_level(truth: Events, answer: Events) -> np.ndarray:
    """``level`` of Xmax."""
    return level(drawn_xmax(answer), np.asarray(truth["xmax_g_cm2"], float))


def _vectors(azimuth_deg: Any, zenith_deg: Any) -> np.ndarray:
    return unit_vectors(azimuth_deg, 90.0 - np.asarray(zenith_deg, float))


def _unit(vectors: np.ndarray) -> np.ndarray:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True))
