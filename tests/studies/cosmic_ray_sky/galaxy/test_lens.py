"""A lens keeps the flux, and draws and densities agree with each other and with particles followed one by one."""

from __future__ import annotations

import numpy as np
import pytest

from cloudchamber.physics.sphere import nested_pixels, pixel_centres, random_directions, unit_vectors
from cloudchamber.studies.cosmic_ray_sky.galaxy.backtrack import backtrack
from cloudchamber.studies.cosmic_ray_sky.galaxy.lens import Lens, load_lens
from cloudchamber.studies.cosmic_ray_sky.galaxy.lens_build import PACKAGED

SOURCE = unit_vectors(-50.0, 35.0)
LG = 1.35


@pytest.fixture(scope="module")
def lens() -> Lens:
    return load_lens(PACKAGED)


def test_isotropy_stays_isotropy(lens: Lens) -> None:
    """Liouville: over all sources the magnification is 1, and each arrival direction sees a mean flux of 1."""
    # 3072 sources sample the blurred counts of 3072 pixels
    assert lens.magnification(pixel_centres(16), [0.7, LG, 2.3]).mean(axis=0) == pytest.approx([1.0, 1.0, 1.0], abs=0.01)
    arrivals = random_directions(50, np.random.default_rng(9))
    assert lens.source_density(arrivals, np.linspace(0.7, 2.3, 50), nside=8).mean(axis=1) == pytest.approx(np.ones(50), abs=1e-4)


def test_mean_density_is_the_magnification(lens: Lens) -> None:
    assert lens.density(SOURCE, LG).mean() == pytest.approx(lens.magnification(SOURCE[None], LG)[0, 0], rel=1e-3)


def test_draws_follow_the_density(lens: Lens) -> None:
    rng, draws = np.random.default_rng(10), 200_000
    beam = lens.beam(SOURCE[None], np.array([lens.bin_of(LG)]))
    arrivals = lens.draw(beam, np.zeros(draws, int), np.zeros(draws, int), rng)
    found = np.bincount(nested_pixels(4, arrivals), minlength=192) / draws
    expected = lens.density(SOURCE, LG).reshape(192, -1).sum(axis=1)
    expected /= expected.sum()
    # pixels of 15 deg: what remains is the grid on which the density is smoothed
    assert 0.5 * np.abs(found - expected).sum() < 0.03


def test_density_is_that_of_particles_followed_one_by_one(lens: Lens) -> None:
    rng = np.random.default_rng(11)
    sky = random_directions(60_000, rng)
    b = int(lens.bin_of(LG))
    rigidity = 10.0 ** rng.uniform(*lens.settings.lg_edges[b : b + 2], len(sky))
    ends = backtrack(sky, rigidity, "jf12", True, rng).directions
    sigma = lens.source_sigma_rad[b]
    weight = np.exp((ends @ SOURCE - 1.0) / sigma**2) * 2.0 / sigma**2 / -np.expm1(-2.0 / sigma**2)
    assert weight.mean() == pytest.approx(lens.magnification(SOURCE[None], LG)[0, 0], rel=0.2)
    direct = weight @ sky / weight.sum()
    density = lens.density(SOURCE, LG)
    ours = density @ pixel_centres(16) / density.sum()
    # the vector mean holds the mean direction and, in its length, the spread
    assert np.linalg.norm(direct - ours) < 0.03


def test_both_ways_through_the_lens_agree(lens: Lens) -> None:
    """The density over arrivals of one source against the density over sources of each arrival."""
    pixel = int(nested_pixels(16, SOURCE[None])[0])
    forward = lens.density(pixel_centres(16)[pixel], LG)
    bright = np.argsort(forward)[-100:]
    backward = lens.source_density(pixel_centres(16)[bright], np.full(100, LG), nside=16)[:, pixel]
    assert np.corrcoef(forward[bright], backward)[0, 1] > 0.9
    assert backward.mean() == pytest.approx(forward[bright].mean(), rel=0.1)


def test_rigidities_outside_are_refused(lens: Lens) -> None:
    with pytest.raises(ValueError, match=r"lg\(R/EV\) = 0.3 is outside"):
        lens.density(SOURCE, 0.3)
    with pytest.raises(ValueError, match="resolution_deg: 90"):
        Lens(lens.settings, lens.ends, resolution_deg=90.0)
