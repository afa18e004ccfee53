"""Simulated events, and answers to them whose posteriors are exact, too wide or too narrow."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from cloudchamber.physics.sphere import lon_lat_deg, tangent_basis, unit_vectors
from cloudchamber.schema import Table
from cloudchamber.studies.surface_array.array.simulator import SurfaceArray
from cloudchamber.studies.surface_array.columns import PARTICLES
from cloudchamber.studies.surface_array.fit.reconstruct import reconstruct

DIRECTION_DEG, CORE_M, LN_ENERGY, XMAX_G_CM2 = 0.6, 50.0, 0.1, 40.0
"""Errors of the answers."""

Answers = Callable[..., Table]


@pytest.fixture(scope="session")
def simulated() -> Table:
    """Theta and x of 400 events."""
    random = np.random.default_rng(1)
    theta = SurfaceArray().prior(400, random)
    table = theta | SurfaceArray().simulate(theta, random)
    return table | reconstruct(table)


@pytest.fixture(scope="session")
def answer_to() -> Answers:
    """``answer_to(truth, width, draws)``: estimates with the errors above, and draws about them with ``width`` times these; exact for 1."""

    def answer(truth: Table, width: float = 1.0, draws: int = 60, seed: int = 2) -> Table:
        random, events = np.random.default_rng(seed), len(truth["energy_ev"])

        def about(true: np.ndarray, error: float) -> np.ndarray:
            return np.asarray(true, float)[:, None] + error * (random.normal(size=(events, 1)) + width * random.normal(size=(events, draws)))

        vectors = unit_vectors(truth["azimuth_deg"], 90.0 - truth["zenith_deg"])
        east, north = tangent_basis(vectors)
        along, across = (about(np.zeros(events), np.deg2rad(DIRECTION_DEG))[..., None] for _ in range(2))
        azimuth, elevation = lon_lat_deg(vectors[:, None] + along * east[:, None] + across * north[:, None])
        # probabilities that are exact where the label is drawn from them
        evidence = 1.5 * (np.eye(len(PARTICLES))[truth["particle"]] * 1.5 + random.normal(size=(events, len(PARTICLES))))
        stated = np.exp(evidence - evidence.max(axis=1, keepdims=True))
        return {
            "zenith_deg_draws": 90.0 - elevation,
            "azimuth_deg_draws": azimuth,
            "energy_ev_draws": np.exp(about(np.log(truth["energy_ev"]), LN_ENERGY)),
            "core_x_m_draws": about(truth["core_x_m"], CORE_M),
            "core_y_m_draws": about(truth["core_y_m"], CORE_M),
            "xmax_g_cm2_draws": about(truth["xmax_g_cm2"], XMAX_G_CM2),
            "particle_probability": stated / stated.sum(axis=1, keepdims=True),
        }

    return answer
