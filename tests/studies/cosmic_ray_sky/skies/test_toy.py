from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from cloudchamber.physics.exposure import exposure_at, visible
from cloudchamber.physics.sphere import unit_vectors
from cloudchamber.rng import rng
from cloudchamber.schema import Table, check_table
from cloudchamber.studies.cosmic_ray_sky.columns import SIGNAL, THETA, X
from cloudchamber.studies.cosmic_ray_sky.skies.toy import Toy


def signals(toy: Toy, skies: int, n_signal: int, seed: int) -> tuple[Table, Table]:
    theta = toy.prior(skies, rng(seed, "theta"))
    theta["kind"][:], theta["n_signal"][:] = SIGNAL, n_signal
    return theta, toy.simulate(theta, rng(seed, "x"))


def test_tables_are_valid_and_counts_right() -> None:
    toy = Toy(n=200, signal=(5, 20), exposure="auger")
    theta = toy.prior(40, rng(1))
    x = toy.simulate(theta, rng(2))
    check_table(theta, THETA)
    check_table(x, X)
    assert [int(flags.sum()) for flags in x["from_source"]] == list(theta["n_signal"])
    assert np.all((theta["n_signal"] > 0) == (theta["kind"] == SIGNAL)) and 0 < (theta["kind"] == SIGNAL).sum() < 40
    assert theta["n_signal"].max() <= 20 and theta["n_signal"][theta["kind"] == SIGNAL].min() >= 5


def test_same_seed_same_sky() -> None:
    toy = Toy(n=50, signal=(5, 5))
    theta = toy.prior(3, rng(1))
    first, second = (toy.simulate(theta, rng(7)) for _ in range(2))
    assert all(np.array_equal(first[name].values, second[name].values) for name in X)


def test_deflections_follow_the_law() -> None:
    """Distance to the deflected centre in units of the blur: (R / blur)^2 (1 - cos) is exponential; the centre lies coherent / R from the source."""
    toy = Toy(n=1000, composition="He", signal=(1000, 1000))
    theta, x = signals(toy, 1, 1000, 3)
    source = unit_vectors(theta["source_lon_deg"][0], theta["source_lat_deg"][0])
    vectors, rigidity = unit_vectors(x["lon_deg"].values, x["lat_deg"].values), x["energy_ev"].values / 2e18
    alpha = 5.0 / rigidity
    # the coherent direction, from the mean of all arrivals
    along = vectors.mean(axis=0) - source * (vectors.mean(axis=0) @ source)
    along /= np.linalg.norm(along)
    centres = np.cos(alpha)[:, None] * source + np.sin(alpha)[:, None] * along
    versine = 1 - np.sum(centres * vectors, axis=1)
    assert stats.kstest(versine * (rigidity / 2.79) ** 2, stats.expon.cdf).pvalue > 1e-6


def test_isotropy_and_order_leak_nothing() -> None:
    _, x = signals(Toy(n=100, signal=(20, 20)), 200, 20, 4)
    places = np.concatenate([np.flatnonzero(flags) for flags in x["from_source"]])
    assert stats.chisquare(np.bincount(places, minlength=100)).pvalue > 1e-6
    background = x["from_source"].values == 0
    assert stats.kstest(np.sin(np.deg2rad(x["lat_deg"].values[background])), stats.uniform(-1, 2).cdf).pvalue > 1e-6
    energies = x["energy_ev"].values
    assert stats.ks_2samp(energies[background], energies[~background]).pvalue > 1e-6


@pytest.mark.parametrize("exposure", ["auger", "ta"])
def test_signal_is_seen_through_the_exposure(exposure: str) -> None:
    """Seen arrivals weighted by 1 / exposure are all arrivals: rigidities of the seen ones must then follow the spectrum of the background."""
    toy = Toy(n=400, signal=(400, 400), exposure=exposure, composition="H")
    theta, x = signals(toy, 30, 400, 5)
    assert np.all(x["exposure"].values > 0)
    vectors = unit_vectors(x["lon_deg"].values.astype(float), x["lat_deg"].values.astype(float))
    assert np.allclose(x["exposure"].values, exposure_at(vectors, exposure), atol=2e-3)
    assert visible(unit_vectors(theta["source_lon_deg"], theta["source_lat_deg"]), exposure).all()
    # within one sky of a source well inside the seen part, the mean of exposure over seen arrivals exceeds the plain one: E_seen[w] = E[w^2] / E[w]
    for first in range(0, len(vectors), 400):
        w = x["exposure"].values[first : first + 400]
        assert np.mean(1 / w) >= 1 / np.mean(w)


def test_several_sources_share_the_signal() -> None:
    toy = Toy(n=600, signal=(600, 600), n_sources=3, composition="H", coherent_rad_ev=0.0, blur_rad_ev=0.5)
    theta, x = signals(toy, 1, 600, 6)
    source = unit_vectors(theta["source_lon_deg"][0], theta["source_lat_deg"][0])
    near = np.sum(unit_vectors(x["lon_deg"].values, x["lat_deg"].values) @ source > np.cos(np.deg2rad(5)))
    assert stats.binomtest(int(near), 600, 1 / 3).pvalue > 1e-6


def test_binomial_counts_scatter() -> None:
    counts = Toy(signal=(30, 30), binomial=True).prior(4000, rng(8))["n_signal"]
    counts = counts[counts > 0]
    assert counts.mean() == pytest.approx(30, abs=0.7) and counts.var() == pytest.approx(30 * 0.97, rel=0.15)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"signal": (0, 5)}, "signal"),
        ({"signal": (5, 2000)}, "signal"),
        ({"composition": "Q"}, "no element"),
        ({"exposure": "mars"}, "unknown exposure"),
        ({"blur_rad_ev": 0.0}, "blur_rad_ev"),
        ({"coherent_rad_ev": -1.0}, "coherent_rad_ev"),
        ({"n_sources": 11}, "n_sources"),
        ({"emin_ev": 3e20}, "emin_ev"),
        ({"n": 0}, "n: 0"),
    ],
)
def test_refused_settings(settings: dict, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Toy(**settings)


def test_refused_theta() -> None:
    toy = Toy(n=100, signal=(10, 20))
    theta = toy.prior(2, rng(1)) | {"kind": np.array([0, 1])}
    with pytest.raises(ValueError, match="n_signal"):
        toy.simulate(theta | {"n_signal": np.array([3, 10])}, rng(1))
    with pytest.raises(ValueError, match="n_signal"):
        toy.simulate(theta | {"n_signal": np.array([0, 101])}, rng(1))
