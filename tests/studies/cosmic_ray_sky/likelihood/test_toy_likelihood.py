from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cloudchamber.physics.exposure import draw_exposed
from cloudchamber.physics.sphere import unit_vectors
from cloudchamber.rng import rng
from cloudchamber.schema import Table
from cloudchamber.studies.cosmic_ray_sky.columns import SIGNAL
from cloudchamber.studies.cosmic_ray_sky.likelihood.likelihood import log_bayes_factor, source_probability
from cloudchamber.studies.cosmic_ray_sky.likelihood.toy_likelihood import ToyGrid, log_bayes_factors, source_probabilities
from cloudchamber.studies.cosmic_ray_sky.skies.toy import Toy

SMALL = Toy(n=60, composition="mixed", signal=(6, 6))


def skies(toy: Toy, events: int, n_signal: int, seed: int) -> Table:
    theta = toy.prior(events, rng(seed, "theta"))
    theta["kind"][:], theta["n_signal"][:] = SIGNAL if n_signal else 0, n_signal
    return toy.simulate(theta, rng(seed, "x"))


def first_sky(x: Table) -> tuple[np.ndarray, np.ndarray]:
    lon, lat, energy = (next(iter(x[name])).astype(float) for name in ("lon_deg", "lat_deg", "energy_ev"))
    return unit_vectors(lon, lat), energy


@pytest.mark.parametrize("binomial", [False, True])
@pytest.mark.parametrize(("composition", "exposure", "n_signal"), [("He", "uniform", 8), ("mixed", "auger", 6), ("mixed", "uniform", 0)])
def test_agrees_with_brute_force(binomial: bool, composition: str, exposure: str, n_signal: int) -> None:
    toy = replace(SMALL, composition=composition, exposure=exposure, binomial=binomial)
    x = skies(toy, 1, n_signal, 1)
    brute = log_bayes_factor(ToyGrid(toy, 16, 40), *first_sky(x), 8, binomial)
    assert log_bayes_factors(toy, x, 8)[0] == pytest.approx(brute, abs=0.02)


def test_ratios_are_densities_relative_to_isotropy() -> None:
    """Seen isotropic cosmic rays have a mean ratio of 1 under every hypothesis."""
    toy = replace(SMALL, exposure="auger")
    grid = ToyGrid(toy, 2, 8)
    vectors, energy = draw_exposed(40_000, "auger", rng(2)), toy.spectrum.sample(40_000, toy.emin_ev, toy.emax_ev, rng(3))
    ratios = grid.ratios(vectors, energy, np.arange(0, len(grid.log_prior), 37))
    assert np.all(np.abs(ratios.mean(axis=1) - 1) < 5 * ratios.std(axis=1) / 200 + 0.01)


@pytest.mark.parametrize(("binomial", "exposure"), [(False, "uniform"), (True, "uniform"), (False, "auger")])
def test_bayes_factor_is_a_density_ratio(binomial: bool, exposure: str) -> None:
    """E_iso[BF] = 1 and E_signal[1/BF] = 1."""
    toy, n = Toy(n=30, composition="He", signal=(3, 3), binomial=binomial, exposure=exposure), 150
    isotropic = np.exp(log_bayes_factors(toy, skies(toy, n, 0, 4), 3))
    theta = toy.prior(n, rng(5)) | {"n_signal": rng(6).binomial(30, 3 / 30, n) if binomial else np.full(n, 3)}
    theta["kind"] = (theta["n_signal"] > 0).astype(int)
    inverse = np.exp(-log_bayes_factors(toy, toy.simulate(theta, rng(7)), 3))
    for values in (isotropic, inverse):
        assert values.sum() ** 2 / (values**2).sum() > 20
        assert values.mean() == pytest.approx(1, abs=5 * values.std() / np.sqrt(n))


def test_source_probabilities_tag_the_source() -> None:
    toy = Toy(n=300, composition="He", signal=(30, 30))
    x = skies(toy, 3, 30, 8)
    for probability, truth in zip(source_probabilities(toy, x, 30), x["from_source"], strict=True):
        assert probability.sum() == pytest.approx(30, abs=1e-3)
        assert probability[truth == 1].mean() > 5 * probability[truth == 0].mean()


def test_source_probabilities_agree_with_brute_force() -> None:
    x = skies(SMALL, 1, 8, 9)
    found = source_probabilities(SMALL, x, 8)[0]
    assert np.abs(found - source_probability(ToyGrid(SMALL, 16, 32), *first_sky(x), 8)).max() < 0.05


def test_one_count_an_event() -> None:
    x = skies(SMALL, 2, 6, 10)
    both = log_bayes_factors(SMALL, x, np.array([4, 9]))
    assert both[0] == log_bayes_factors(SMALL, x, 4)[0] and both[1] == log_bayes_factors(SMALL, x, 9)[1]


def test_refusals() -> None:
    x = skies(SMALL, 1, 6, 11)
    with pytest.raises(ValueError, match="n_signal"):
        log_bayes_factors(SMALL, x, 60)
    with pytest.raises(ValueError, match="n_sources"):
        log_bayes_factors(replace(SMALL, n_sources=2), x, 6)
