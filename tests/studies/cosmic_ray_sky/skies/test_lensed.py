"""Skies through the packaged lens: sources are moved, blurred and brightened as the field says."""

from __future__ import annotations

import numpy as np
import pytest

from cloudchamber.physics.sphere import random_directions, unit_vectors
from cloudchamber.studies.cosmic_ray_sky.columns import ISOTROPY, SIGNAL
from cloudchamber.studies.cosmic_ray_sky.galaxy.backtrack import backtrack
from cloudchamber.studies.cosmic_ray_sky.skies.lensed import Lensed, rigidity_bins

HELIUM = Lensed(n=200, emin_ev=4e19, emax_ev=5e19, composition="He", signal=(200, 200), lens="packaged")


def theta_of(lon_deg: float, lat_deg: float, n_signal: int, events: int) -> dict[str, np.ndarray]:
    columns = {"kind": SIGNAL, "n_signal": n_signal, "source_lon_deg": lon_deg, "source_lat_deg": lat_deg}
    return {name: np.full(events, value) for name, value in columns.items()}


def test_columns_and_reproducibility() -> None:
    sky = Lensed(n=50, signal=(5, 10), lens="packaged", exposure="auger")
    theta = sky.prior(40, np.random.default_rng(12))
    first, second = (sky.simulate(theta, np.random.default_rng(13)) for _ in range(2))
    assert list(first) == list(sky.schema.x)
    np.testing.assert_array_equal(first["lon_deg"].values, second["lon_deg"].values)
    counts = np.array([event.sum() for event in first["from_source"]])
    np.testing.assert_array_equal(counts, theta["n_signal"])
    assert set(theta["kind"]) == {ISOTROPY, SIGNAL}
    assert first["exposure"].values.min() > 0


def test_arrivals_are_those_of_particles_followed_back() -> None:
    """Backtracked isotropic particles, weighted by the source's blurred image, have the same mean direction and spread as the simulated ones."""
    rng = np.random.default_rng(14)
    x = HELIUM.simulate(theta_of(110.0, -40.0, 200, 50), rng)
    ours = unit_vectors(x["lon_deg"].values, x["lat_deg"].values).mean(axis=0)
    lens = HELIUM.load_lens()
    sky = random_directions(60_000, rng)
    rigidity = 1e-18 * rng.permutation(np.resize(x["energy_ev"].values, len(sky))) / 2
    ends = backtrack(sky, rigidity, "jf12", True, rng).directions
    sigma = lens.source_sigma_rad[lens.bin_of(np.log10(rigidity))]
    weight = np.exp((ends @ unit_vectors(110.0, -40.0) - 1.0) / sigma**2) / sigma**2
    assert np.linalg.norm(ours - weight @ sky / weight.sum()) < 0.03


def test_magnification_changes_the_composition() -> None:
    """Nitrogen and helium of equal shares reach the Earth in the proportion of their magnifications."""
    sky = Lensed(n=400, emin_ev=4e19, emax_ev=4.2e19, composition="He:0.5,N:0.5", signal=(400, 400), lens="packaged")
    lens, source = sky.load_lens(), unit_vectors(-60.0, 60.0)
    charge = sky.simulate(theta_of(-60.0, 60.0, 400, 50), np.random.default_rng(15))["charge"].values
    energy = np.linspace(4e19, 4.2e19, 201)
    helium, nitrogen = (lens.magnification(source[None], np.log10(energy / z) - 18.0).mean() for z in (2, 7))
    assert abs(helium - nitrogen) > 0.3 * min(helium, nitrogen)
    assert np.mean(charge == 7) == pytest.approx(nitrogen / (helium + nitrogen), abs=0.02)


def test_several_sources_and_isotropy() -> None:
    sky = Lensed(n=100, signal=(20, 20), n_sources=5, lens="packaged")
    theta = theta_of(0.0, 90.0, 20, 4)
    assert sky.simulate(theta, np.random.default_rng(16))["from_source"].values.sum() == 80
    theta["kind"][:], theta["n_signal"][:] = ISOTROPY, 0
    assert sky.simulate(theta, np.random.default_rng(16))["from_source"].values.sum() == 0


def test_bins_are_those_of_the_composition() -> None:
    lens = HELIUM.load_lens()
    edges = lens.settings.lg_edges
    bins = rigidity_bins(HELIUM, lens)
    assert edges[bins[0]] <= np.log10(20.0) < edges[bins[0] + 1]
    assert edges[bins[-1]] <= np.log10(25.0) < edges[bins[-1] + 1]


def test_bad_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="packaged one is of 'jf12'"):
        Lensed(field="uf23-base", lens="packaged")
    with pytest.raises(ValueError, match="outside the lens"):
        Lensed(composition="Fe", lens="packaged").simulate(theta_of(0.0, 0.0, 10, 1), np.random.default_rng(0))
    with pytest.raises(ValueError, match="uf24"):
        Lensed(field="uf24").simulate(theta_of(0.0, 0.0, 10, 1), np.random.default_rng(0))
