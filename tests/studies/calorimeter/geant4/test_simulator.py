from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cloudchamber.jsonable import from_json, to_json
from cloudchamber.rng import rng
from cloudchamber.schema import Table, check_table, take
from cloudchamber.studies.calorimeter.beam import Beam
from cloudchamber.studies.calorimeter.geant4.simulator import Geant4
from cloudchamber.studies.calorimeter.geometry import Crystals

ELECTRON_MEV = 0.511


def events(n: int = 100, **columns: Any) -> Table:
    """``n`` equal events: electrons of 200 MeV to the centre, perpendicular to the face, but for ``columns``."""
    values = {"particle": "e-", "energy_mev": 200.0, "impact_x_mm": 0.0, "impact_y_mm": 0.0, "polar_deg": 0.0, "azimuth_deg": 0.0, **columns}
    return {name: np.full(n, value) for name, value in values.items()}


def images(table: Table) -> np.ndarray:
    """Deposits as (events, row, column) of 5 x 5 crystals."""
    return table["deposit_mev"].astype(float).reshape(-1, 5, 5)


def test_offline_data_set_gives_the_reference_figures(geant4_electrons: Table) -> None:
    cells = images(geant4_electrons)
    assert np.mean(cells.sum(axis=(1, 2)) / 1000) == pytest.approx(0.969, abs=0.003)
    assert np.mean(cells[:, 2, 2] / cells[:, 1:4, 1:4].sum(axis=(1, 2))) == pytest.approx(0.752, abs=0.01)


def test_central_impact(geant4_needed: None) -> None:
    cells = images(Geant4().simulate(events(100, energy_mev=1000.0), rng(1)))
    assert np.mean(cells[:, 2, 2] / cells[:, 1:4, 1:4].sum(axis=(1, 2))) == pytest.approx(0.87, abs=0.01)


def test_energy_is_conserved(geant4_needed: None) -> None:
    simulator = Geant4(beam=Beam(particles=("e-", "gamma", "e+"), energy_mev=(10.0, 200.0), impact="array", polar_max_deg=80.0))
    theta = simulator.prior(300, rng(2))
    deposit = check_table(simulator.simulate(theta, rng(3)), simulator.schema.x)["deposit_mev"].sum(axis=1)
    annihilated = 2 * ELECTRON_MEV * (theta["particle"] == 2)
    assert np.all(deposit <= (theta["energy_mev"] + annihilated) * (1 + 1e-6))
    assert deposit.max() > 100


def test_same_seed_same_bits_whatever_ran_before(geant4_needed: None) -> None:
    simulator = Geant4(beam=Beam(particles=("e-", "gamma", "e+")))
    first, second = simulator.prior(20, rng(4)), simulator.prior(20, rng(5))
    alone = simulator.simulate(second, rng(6))["deposit_mev"]
    before = simulator.simulate(first, rng(7))["deposit_mev"]
    np.testing.assert_array_equal(simulator.simulate(second, rng(6))["deposit_mev"], alone)
    assert not np.array_equal(before, alone)
    assert not np.array_equal(simulator.simulate(second, rng(8))["deposit_mev"], alone)


def test_response_is_linear_within_the_leakage(geant4_electrons: Table) -> None:
    low = images(Geant4().simulate(events(300, energy_mev=250.0, impact_x_mm=15.0), rng(15))).sum(axis=(1, 2)) / 250
    high = images(geant4_electrons).sum(axis=(1, 2)) / 1000
    # a deeper shower leaks more
    assert 0 < low.mean() - high.mean() < 0.01


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("energy_mev", 0.0, r"'energy_mev': 0 .* \[1, 1000000\] MeV"),
        ("energy_mev", -5.0, "'energy_mev': -5"),
        ("impact_x_mm", 151.0, r"'impact_x_mm': 151 .* \[-150, 150\] mm"),
        ("polar_deg", 90.0, r"'polar_deg': 90 .* \[0, 89.9\] deg"),
        ("polar_deg", -1.0, "'polar_deg': -1"),
        ("azimuth_deg", 181.0, "'azimuth_deg': 181"),
        ("particle", "tau-", "unknown 'tau-'"),
        ("particle", "pi-", r"'pi-' in event 0 is none of this simulator's: e-, gamma, e\+"),
    ],
)
def test_bad_events_are_refused(column: str, value: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Geant4().simulate(events(3, **{column: value}), rng(1))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"physics": "opt4"}, "physics: 'opt4' is unknown; allowed: opt0"),
        ({"cut_mm": 0.0}, r"cut_mm: 0.0 .* \[0.001, 100\] mm"),
        ({"beam": Beam(particles=("e-", "mu-"))}, "'mu-' is not among .*physics='FTFP_BERT' and Geant4's official data sets"),
        ({"beam": Beam(energies_mev=(0.5,))}, "0.5 is outside"),
    ],
)
def test_bad_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Geant4(**settings)


def test_settings_survive_json() -> None:
    simulator = Geant4(crystals=Crystals(n=7, layers=2), beam=Beam(energies_mev=(500.0, 1000.0), impact="centre"), physics="FTFP_BERT")
    assert from_json(Geant4, to_json(simulator)) == simulator


def test_hadrons_need_the_official_data_sets(geant4_needed: None, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.delenv("GEANT4_DATA_DIR", raising=False)
    monkeypatch.delenv("G4PARTICLEXSDATA", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
    simulator = Geant4(physics="FTFP_BERT", beam=Beam(particles=("pi-", "mu+")))
    theta = simulator.prior(5, rng(1))
    with pytest.raises(ValueError, match="GEANT4_DATA_DIR"):
        simulator.simulate(theta, rng(1))


def test_no_events(geant4_needed: None) -> None:
    assert Geant4().simulate(take(events(1), slice(0)), rng(1))["deposit_mev"].shape == (0, 25)
