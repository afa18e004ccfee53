from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from cloudchamber.schema import Ragged, Table
from cloudchamber.studies.cosmic_ray_sky import observed
from cloudchamber.studies.cosmic_ray_sky.observed import blind_scan, exposure_name, isotropic_skies, log_ratio, p_value, signal_skies
from cloudchamber.studies.cosmic_ray_sky.toy import Toy

SEEN = ("lon_deg", "lat_deg", "energy_ev", "exposure")


@cache
def sky(exposure: str = "auger", n: int = 60) -> Table:
    toy, random = Toy(n=n, exposure=exposure, signal=(1, 2)), np.random.default_rng(4)
    return {name: column for name, column in toy.simulate(toy.prior(1, random), random).items() if name in SEEN}


def mean_latitude(skies: Table) -> np.ndarray:
    return np.array([np.mean(lat) for lat in skies["lat_deg"]])


@pytest.mark.parametrize("name", ["uniform", "auger", "ta", "both"])
def test_the_exposure_is_recognised(name: str) -> None:
    assert exposure_name(sky(name)) == name


def test_isotropic_skies_keep_the_energies_and_an_unknown_exposure_keeps_the_declinations() -> None:
    from cloudchamber.physics.sphere import equatorial_from_galactic

    strange = sky() | {"exposure": Ragged(np.linspace(0.5, 1.5, 60), np.array([0, 60]))}
    assert exposure_name(strange) is None
    for given in (sky(), strange):
        drawn = isotropic_skies(given, 7, np.random.default_rng(1))
        assert len(drawn["lon_deg"]) == 7
        assert all(np.array_equal(energy, given["energy_ev"].values) for energy in drawn["energy_ev"])
    dec = [equatorial_from_galactic(table["lon_deg"].values[:60], table["lat_deg"].values[:60])[1] for table in (strange, drawn)]
    assert np.allclose(*dec, atol=1e-4)


def test_a_common_verdict_is_counted() -> None:
    found = p_value(mean_latitude, sky(), 0.0, seed=1)
    assert 0 < found.low < found.value < found.high < 1 and "counted" in found.how


def test_density_ratios_belong_to_the_skies_they_are_sampled_from() -> None:
    """E_iso[ratio] is the probability of a signal that is seen whole, and the same tail comes out counted and importance-sampled."""
    given = sky(n=40)
    isotropic = isotropic_skies(given, 300, np.random.default_rng(3))
    ratios = np.exp([log_ratio(isotropic, i, 2) for i in range(300)])
    signal, seen = signal_skies(given, 300, 2, "auger", np.random.default_rng(5))
    assert abs(ratios.mean() - seen.mean()) < 5 * np.hypot(ratios.std(), seen.std()) / np.sqrt(300)
    weights = np.where(seen, np.exp([-log_ratio(signal, i, 2) for i in range(300)]), 0.0)
    statistic, threshold = np.array([np.max(energy * lat) for energy, lat in zip(signal["energy_ev"], signal["lat_deg"], strict=True)]), 4e21
    tail = weights * (statistic >= threshold)
    direct = np.mean([np.max(e * lat) >= threshold for e, lat in zip(isotropic["energy_ev"], isotropic["lat_deg"], strict=True)])
    error = np.hypot(tail.std() / np.sqrt(300), np.sqrt(direct * (1 - direct) / 300))
    assert 0.05 < direct < 0.95 and abs(tail.mean() - direct) < 5 * error


def test_a_rare_verdict_is_sampled_and_one_out_of_reach_gets_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"FIRST_SKIES": 100, "ISOTROPIC_SKIES": 200, "TRIAL_SKIES": 6}.items():
        monkeypatch.setattr(observed, name, value)
    given = sky("uniform", 60)

    def score(skies: Table) -> np.ndarray:
        return np.array([log_ratio(skies, i, 4) for i in range(len(skies["lon_deg"]))])

    strong, _ = signal_skies(given, 1, 8, "uniform", np.random.default_rng(8))
    found = p_value(score, given, float(score(strong)[0]), seed=2)
    assert "importance-sampled" in found.how and 3e-5 < found.value < 6e-4
    monkeypatch.setattr(observed, "ROUNDS", 1)
    limit = p_value(score, given, 1e6, seed=2)
    assert np.isnan(limit.value) and limit.high < 0.05


def test_blind_scan_is_penalised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observed, "SCANNED_SKIES", 20)
    excess, after = blind_scan(sky(), seed=1)
    assert int(excess.observed) >= 1 and np.exp(float(excess.ln_p)) < (after.value if after.value == after.value else after.high)
