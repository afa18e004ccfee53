"""The fields of Unger and Farrar against the reference values that they publish with their code (BSD licence), and free of divergence."""

from __future__ import annotations

import numpy as np
import pytest

from cloudchamber.studies.cosmic_ray_sky.galaxy import uf23
from cloudchamber.studies.cosmic_ray_sky.galaxy.fields import FIELDS, field_parameters, fields_at

POSITIONS = np.array([[1, 1, 1], [0, 0, -8], [-1, 3, 4], [-10, -3, 2], [-4, -2, 1], [6, 5, -0.1]], float)
REFERENCE = {
    "base": [
        [-1.46860417e00, 1.64555489e00, 8.35702311e-01], [0.0, -4.22433497e-01, 1.83232985e-01], [-1.17276875e00, -2.33013590e-01, 4.10798494e-01],
        [2.63883569e-01, -8.79631081e-01, 5.54229961e-06], [6.18960813e-01, -2.14437026e00, 8.35702315e-01], [-1.50883911e00, 2.63874909e00, 1.16578928e-02],
    ],
    "neCL": [
        [-1.39447625e00, 1.57135437e00, 8.65163870e-01], [0.0, -4.44318027e-01, 1.54430718e-01], [-1.08603376e00, -1.86359136e-01, 3.91730436e-01],
        [2.11095801e-01, -7.04082667e-01, 8.86591950e-05], [5.76543516e-01, -2.03544911e00, 8.65163870e-01], [-3.77778745e-01, 6.89644787e-01, 5.85347897e-02],
    ],
    "expX": [
        [-1.04170166e00, 1.93212739e00, 2.95362499e00], [0.0, -5.87995638e-01, 4.66925506e-01], [-1.34639246e00, 6.80103301e-02, 8.60002649e-01],
        [1.37242004e-01, -8.67085225e-01, 1.25106474e-01], [4.53873303e-01, -2.03292501e00, 9.95205454e-01], [-1.30599234e00, 2.25151057e00, 2.56704152e-01],
    ],
    "spur": [
        [-1.45840221e00, 1.64227817e00, 8.41586777e-01], [0.0, -6.98341816e-01, 1.84323895e-01], [-1.47472798e00, -3.33905274e-01, 4.11265918e-01],
        [2.31202234e-01, -7.70722755e-01, 1.12129423e-05], [5.92201401e-01, -2.10378256e00, 8.41586782e-01], [4.05057122e-03, -9.76673905e-03, 8.24321504e-03],
    ],
    "cre10": [
        [-1.50595160e00, 1.67869437e00, 8.29806168e-01], [0.0, -2.27289811e-01, 1.86869632e-01], [-9.35561196e-01, -1.55840707e-01, 4.13609050e-01],
        [2.68120686e-01, -8.93743434e-01, 3.48927149e-06], [6.50804557e-01, -2.18817590e00, 8.29806172e-01], [-1.58450595e00, 2.77817014e00, 1.10336683e-02],
    ],
    "synCG": [
        [-1.33098823e00, 1.49556466e00, 6.88642986e-01], [0.0, -4.99342453e-01, 1.16143813e-01], [-1.15136627e00, -2.48536546e-01, 2.95713475e-01],
        [1.18057505e-01, -3.98308301e-01, 9.11299352e-04], [5.61264936e-01, -1.94601963e00, 6.88642987e-01], [-1.18200258e00, 2.01179003e00, 8.02453884e-02],
    ],
    "twistX": [
        [-3.65508814e-01, 4.74456797e-01, 5.76165841e-01], [0.0, 0.0, 6.36668108e-02], [-4.04821314e-01, -1.01426396e-02, 2.06022291e-01],
        [-2.34287239e-02, -9.72536117e-02, 2.80624948e-02], [3.25022555e-01, -1.18950549e00, 5.76163734e-01], [-8.65217092e-01, 1.85270104e00, 3.73913202e-01],
    ],
    "nebCor": [
        [-1.92580231e00, 2.17134243e00, 1.13723929e00], [0.0, -4.73261099e-01, 2.65974345e-01], [-1.47213976e00, -2.82203258e-01, 5.71920142e-01],
        [3.54206333e-01, -1.18108962e00, 1.00077423e-04], [7.90570955e-01, -2.84039611e00, 1.13723931e00], [-1.97316856e00, 3.44153600e00, 3.20266742e-02],
    ],
}  # fmt: skip


@pytest.mark.parametrize("variant", uf23.VARIANTS)
def test_published_values(variant: str) -> None:
    # the reference gives the limit of a small step off the axis at (0, 0, -8): its azimuth there is 0
    off_axis = POSITIONS + np.where(np.abs(POSITIONS[:, :1]) + np.abs(POSITIONS[:, 1:2]) == 0, 1e-12, 0.0) * [1.0, 0.0, 0.0]
    assert fields_at(off_axis, field_parameters(f"uf23-{variant}")) == pytest.approx(np.array(REFERENCE[variant]), rel=2e-6, abs=1e-9)


@pytest.mark.parametrize("variant", uf23.VARIANTS)
def test_divergence_vanishes_in_the_halo(variant: str) -> None:
    points = np.random.default_rng(4).uniform(-10, 10, (1000, 3))
    points[:, 2] = np.copysign(3.0 + 0.5 * np.abs(points[:, 2]), points[:, 2])
    parameters, h = field_parameters(f"uf23-{variant}"), 1e-4
    slopes = [(fields_at(points + h * axis, parameters) - fields_at(points - h * axis, parameters)) @ axis / (2 * h) for axis in np.eye(3)]
    assert np.max(np.abs(np.sum(slopes, axis=0))) < 1e-5 * np.max(np.linalg.norm(fields_at(points, parameters), axis=1))


def test_unknown_names_are_refused() -> None:
    with pytest.raises(ValueError, match="uf23-expX"):
        field_parameters("uf23")
    assert len(FIELDS) == 9
