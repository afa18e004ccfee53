from __future__ import annotations

import numpy as np
import pytest

from cloudchamber.studies.calorimeter.voxels import DATASET_1_PHOTONS, DATASET_2, DATASET_3, DATASETS, Layer, Voxels, find_dataset


def test_the_challenge_s_numbers_of_voxels() -> None:
    assert [voxels.cells for voxels in DATASETS] == [368, 533, 6480, 40500]
    assert find_dataset(6480) is DATASET_2 and find_dataset(25) is None
    assert [layer.number for layer in DATASET_1_PHOTONS.filled] == [0, 1, 2, 3, 12]


def test_the_ring_runs_fastest_then_the_angle_then_the_layer() -> None:
    centres = DATASET_2.centres()
    shape = (45, 16, 9)
    np.testing.assert_array_equal(centres.layer.reshape(shape)[:, 3, 4], np.arange(45))
    np.testing.assert_allclose(centres.r_mm.reshape(shape)[7, 5], 4.65 * (np.arange(9) + 0.5))
    np.testing.assert_allclose(centres.alpha_rad.reshape(shape)[7, :, 2], -np.pi + (np.arange(16) + 0.5) * np.pi / 8)
    # the second voxel lies outwards of the first, the tenth in the next angle
    assert centres.r_mm[1] > centres.r_mm[0] == centres.r_mm[9] and centres.alpha_rad[9] > centres.alpha_rad[0] == centres.alpha_rad[8]
    np.testing.assert_allclose(np.hypot(centres.eta_mm, centres.phi_mm), centres.r_mm)


def test_finer_voxels_cover_the_same_disc() -> None:
    assert DATASET_3.layers[0].r_edges_mm[::2] == DATASET_2.layers[0].r_edges_mm
    assert DATASET_3.slices[1] == slice(900, 1800)


def test_layers_without_voxels_take_no_place() -> None:
    voxels = Voxels("photon", 22, (Layer(0, (0, 5, 10), 1), Layer(1, (0,), 4), Layer(2, (0, 2), 3)))
    assert voxels.cells == 5 and voxels.slices == (slice(0, 2), slice(2, 5))
    np.testing.assert_array_equal(voxels.centres().layer, [0, 0, 2, 2, 2])
    np.testing.assert_allclose(voxels.centres().alpha_rad[:2], 0)


def test_wrong_geometries_are_refused() -> None:
    with pytest.raises(ValueError, match="layer 3: r_edges_mm must rise"):
        Layer(3, (0.0, 5.0, 4.0))
    with pytest.raises(ValueError, match="alpha_bins must be at least 1, got 0"):
        Layer(3, (0.0, 5.0), 0)
    with pytest.raises(ValueError, match=r"rising order, each once, got \[1, 1\]"):
        Voxels("photon", 22, (Layer(1, (0, 1)), Layer(1, (0, 1))))
    with pytest.raises(ValueError, match="at least one layer with voxels"):
        Voxels("photon", 22, (Layer(1, (0,)),))
    with pytest.raises(ValueError, match=r"electron, 45 layers\) have shape \(events, 6480\), got \(2, 25\)"):
        DATASET_2.check(np.zeros((2, 25)))
