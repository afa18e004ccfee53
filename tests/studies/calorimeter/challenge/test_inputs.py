from __future__ import annotations

import numpy as np

from cloudchamber.studies.calorimeter.challenge.inputs import high_level, low_level
from cloudchamber.studies.calorimeter.geometry import Crystals
from cloudchamber.studies.calorimeter.voxels import DATASET_2


def test_low_level_as_in_the_challenge() -> None:
    table = {"energy_mev": np.array([1000.0, 1e5]), "deposit_mev": np.array([[5.0, 0, 20], [0, 2e4, 1e3]], np.float32), "polar_deg": np.zeros(2)}
    found = low_level(table, table, DATASET_2)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [[3, 0.5, 0, 2], [5, 0, 20, 1]], rtol=1e-6)


def test_high_level_as_in_the_challenge() -> None:
    centres, voxel = DATASET_2.centres(), 144 * 7 + 9 * 3 + 4
    deposit = np.zeros((1, 6480))
    deposit[0, voxel] = 50.0
    table = {"energy_mev": np.array([1e4]), "deposit_mev": deposit}
    found = high_level(table, table, DATASET_2)[0]
    assert len(found) == 1 + 5 * 45 and found[0] == 4
    energies, eta, phi, widths = found[1:46], found[46:91], found[91:136], found[136:]
    np.testing.assert_allclose(energies[[6, 7]], [-8, np.log10(50)], rtol=1e-6)
    np.testing.assert_allclose([eta[7], phi[7]], [centres.eta_mm[voxel] / 100, centres.phi_mm[voxel] / 100], rtol=1e-6)
    assert np.count_nonzero(eta) == np.count_nonzero(phi) == 1
    np.testing.assert_allclose(widths, 0, atol=1e-6)


def test_conditions_that_vary_are_seen() -> None:
    random = np.random.default_rng(1)
    truth = {
        "energy_mev": random.uniform(200, 5000, 50),
        "deposit_mev": random.random((50, 25)),
        "polar_deg": np.full(50, 3.0),
        "impact_x_mm": random.random(50),
    }
    for inputs, size in ((low_level, 1 + 25 + 1), (high_level, 1 + 11 + 1)):
        found = inputs(truth, truth, Crystals())
        assert found.shape == (50, size)
        np.testing.assert_allclose([found[:, -1].mean(), found[:, -1].std()], [0, 1], atol=1e-5)
    shape = high_level(truth, truth, Crystals())[:, 1:]
    np.testing.assert_allclose(shape.mean(axis=0), 0, atol=1e-5)
    moved = high_level({**truth, "deposit_mev": 2 * truth["deposit_mev"]}, truth, Crystals())[:, 1:]
    # ratios and centroids stay, energies in the truth's sigmas do not
    np.testing.assert_allclose(moved[:, 2:5], shape[:, 2:5], atol=1e-4)
    assert np.all(moved[:, 0] > shape[:, 0])
