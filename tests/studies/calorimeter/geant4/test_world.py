"""Geant4's world: particles start where and as they are told, cells are counted as the crystals count them, and matter is what it should be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cloudchamber.rng import rng
from cloudchamber.schema import Table
from cloudchamber.studies.calorimeter.geant4.data import find_data
from cloudchamber.studies.calorimeter.geant4.process import geant4_process
from cloudchamber.studies.calorimeter.geant4.simulator import Geant4
from cloudchamber.studies.calorimeter.geometry import Crystals

SEEDS = [11, 22, 33, 44]


def events(n: int = 100, **columns: Any) -> Table:
    """``n`` equal events: electrons of 200 MeV to the centre, perpendicular to the face, but for ``columns``."""
    values = {"particle": "e-", "energy_mev": 200.0, "impact_x_mm": 0.0, "impact_y_mm": 0.0, "polar_deg": 0.0, "azimuth_deg": 0.0, **columns}
    return {name: np.full(n, value) for name, value in values.items()}


def images(table: Table) -> np.ndarray:
    """Deposits as (events, row, column) of 5 x 5 crystals."""
    return table["deposit_mev"].astype(float).reshape(-1, 5, 5)


def shot(crystals: Crystals, particle: str, energy_mev: float, impact_mm: np.ndarray, seeds: list[int] = SEEDS, physics: str = "opt0") -> np.ndarray:
    """Deposits (events, cells) [MeV] of particles that fall straight on points (events, 2) of the face."""
    n = len(impact_mm)
    told = {"particle": [particle] * n, "energy_mev": np.full(n, energy_mev), "impact_mm": impact_mm, "direction": np.tile([0.0, 0.0, 1.0], (n, 1))}
    return geant4_process(crystals, physics, 0.5, find_data(False)).run(told, seeds).astype(float)


def test_every_cell_has_its_number(geant4_needed: None) -> None:
    """Electrons of 2 MeV stop in the crystal that they are shot at: in the middle of each, 3 columns and rows with gaps, in its first layer."""
    crystals = Crystals(n=3, pitch_mm=40.0, gap_mm=4.0, length_mm=100.0, layers=2)
    centres = crystals.centres_mm()[:9, :2]
    deposit = shot(crystals, "e-", 2.0, np.repeat(centres, 20, axis=0)).reshape(9, 20, 18).mean(axis=1)
    np.testing.assert_array_equal(np.argmax(deposit, axis=1), np.arange(9))
    # some leave backwards, and a photon may get away
    assert np.all(deposit[np.arange(9), np.arange(9)] > 0.8 * deposit.sum(axis=1)) and np.all(deposit.sum(axis=1) > 1.2)


def test_gaps_are_empty(geant4_needed: None) -> None:
    crystals = Crystals(n=2, pitch_mm=100.0, gap_mm=40.0, length_mm=100.0)
    assert not shot(crystals, "e-", 50.0, np.full((50, 2), 10.0)).any(), "10 mm from the middle of a gap of 40 mm, straight through the array"
    assert np.all(shot(crystals, "e-", 50.0, np.full((50, 2), 30.0)).sum(axis=1) > 0)


@pytest.mark.parametrize(("energy_mev", "attenuation_cm2_g"), [(0.6, 0.0822), (1.0, 0.0583)])
def test_photons_are_attenuated_as_measured(geant4_needed: None, energy_mev: float, attenuation_cm2_g: float) -> None:
    """Through 1 cm of CsI (4.51 g/cm3) with NIST's mass attenuation coefficients (J. Hubbell, S. Seltzer, NISTIR 5632)."""
    deposit = shot(Crystals(n=1, pitch_mm=500.0, length_mm=10.0), "gamma", energy_mev, np.zeros((4000, 2))).sum(axis=1)
    through = np.exp(-attenuation_cm2_g * 4.51)
    # coherent scattering, some per cent of all, leaves nothing
    assert np.mean(deposit == 0) == pytest.approx(through, abs=5 * np.sqrt(through * (1 - through) / 4000) + 0.012)
    assert deposit.max() == pytest.approx(energy_mev, rel=1e-4)


def test_a_layer_of_a_crystal_is_the_sum_of_its_layers(geant4_needed: None) -> None:
    """The read-out cuts no matter: the mean deposit is that of whole crystals."""
    impact = np.zeros((200, 2))
    whole, cut = (shot(Crystals(n=3, layers=layers), "e-", 300.0, impact).sum(axis=1) for layers in (1, 5))
    assert abs(whole.mean() - cut.mean()) < 5 * np.hypot(whole.std(), cut.std()) / np.sqrt(200)


def test_the_seeds_decide_and_not_what_ran_before(geant4_needed: None) -> None:
    crystals, impact = Crystals(n=3, layers=5), np.zeros((5, 2))
    first = shot(crystals, "gamma", 100.0, impact)
    assert not np.array_equal(shot(crystals, "gamma", 100.0, impact, [5, 6, 7, 8]), first)
    np.testing.assert_array_equal(shot(crystals, "gamma", 100.0, impact), first)
    # each of the four numbers counts
    for place in range(4):
        other = [number + (i == place) for i, number in enumerate(SEEDS)]
        assert not np.array_equal(shot(crystals, "gamma", 100.0, impact, other), first)


def test_mirrored_impact_gives_the_mirrored_image(geant4_needed: None) -> None:
    cells = images(Geant4().simulate(events(300, impact_x_mm=20.0, impact_y_mm=-10.0), rng(9)))
    mirrored = images(Geant4().simulate(events(300, impact_x_mm=-20.0, impact_y_mm=-10.0), rng(10)))[:, :, ::-1]
    turned = np.rot90(images(Geant4().simulate(events(300, impact_x_mm=10.0, impact_y_mm=20.0), rng(11))), axes=(1, 2))
    for other in (mirrored, turned):
        error = np.sqrt(cells.var(axis=0) / 300 + other.var(axis=0) / 300)
        assert np.all(np.abs(cells.mean(axis=0) - other.mean(axis=0)) < 5 * error + 1e-3)


@pytest.mark.parametrize(("azimuth_deg", "towards"), [(0.0, (1, 0)), (90.0, (0, 1)), (-180.0, (-1, 0)), (-90.0, (0, -1))])
def test_the_shower_goes_where_the_gun_points(geant4_needed: None, azimuth_deg: float, towards: tuple[int, int]) -> None:
    simulator = Geant4()
    deposit = simulator.simulate(events(40, polar_deg=30.0, azimuth_deg=azimuth_deg), rng(12))["deposit_mev"].astype(float)
    centroid = np.mean(deposit @ simulator.crystals.centres_mm()[:, :2] / deposit.sum(axis=1, keepdims=True), axis=0)
    # 200 MeV deposit their energy some 75 mm deep
    np.testing.assert_allclose(centroid, 75 * np.sin(np.radians(30)) * np.array(towards), atol=10)


def test_a_particle_meets_the_face_at_its_impact_point(geant4_needed: None) -> None:
    # electrons of 2 MeV stop within 3 mm: they stay in the crystal of row 1, column 0
    simulator = Geant4(crystals=Crystals(n=2, pitch_mm=100.0, length_mm=100.0))
    deposit = simulator.simulate(events(60, energy_mev=2.0, impact_x_mm=-20.0, impact_y_mm=50.0, polar_deg=60.0), rng(13))["deposit_mev"]
    assert deposit[:, 2].sum() > 0.9 * deposit.sum()


def test_layers_and_gaps(geant4_needed: None) -> None:
    crystals = Crystals(n=3, layers=4, gap_mm=5.0)
    cells = Geant4(crystals=crystals).simulate(events(60), rng(14))["deposit_mev"].reshape(60, 4, 9).astype(float)
    layers = cells.sum(axis=2).mean(axis=0)
    assert np.all(np.diff(layers) < 0) and 0.5 < layers.sum() / 200 < 0.98
