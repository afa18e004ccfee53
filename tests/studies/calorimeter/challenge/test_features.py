from __future__ import annotations

import numpy as np
import pytest

from cloudchamber.studies.calorimeter.challenge.features import crystal_features, voxel_features
from cloudchamber.studies.calorimeter.geometry import Crystals
from cloudchamber.studies.calorimeter.voxels import DATASET_2, Layer, Voxels

SMALL = Voxels("electron", 11, (Layer(0, (0, 2, 4), 4), Layer(1, (0,)), Layer(2, (0, 10, 30), 1)))


def test_hand_made_voxels() -> None:
    shower = np.zeros((3, 10), np.float32)
    # angles of layer 0: -135, -45, 45, 135 degrees; rings at 1 and 3 mm
    shower[0, [0, 4]] = 6.0, 2.0
    shower[0, [8, 9]] = 1.0, 3.0
    shower[1, 3] = 5.0
    found = voxel_features(shower, np.array([16.0, 10.0, 4.0]), SMALL)
    np.testing.assert_allclose(found["total_mev"], [12, 5, 0])
    np.testing.assert_allclose(found["total_over_incident"], [0.75, 0.5, 0])
    np.testing.assert_allclose(found["layer_mev"], [[8, 4], [5, 0], [0, 0]])
    np.testing.assert_allclose(found["sparsity"], [[0.75, 0], [0.875, 1], [1, 1]])
    half = np.sqrt(0.5)
    np.testing.assert_allclose(found["centre_eta_mm"], [[-0.5 * half], [3 * half], [0]], atol=1e-12)
    np.testing.assert_allclose(found["centre_phi_mm"], [[-0.5 * half], [-3 * half], [0]], atol=1e-12)
    np.testing.assert_allclose(found["width_eta_mm"], [[np.sqrt(0.5 - 0.125)], [0], [0]], atol=1e-6)
    np.testing.assert_allclose(found["centre_r_mm"], [[1, 16.25], [3, 0], [0, 0]])
    np.testing.assert_allclose(found["width_r_mm"][0], [0, np.sqrt(0.25 * 25 + 0.75 * 400 - 16.25**2)], atol=1e-6)


def test_a_round_shower_is_centred() -> None:
    centres = DATASET_2.centres()
    shower = np.exp(-centres.r_mm / 10)[None] * np.ones((2, 1))
    found = voxel_features(shower, np.ones(2), DATASET_2)
    assert found["centre_eta_mm"].shape == (2, 45)
    np.testing.assert_allclose(found["centre_eta_mm"], 0, atol=1e-9)
    np.testing.assert_allclose(found["width_eta_mm"], found["width_phi_mm"])
    np.testing.assert_allclose(found["centre_r_mm"] ** 2 + found["width_r_mm"] ** 2, 2 * found["width_eta_mm"] ** 2)


def test_hand_made_crystals() -> None:
    image = np.zeros((3, 5, 5), np.float32)
    image[0, 2, 2], image[0, 2, 3], image[0, 0, 0], image[0, 4, 2] = 60.0, 20.0, 10.0, 10.0
    image[1, 1, 3] = 8.0
    found = crystal_features(image.reshape(3, 25), Crystals(pitch_mm=60.0))
    np.testing.assert_allclose(found["total_mev"], [100, 8, 0])
    np.testing.assert_allclose(found["max_mev"], [60, 8, 0])
    np.testing.assert_allclose(found["e1_e9"], [0.75, 0, 0])
    np.testing.assert_allclose(found["e9_e21"], [80 / 90, 1, 0])
    np.testing.assert_allclose(found["e9_e25"], [0.8, 1, 0])
    np.testing.assert_allclose(found["x_mm"], [0.2 * 60 - 0.1 * 120, 60, 0])
    np.testing.assert_allclose(found["y_mm"], [-0.1 * 120 + 0.1 * 120, -60, 0])
    np.testing.assert_allclose(found["xx_mm2"], [0.2 * 60**2 + 0.1 * 120**2, 0, 0])
    np.testing.assert_allclose(found["yy_mm2"], [0.2 * 120**2, 0, 0])
    np.testing.assert_allclose(found["xy_mm2"], [0.1 * 120**2, 0, 0])
    np.testing.assert_array_equal(found["hits"], [4, 1, 0])


def test_layers_add_up_and_small_arrays_clip_the_windows() -> None:
    deposit = np.random.default_rng(1).random((6, 25))
    whole, halves = Crystals(), Crystals(layers=2)
    one, two = crystal_features(deposit, whole), crystal_features(np.concatenate([0.3 * deposit, 0.7 * deposit], axis=1), halves)
    for name, values in one.items():
        np.testing.assert_allclose(values, two[name], rtol=1e-9, atol=1e-9)
    small = crystal_features(deposit[:, :9], Crystals(n=3))
    np.testing.assert_allclose(small["e9_e21"], 1)
    np.testing.assert_allclose(crystal_features(deposit[:, :1], Crystals(n=1))["e1_e9"], 1)


def test_wrong_arrays_are_refused() -> None:
    with pytest.raises(ValueError, match=r"5 x 5 crystals in 1 layers: \(events, 25\), got \(2, 9\)"):
        crystal_features(np.zeros((2, 9)), Crystals())
    with pytest.raises(ValueError, match="4 x 4 crystals has no central one"):
        crystal_features(np.zeros((2, 16)), Crystals(n=4))
    with pytest.raises(ValueError, match=r"\(events, 10\), got \(2, 9\)"):
        voxel_features(np.zeros((2, 9)), np.ones(2), SMALL)
