from __future__ import annotations

import numpy as np
import pytest

from cloudchamber.physics.sphere import random_directions, tangent_basis
from cloudchamber.rng import rng
from cloudchamber.studies.cosmic_ray_sky.likelihood.toy_kernel import log_products, single_ratios
from cloudchamber.studies.cosmic_ray_sky.likelihood.toy_likelihood import prepare
from cloudchamber.studies.cosmic_ray_sky.skies.toy import Toy, deflected


def frames_of(sources: np.ndarray) -> np.ndarray:
    east, north = tangent_basis(sources)
    return np.stack((sources, north, east), axis=1)


def test_vectorised_products_agree_with_plain_ratios() -> None:
    toy, psi_rad = Toy(composition="mixed"), np.arange(16) * (2 * np.pi / 16)
    rays = prepare(toy, random_directions(300, rng(1)), toy.spectrum.sample(300, 4e19, 2e20, rng(2)))
    frames, steps = frames_of(random_directions(5, rng(3))), np.array([0.5, 3.0])
    tilt = np.full((5, 16), 0.03)
    found = log_products(frames, tilt, steps, *rays, np.cos(psi_rad).astype(np.float32), np.sin(psi_rad).astype(np.float32))
    plain = single_ratios(np.repeat(frames, 16, axis=0), *rays, np.tile(np.cos(psi_rad), 5), np.tile(np.sin(psi_rad), 5))
    for products, step in zip(found, steps, strict=True):
        assert np.allclose(products.ravel(), np.log1p(0.03 * step * plain).sum(axis=1), atol=2e-3)


def test_ratio_is_the_simulated_density() -> None:
    """E_isotropy[r] = 1 and E_signal[r] = E_isotropy[r^2]: a wrong psi, convention or width breaks the second."""
    toy, n = Toy(composition="N"), 50_000
    source, psi_rad = random_directions(1, rng(4)), 1.1
    arrivals = deflected(toy, np.repeat(source, n, axis=0), np.full(n, psi_rad), toy.coherent_rad_ev, toy.blur_rad_ev, rng(5))
    ratios = single_ratios(frames_of(source), *prepare(toy, arrivals.vectors, arrivals.energy_ev), np.cos([psi_rad]), np.sin([psi_rad]))[0]
    low = arrivals.energy_ev < 4.2e19
    isotropic = random_directions(n, rng(6))
    other = single_ratios(frames_of(source), *prepare(toy, isotropic, arrivals.energy_ev), np.cos([psi_rad]), np.sin([psi_rad]))[0]
    assert other.mean() == pytest.approx(1, abs=5 * other.std() / np.sqrt(n))
    assert ratios[low].mean() == pytest.approx((other[low] ** 2).mean(), rel=0.1)
