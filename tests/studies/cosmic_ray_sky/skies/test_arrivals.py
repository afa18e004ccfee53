"""Skies of a background and a signal, seen through an exposure."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import kstest

from cloudchamber.physics.exposure import exposure_at
from cloudchamber.physics.sphere import unit_vectors
from cloudchamber.studies.cosmic_ray_sky.skies.arrivals import CosmicRays, check_signal, check_theta, draw_background, draw_seen, draw_signal_theta, draw_skies
from cloudchamber.studies.cosmic_ray_sky.skies.toy import Toy

SKY = Toy(n=50, signal=(5, 9))


def isotropic(source: np.ndarray, rng: np.random.Generator) -> CosmicRays:
    vectors = rng.standard_normal((len(source), 3))
    return CosmicRays(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.full(len(source), 1e20), np.ones(len(source), int))


def test_arrivals_that_the_exposure_keeps_are_spread_as_the_background() -> None:
    random = np.random.default_rng(1)
    seen = draw_seen(np.zeros(4000, int), isotropic, "auger", random)
    wanted = draw_background(replace(SKY, exposure="auger"), 4000, random)
    assert exposure_at(seen.vectors, "auger").min() > 0
    for axis in range(3):
        assert kstest(seen.vectors[:, axis], wanted.vectors[:, axis]).pvalue > 1e-6
    # through an even exposure they would be far from it
    assert kstest(isotropic(np.zeros(4000), random).vectors[:, 2], wanted.vectors[:, 2]).pvalue < 1e-6


def test_a_sky_has_as_many_rays_of_sources_as_it_should_and_each_of_its_own() -> None:
    def mine(source: np.ndarray, rng: np.random.Generator) -> CosmicRays:
        return CosmicRays(unit_vectors(10.0 * source, np.zeros(len(source))), 1e20 + 1e18 * source, np.full(len(source), 7))

    table = draw_skies(SKY, np.array([0, 3, 50]), mine, np.random.default_rng(3))
    marks = table["from_source"].values.reshape(3, 50)
    assert marks.sum(axis=1).tolist() == [0, 3, 50]
    lon, charge = table["lon_deg"].values.reshape(3, 50), table["charge"].values.reshape(3, 50)
    for event in (1, 2):
        np.testing.assert_allclose(lon[event][marks[event] == 1], 10.0 * event, atol=1e-4)
        assert np.all(charge[event][marks[event] == 1] == 7)


def test_theta_holds_the_range_of_the_signal() -> None:
    theta = draw_signal_theta(SKY, 2000, np.random.default_rng(4))
    assert set(theta["n_signal"][theta["kind"] == 0]) == {0} and set(theta["n_signal"][theta["kind"] == 1]) == {5, 6, 7, 8, 9}
    assert abs(theta["kind"].mean() - 0.5) < 0.06
    check_theta(theta, 50)


def test_what_does_not_fit_is_named() -> None:
    theta = draw_signal_theta(SKY, 3, np.random.default_rng(4))
    with pytest.raises(ValueError, match=r"column 'n_signal': 60 in event 1 must be 0 for isotropy and in \[1, 50\] for a signal"):
        check_theta(theta | {"kind": np.array([0, 1, 0]), "n_signal": np.array([0, 60, 0])}, 50)
    with pytest.raises(ValueError, match="column 'n_signal': 4 in event 2"):
        check_theta(theta | {"kind": np.zeros(3, int), "n_signal": np.array([0, 0, 4])}, 50)
    with pytest.raises(ValueError, match=r"signal: \(5, 51\) must be a range within \[1, n = 50\]"):
        check_signal(replace(SKY, signal=(5, 51)))
    with pytest.raises(ValueError, match=r"n_sources: 6 is outside the allowed \[1, 5\]"):
        check_signal(replace(SKY, n_sources=6))
