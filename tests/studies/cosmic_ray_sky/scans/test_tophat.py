import os
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binom

from cloudchamber.physics.exposure import draw_exposed, exposure_at
from cloudchamber.physics.sphere import angular_distance_deg, galactic_from_equatorial, pixel_centres, unit_vectors, von_mises_fisher
from cloudchamber.schema import Ragged
from cloudchamber.studies.cosmic_ray_sky.scans.tophat import disc_fractions, discs, targeted_tophat, tophat_scan, tophat_scans

AUGER = exposure_at(pixel_centres(32), "auger")
CENTAURUS_A = unit_vectors(*galactic_from_equatorial(201.37, -43.02))


def isotropic(n, exposure="uniform", seed=1):
    random = np.random.default_rng(seed)
    return draw_exposed(n, exposure, random), 4e19 * random.random(n) ** (-1 / 3)


def test_uniform_fractions_are_areas():
    fraction = disc_fractions(np.eye(3), [60.0, 90.0, 180.0])
    np.testing.assert_allclose(fraction, np.tile([0.25, 0.5, 1.0], (3, 1)))
    np.testing.assert_allclose(disc_fractions(np.eye(3), [3.0, 60.0, 180.0], np.full(768, 7.0)), disc_fractions(np.eye(3), [3.0, 60.0, 180.0]))


def test_fractions_follow_the_exposure():
    """Against the share of drawn isotropic cosmic rays, over the visible sky, its edge and beyond."""
    drawn, radii = draw_exposed(200_000, "auger", np.random.default_rng(1)), [10.0, 27.0]
    centres = np.concatenate([CENTAURUS_A[None], unit_vectors(*galactic_from_equatorial([0.0, 80.0, 10.0], [-90.0, 35.0, 80.0]))])
    seen = np.array([[np.mean(drawn @ centre >= np.cos(np.deg2rad(radius))) for radius in radii] for centre in centres])
    np.testing.assert_allclose(disc_fractions(centres, radii, AUGER), seen, atol=0.0025)
    assert np.all(disc_fractions(centres[3:], radii, AUGER) == 0)


@pytest.mark.parametrize("exposure_map", [None, AUGER])
def test_the_scan_finds_the_smallest_of_all_local_p_values(exposure_map):
    vectors, energy_ev = isotropic(120, "uniform" if exposure_map is None else "auger")
    over, thresholds = discs([8.0, 20.0, 35.0], 4, exposure_map), [4e19, 5e19, 7e19]
    best = (0.0,)
    for c, centre in enumerate(over.centres):
        near = angular_distance_deg(vectors, centre)
        for k, radius in enumerate(over.radii_deg):
            for threshold in thresholds:
                above = energy_ev >= threshold
                n, p = int(np.sum(above & (near <= radius))), over.fraction[c, k]
                if n > above.sum() * p > 0:
                    best = min(best, (binom.logsf(n - 1, above.sum(), p), n, above.sum() * p, c, radius, threshold))
    found = tophat_scan(vectors, energy_ev, over, thresholds)
    np.testing.assert_allclose([found.ln_p, found.observed, found.expected, found.radius_deg, found.threshold_ev], [*best[:3], *best[4:]], rtol=1e-7)
    np.testing.assert_array_equal(found.centre, over.centres[best[3]])


def test_many_maps_are_scanned_as_single_ones():
    maps = [isotropic(n, seed=n) for n in (50, 200, 120)]
    over = discs([5.0, 15.0], 8)
    together = tophat_scans(*(Ragged.from_list(list(parts)) for parts in zip(*maps, strict=True)), over)
    for m, one in enumerate(maps):
        for single, batch in zip(tophat_scan(*one, over), together, strict=True):
            np.testing.assert_array_equal(single, batch[m])


def test_an_injected_excess_is_found():
    random = np.random.default_rng(2)
    vectors, energy_ev = isotropic(500)
    vectors[:25] = von_mises_fisher(np.tile(CENTAURUS_A, (25, 1)), 0.1, random)
    energy_ev[:25] = 6e19
    found = tophat_scan(vectors, energy_ev, discs())
    assert angular_distance_deg(found.centre, CENTAURUS_A) < 4 and found.ln_p < -25 and found.observed >= 20


def test_the_local_p_value_of_a_target_holds():
    """Shares of isotropic maps at or below a local p-value never exceed it, up to statistics."""
    fraction = disc_fractions(CENTAURUS_A[None], [27.0], AUGER)[0, 0]
    found = [targeted_tophat(*isotropic(300, "auger", seed), CENTAURUS_A, 27.0, 4.5e19, fraction) for seed in range(1000)]
    p = np.exp([one.ln_p for one in found])
    assert np.mean([one.observed - one.expected for one in found]) == pytest.approx(0, abs=4.5 * 4.5 / np.sqrt(1000))
    for level in (0.5, 0.1, 0.02):
        assert np.mean(p <= level) < level + 4.5 * np.sqrt(level / 1000)
    assert np.mean(p <= 0.5) > 0.3


def test_nothing_in_the_disc_is_no_excess():
    found = targeted_tophat(np.eye(3), np.full(3, 5e19), -np.eye(3)[0], 5.0, 4e19, 0.002)
    assert found.observed == 0 and found.ln_p == 0
    assert tophat_scan(np.eye(3), np.full(3, 3e19), discs(nside=4)).ln_p == 0
    assert tophat_scan(np.zeros((0, 3)), np.zeros(0), discs(nside=4)).ln_p == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: discs([10.0, 5.0]), "radii_deg must rise"),
        (lambda: discs([200.0]), "radii_deg"),
        (lambda: discs(exposure_map=np.ones(100)), "12 nside"),
        (lambda: tophat_scan(*isotropic(10), discs(nside=4), [5e19, 4e19]), "thresholds_ev must rise"),
        (lambda: tophat_scan(isotropic(10)[0], isotropic(11)[1], discs(nside=4)), "same cosmic rays"),
        (lambda: targeted_tophat(*isotropic(10), CENTAURUS_A, 27.0, 4e19, 0.0), "fraction: 0"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.skipif("CLOUDCHAMBER_SKY_DATA" not in os.environ, reason="CLOUDCHAMBER_SKY_DATA names no folder of event lists")
def test_published_searches_with_auger_events():
    """Auger, ApJ 804 (2015) 15: blind, 14 events against 3.23 within 12 deg of (198, -25) above 54 EeV; around Centaurus A 14 against 4.5, 15 deg, 58 EeV."""
    file = Path(os.environ["CLOUDCHAMBER_SKY_DATA"]) / "auger2014_231.csv"
    if not file.exists():
        pytest.skip(f"{file} is not there")
    events = np.genfromtxt(file, delimiter=",", names=True)
    vectors, energy_ev = unit_vectors(*galactic_from_equatorial(events["ra"], events["dec"])), 1e18 * events["energy"]
    radii, thresholds = np.arange(1.0, 31.0), 1e18 * np.arange(52, 81)
    blind = tophat_scan(vectors, energy_ev, discs(radii, 64, AUGER), thresholds)
    assert (blind.observed, blind.radius_deg, blind.threshold_ev) == (14, 12, 5.4e19)
    assert blind.expected == pytest.approx(3.23, rel=0.03)
    assert angular_distance_deg(blind.centre, unit_vectors(*galactic_from_equatorial(198.0, -25.0))) < 1
    over = discs(radii, 1, AUGER)._replace(centres=CENTAURUS_A[None], fraction=disc_fractions(CENTAURUS_A[None], radii, AUGER))
    target = tophat_scan(vectors, energy_ev, over, thresholds)
    assert (target.observed, target.radius_deg, target.threshold_ev) == (14, 15, 5.8e19)
    assert target.expected == pytest.approx(4.5, rel=0.03)
