from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from scipy.stats import binom

from cloudchamber.physics.sphere import equatorial_from_galactic, galactic_from_equatorial
from cloudchamber.schema import Ragged, Table
from cloudchamber.studies.cosmic_ray_sky import findings
from cloudchamber.studies.cosmic_ray_sky.findings import blind_scan, exposure_name, isotropic_skies, p_value, plausible
from cloudchamber.studies.cosmic_ray_sky.skies.toy import Toy

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
    strange = sky() | {"exposure": Ragged(np.linspace(0.5, 1.5, 60), np.array([0, 60]))}
    assert exposure_name(strange) is None
    for given in (sky(), strange):
        drawn = isotropic_skies(given, 7, np.random.default_rng(1))
        assert len(drawn["lon_deg"]) == 7
        assert all(np.array_equal(energy, given["energy_ev"].values) for energy in drawn["energy_ev"])
    dec = [equatorial_from_galactic(table["lon_deg"].values[:60], table["lat_deg"].values[:60])[1] for table in (strange, drawn)]
    assert np.allclose(*dec, atol=1e-4)


def test_a_common_verdict_is_counted() -> None:
    found = p_value(mean_latitude, sky(), -8.0, seed=1)
    assert 0 < found.low < found.value < found.high < 1 and "counted" in found.how


def test_a_rare_verdict_is_split_and_one_out_of_reach_gets_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cosmic rays in a tenth of all right ascensions are binomial, whatever the exposure as a function of declination, known or not."""
    for name, value in {"FIRST_SKIES": 100, "ISOTROPIC_SKIES": 200, "PARTICLES": 200, "MOST_SIGMA": 4.5}.items():
        monkeypatch.setattr(findings, name, value)

    def aligned(skies: Table) -> np.ndarray:
        ra = [equatorial_from_galactic(lon, lat)[0] for lon, lat in zip(skies["lon_deg"], skies["lat_deg"], strict=True)]
        return np.array([np.sum(np.asarray(each) % 360 < 36) for each in ra], float)

    for given in (sky("auger", 60), sky("auger", 60) | {"exposure": Ragged(np.linspace(0.5, 1.5, 60), np.array([0, 60]))}):
        found = p_value(aligned, given, 18.0, seed=2)
        exact = binom.sf(17, 60, 0.1)
        assert "splitting" in found.how and found.low < found.value < found.high
        assert abs(np.log(found.value / exact)) < 5 * np.log(found.high / found.value)
        limit = p_value(aligned, given, 59.0, seed=2)
        assert np.isnan(limit.value) and limit.low == 0 and limit.high < 1e-3


def test_blind_scan_is_penalised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(findings, "SCANNED_SKIES", 20)
    excess, after = blind_scan(sky(), seed=1)
    assert int(excess.observed) >= 1 and np.exp(float(excess.ln_p)) < (after.value if after.value == after.value else after.high)


def test_only_right_data_have_flat_right_ascensions_and_the_declinations_of_their_exposure() -> None:
    """The same directions with hours for degrees, or of another observatory, are doubted."""
    given = sky("auger", 300)
    lon, lat = given["lon_deg"].values, given["lat_deg"].values
    assert not any("no:" in words for words in plausible(lon, lat, "auger").values())
    assert list(plausible(lon, lat, None)) == ["right ascension"]
    assert "no: hours for degrees" in plausible(lon, lat, "ta")["declination"]
    ra, dec = equatorial_from_galactic(lon, lat)
    found = plausible(*galactic_from_equatorial(np.asarray(ra) % 360 / 15, dec), "auger")
    assert "no: hours for degrees" in found["right ascension"] and "no:" not in found["declination"]
