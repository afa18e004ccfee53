from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cloudchamber.rng import rng
from cloudchamber.schema import Table, check_table, take
from cloudchamber.studies.calorimeter.beam import Beam
from cloudchamber.studies.calorimeter.geometry import Crystals
from cloudchamber.studies.calorimeter.gflash.simulator import Gflash
from cloudchamber.studies.calorimeter.materials import MATERIALS


def events(n: int = 2000, **columns: Any) -> Table:
    """``n`` equal events: electrons of 1 GeV to the centre, perpendicular to the face, but for ``columns``."""
    values = {"particle": "e-", "energy_mev": 1000.0, "impact_x_mm": 0.0, "impact_y_mm": 0.0, "polar_deg": 0.0, "azimuth_deg": 0.0, **columns}
    return {name: np.full(n, value) for name, value in values.items()}


def shape(table: Table, energy_mev: float = 1000.0) -> tuple[float, float]:
    """Means of E/E0 and E1/E9 in 5 x 5 crystals."""
    cells = table["deposit_mev"].astype(float).reshape(-1, 5, 5)
    return float(cells.sum(axis=(1, 2)).mean() / energy_mev), float(np.mean(cells[:, 2, 2] / cells[:, 1:4, 1:4].sum(axis=(1, 2))))


def mean_depth_x0(particle: str, energy_mev: float) -> float:
    """Mean depth of the deposits in one long block of fine layers."""
    crystals = Crystals(n=1, pitch_mm=1000.0, length_mm=1000.0, layers=200)
    deposit = Gflash(crystals=crystals).simulate(events(1500, particle=particle, energy_mev=energy_mev), rng(1))["deposit_mev"].astype(float)
    return float(deposit.sum(axis=0) @ crystals.centres_mm()[:, 2] / deposit.sum()) / crystals.medium.radiation_length_mm


def test_electrons_of_1_gev_are_as_geant4s(geant4_electrons: Table) -> None:
    theta = {name: geant4_electrons[name] for name in Gflash().schema.theta}
    many = {name: np.repeat(values, 5) for name, values in theta.items()}
    energy, e1_e9 = shape(Gflash().simulate(many, rng(2)))
    expected_energy, expected_e1_e9 = shape(geant4_electrons)
    assert energy == pytest.approx(expected_energy, rel=0.005)
    assert e1_e9 == pytest.approx(expected_e1_e9, abs=0.015)


def test_electrons_of_1_gev_have_the_reference_figures() -> None:
    # Geant4 with evaluated tables
    simulator = Gflash(beam=Beam(particles=("e-",), energies_mev=(1000.0,), polar_max_deg=0.0))
    energy, e1_e9 = shape(simulator.simulate(simulator.prior(5000, rng(3)), rng(4)))
    assert energy == pytest.approx(0.9689, rel=0.005)
    assert e1_e9 == pytest.approx(0.752, abs=0.015)
    assert shape(simulator.simulate(events(), rng(5)))[1] == pytest.approx(0.87, abs=0.015)


@pytest.mark.parametrize("material", MATERIALS)
def test_energy_is_conserved(material: str) -> None:
    simulator = Gflash(
        crystals=Crystals(material=material, layers=3),
        beam=Beam(particles=("e-", "gamma", "e+"), energy_mev=(100.0, 20_000.0), impact="array", polar_max_deg=85.0),
    )
    theta = simulator.prior(500, rng(6))
    deposit = check_table(simulator.simulate(theta, rng(7)), simulator.schema.x)["deposit_mev"].astype(float)
    assert np.all(deposit >= 0)
    assert np.all(deposit.sum(axis=1) <= theta["energy_mev"] * (1 + 1e-6))


def test_a_huge_block_holds_everything() -> None:
    crystals = Crystals(n=1, pitch_mm=1000.0, length_mm=5000.0)
    deposit = Gflash(crystals=crystals).simulate(events(50), rng(8))["deposit_mev"]
    np.testing.assert_allclose(deposit, 1000, rtol=0.02)


def test_shower_depth_grows_with_the_logarithm_of_energy() -> None:
    # T alpha / (alpha - 1) of the mean T and alpha at 500 and at 5000 MeV; fluctuations lower it a little
    assert mean_depth_x0("e-", 500.0) == pytest.approx(4.8, abs=0.3)
    assert mean_depth_x0("e-", 5000.0) == pytest.approx(7.2, abs=0.3)


def test_photons_start_deeper() -> None:
    # half an energy share less, 9/7 X0 until the conversion; Geant4 has 0.6
    assert mean_depth_x0("gamma", 1000.0) - mean_depth_x0("e-", 1000.0) == pytest.approx(9 / 7 - 0.58, abs=0.15)


def test_positrons_shower_as_electrons() -> None:
    np.testing.assert_array_equal(Gflash().simulate(events(20), rng(9))["deposit_mev"], Gflash().simulate(events(20, particle="e+"), rng(9))["deposit_mev"])


def test_layers_add_up_to_the_crystals() -> None:
    theta = Gflash().prior(100, rng(10))
    whole = Gflash().simulate(theta, rng(11))["deposit_mev"]
    layered = Gflash(crystals=Crystals(layers=6)).simulate(theta, rng(11))["deposit_mev"].reshape(100, 6, 25)
    np.testing.assert_allclose(layered.sum(axis=1), whole, rtol=1e-5, atol=1e-3)


def test_turned_events_give_turned_images() -> None:
    first = events(4000, impact_x_mm=20.0, impact_y_mm=-10.0, polar_deg=15.0, azimuth_deg=30.0)
    second = events(4000, impact_x_mm=10.0, impact_y_mm=20.0, polar_deg=15.0, azimuth_deg=120.0)
    cells = Gflash().simulate(first, rng(12))["deposit_mev"].astype(float).reshape(-1, 5, 5)
    turned = np.rot90(Gflash().simulate(second, rng(13))["deposit_mev"].astype(float).reshape(-1, 5, 5), axes=(1, 2))
    error = np.sqrt((cells.var(axis=0) + turned.var(axis=0)) / 4000)
    assert np.all(np.abs(cells.mean(axis=0) - turned.mean(axis=0)) < 5 * error)


@pytest.mark.parametrize(("azimuth_deg", "towards"), [(0.0, (1, 0)), (90.0, (0, 1)), (180.0, (-1, 0)), (-90.0, (0, -1))])
def test_the_axis_is_tilted_with_the_direction(azimuth_deg: float, towards: tuple[int, int]) -> None:
    simulator = Gflash()
    deposit = simulator.simulate(events(500, polar_deg=20.0, azimuth_deg=azimuth_deg), rng(14))["deposit_mev"].astype(float)
    centroid = np.mean(deposit @ simulator.crystals.centres_mm()[:, :2] / deposit.sum(axis=1, keepdims=True), axis=0)
    np.testing.assert_allclose(centroid, mean_depth_x0("e-", 1000.0) * 18.6 * np.sin(np.radians(20)) * np.array(towards), atol=5)


def test_same_seed_same_bits() -> None:
    simulator = Gflash()
    theta = simulator.prior(50, rng(15))
    first, second, other = (simulator.simulate(theta, rng(seed))["deposit_mev"] for seed in (16, 16, 17))
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, other)


def test_no_events() -> None:
    assert Gflash().simulate(take(events(1), slice(0)), rng(1))["deposit_mev"].shape == (0, 25)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("energy_mev", 0.0, r"'energy_mev': 0 .* \[100, 1000000\] MeV"),
        ("impact_y_mm", -151.0, r"'impact_y_mm': -151 .* \[-150, 150\] mm"),
        ("polar_deg", 90.0, r"'polar_deg': 90 .* \[0, 89.9\] deg"),
        ("particle", "mu-", "'mu-' in event 0 is none of this simulator's: e-, gamma, e\\+"),
    ],
)
def test_bad_events_are_refused(column: str, value: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Gflash().simulate(events(3, **{column: value}), rng(1))


def test_a_beam_below_the_parametrisation_is_refused() -> None:
    with pytest.raises(ValueError, match=r"50 is outside the allowed \[100, 1e\+06\] MeV"):
        Gflash(beam=Beam(energy_mev=(50.0, 1000.0)))
