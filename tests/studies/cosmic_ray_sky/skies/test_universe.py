from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from cloudchamber.physics.sphere import unit_vectors
from cloudchamber.rng import rng
from cloudchamber.schema import check_table
from cloudchamber.studies.cosmic_ray_sky.columns import SIGNAL, THETA, X
from cloudchamber.studies.cosmic_ray_sky.skies.universe import Universe


@pytest.mark.parametrize("sources", [1, 10, 250])
@pytest.mark.parametrize("exposure", ["uniform", "both"])
def test_all_cosmic_rays_come_from_sources(sources: int, exposure: str) -> None:
    universe = Universe(n=300, sources=sources, exposure=exposure)
    theta = universe.prior(6, rng(1))
    x = universe.simulate(theta, rng(2))
    check_table(theta, THETA)
    check_table(x, X)
    assert [int(flags.sum()) for flags in x["from_source"]] == [300 if kind == SIGNAL else 0 for kind in theta["kind"]]


def test_equal_fluxes_share_equally() -> None:
    universe = Universe(n=2000, sources=4, flux="equal", composition="H", coherent_rad_ev=0.0, blur_rad_ev=0.3)
    theta = universe.prior(1, rng(3)) | {"kind": np.array([SIGNAL]), "n_signal": np.array([2000])}
    x = universe.simulate(theta, rng(4))
    source = unit_vectors(theta["source_lon_deg"][0], theta["source_lat_deg"][0])
    near = np.sum(unit_vectors(x["lon_deg"].values, x["lat_deg"].values) @ source > np.cos(np.deg2rad(5)))
    assert stats.binomtest(int(near), 2000, 0.25).pvalue > 1e-6


def test_fluxes_of_a_uniform_universe_follow_the_three_halves_law() -> None:
    """Euclidean counts N(> S) ~ S^(-3/2), whatever the luminosities, above the brightest that the farthest source can be."""
    for index in (0.0, 2.0):
        flux = Universe(sources=100_000, luminosity_index=index).draw_fluxes(1, rng(5))[0]
        assert np.all(np.diff(flux) <= 0)
        bright = flux[flux > (1e3 if index else 1.0)]
        assert stats.kstest(bright / bright.min(), lambda s: 1 - s**-1.5).pvalue > 1e-6


def test_luminosities_follow_their_power_law() -> None:
    for index in (1.0, 2.0):
        flux = Universe(sources=20_000, flux="equal", luminosity_index=index).draw_fluxes(1, rng(6))[0]
        power = 1 - index
        law = (lambda s: np.log(s) / np.log(1e3)) if power == 0 else (lambda s, p=power: (s**p - 1) / (1e3**p - 1))
        assert stats.kstest(flux, law).pvalue > 1e-6


def test_same_seed_same_sky() -> None:
    universe = Universe(n=50, sources=5)
    theta = universe.prior(3, rng(1))
    first, second = (universe.simulate(theta, rng(7)) for _ in range(2))
    assert all(np.array_equal(first[name].values, second[name].values) for name in X)


@pytest.mark.parametrize(
    ("settings", "reason"), [({"sources": 0}, "sources"), ({"flux": "loud"}, "flux"), ({"luminosity_index": -1.0}, "luminosity_index"), ({"n": 0}, "n: 0")]
)
def test_refused_settings(settings: dict, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Universe(**settings)


def test_a_universe_has_no_background() -> None:
    universe = Universe(n=50, sources=5)
    theta = universe.prior(1, rng(1)) | {"kind": np.array([SIGNAL]), "n_signal": np.array([20])}
    with pytest.raises(ValueError, match="n_signal"):
        universe.simulate(theta, rng(2))
