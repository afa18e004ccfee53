import numpy as np
import pytest

from cloudchamber.physics.exposure import exposure_at
from cloudchamber.physics.sphere import angular_distance_deg, move, pixel_centres, random_rotation, tangent_basis, unit_vectors
from cloudchamber.schema import Ragged
from cloudchamber.studies.cosmic_ray_sky.likelihood.seen_share import seen_share
from cloudchamber.studies.cosmic_ray_sky.scans.lr_scan import likelihood_ratio_scan, likelihood_ratio_scans
from cloudchamber.studies.cosmic_ray_sky.skies.composition import shares
from cloudchamber.studies.cosmic_ray_sky.skies.toy import Toy, deflected


def skies(toy, n_signal, events=1, seed=1):
    """Directions and energies of skies, and the vectors to their sources."""
    random = np.random.default_rng(seed)
    theta = toy.prior(events, random) | {"kind": np.full(events, int(n_signal > 0)), "n_signal": np.full(events, n_signal)}
    x = toy.simulate(theta, random)
    vectors = Ragged(unit_vectors(x["lon_deg"].values, x["lat_deg"].values), x["lon_deg"].offsets)
    return vectors, Ragged(x["energy_ev"].values.astype(float), vectors.offsets), unit_vectors(theta["source_lon_deg"], theta["source_lat_deg"])


def density_ratios(vectors, energy_ev, toy, source, psi, norm):
    """r (n, psi) of the law as the toy states it, cosmic ray by cosmic ray, without tables."""
    ratio = np.zeros((len(vectors), len(psi)))
    for charge, share in shares(toy.composition).items():
        rigidity = 1e-18 * energy_ev[:, None] / charge
        kappa = (rigidity / toy.blur_rad_ev) ** 2
        centre = move(source, toy.coherent_rad_ev / rigidity, psi)
        ratio += share * 2 * kappa / -np.expm1(-2 * kappa) * np.exp(kappa * (np.einsum("ijk,ik->ij", centre, vectors) - 1))
    return ratio / norm


@pytest.mark.parametrize(("composition", "exposure"), [("He", "uniform"), ("mixed", "uniform"), ("mixed", "auger")])
def test_the_maximum_is_the_likelihood_there(composition, exposure):
    """The scan's value is what the law gives at its source, at the best position angle of a fine grid; and no lower than at the true source."""
    toy = Toy(n=400, composition=composition, signal=(30, 30), exposure=exposure)
    vectors, energy_ev, true_source = (values[0] for values in map(list, skies(toy, 30)))
    found = likelihood_ratio_scan(vectors, energy_ev, toy, fraction=0.05)
    psi, random, values = np.deg2rad(np.arange(0, 360, 2.0)), np.random.default_rng(2), []
    for source in (found.source, true_source):
        norm = np.ones(len(psi))
        if exposure != "uniform":
            drawn = [deflected(toy, np.tile(source, (4000, 1)), np.full(4000, angle), toy.coherent_rad_ev, toy.blur_rad_ev, random) for angle in psi]
            norm = np.array([exposure_at(rays.vectors, exposure).mean() for rays in drawn])
        values.append(np.log1p(0.05 * (density_ratios(vectors, energy_ev, toy, source, psi, norm) - 1)).sum(axis=0).max())
    assert found.ln_ratio == pytest.approx(values[0], abs=0.6)
    assert found.ln_ratio > values[1] - 0.3 > 5
    assert angular_distance_deg(found.source, true_source) < 10


@pytest.mark.parametrize(("exposure", "fraction"), [("uniform", 0.2), ("auger", None)])
def test_without_coherence_the_maximum_is_that_of_the_law_averaged_over_turns(exposure, fraction):
    toy = Toy(n=80, composition="mixed", signal=(25, 25), exposure=exposure)
    vectors, energy_ev, true_source = (values[0] for values in map(list, skies(toy, 25)))
    found, psi, values = likelihood_ratio_scan(vectors, energy_ev, toy, fraction, coherent=False), np.deg2rad(np.arange(0, 360, 3.0)), []
    for source in (found.source, true_source):
        norm = seen_share(toy, np.stack([source, *tangent_basis(source)[::-1]]), psi).mean()
        ratio = density_ratios(vectors, energy_ev, toy, source, psi, norm).mean(axis=1)
        values.append(np.log1p(found.fraction * (ratio - 1)).sum())
    assert found.ln_ratio == pytest.approx(values[0], abs=0.3)
    assert found.ln_ratio > values[1] - 0.1 > 15


def test_without_coherence_only_distances_count():
    """Cosmic rays turned about the source, each by its own angle: the radial scan keeps its value, the coherent one loses most of it."""
    toy = Toy(n=100, composition="He", signal=(100, 100))
    vectors, energy_ev, source = (values[0] for values in map(list, skies(toy, 100)))
    position = np.random.default_rng(3).uniform(0, 2 * np.pi, 100)
    turned = move(source, np.deg2rad(angular_distance_deg(vectors, source)), position)
    before, after = (likelihood_ratio_scan(v, energy_ev, toy, 0.5, coherent=False).ln_ratio for v in (vectors, turned))
    assert after > 30 and before > 0.7 * after
    before, after = (likelihood_ratio_scan(v, energy_ev, toy, 0.5).ln_ratio for v in (vectors, turned))
    assert after < 0.7 * before


@pytest.mark.parametrize("coherent", [True, False])
def test_the_scan_knows_no_preferred_direction(coherent):
    toy = Toy(n=300, composition="mixed", signal=(20, 20))
    vectors, energy_ev, _ = skies(toy, 20, events=4)
    turned = Ragged(vectors.values @ random_rotation(np.random.default_rng(4)).T, vectors.offsets)
    values = [likelihood_ratio_scans(v, energy_ev, toy, coherent=coherent).ln_ratio for v in (vectors, turned)]
    np.testing.assert_allclose(*values, atol=0.15)


@pytest.mark.parametrize("coherent", [True, False])
def test_a_free_share_is_near_the_truth_and_never_worse(coherent):
    toy = Toy(n=400, composition="He", signal=(60, 60))
    vectors, energy_ev, _ = skies(toy, 60, events=3)
    fixed, free = (likelihood_ratio_scans(vectors, energy_ev, toy, fraction, coherent) for fraction in (0.05, None))
    assert np.all(free.ln_ratio > fixed.ln_ratio - 0.02)
    np.testing.assert_allclose(free.fraction, 0.15, atol=0.06)
    np.testing.assert_array_equal(fixed.fraction, 0.05)


def test_the_coherent_scan_tells_a_signal_from_isotropy_better():
    toy = Toy(n=500, composition="He", signal=(18, 18), exposure="auger")
    gaps = []
    for coherent in (True, False):
        signal, isotropy = (likelihood_ratio_scans(*skies(toy, n, events=12, seed=5 + n)[:2], toy, coherent=coherent).ln_ratio for n in (18, 0))
        gaps.append(np.median(signal) - np.median(isotropy))
    assert gaps[0] > gaps[1] > 2


def test_sources_lie_in_the_visible_sky():
    toy = Toy(n=200, composition="mixed", exposure="ta", signal=(5, 5))
    found = likelihood_ratio_scans(*skies(toy, 0, events=5)[:2], toy)
    assert exposure_at(found.source, "ta").min() > 0.05


def test_many_maps_are_scanned_as_single_ones():
    toy = Toy(n=100, composition="He", signal=(10, 10))
    vectors, energy_ev, _ = skies(toy, 10, events=3)
    together = likelihood_ratio_scans(vectors, energy_ev, toy)
    for m, one in enumerate(zip(vectors, energy_ev, strict=True)):
        for single, batch in zip(likelihood_ratio_scan(*one, toy), together, strict=True):
            np.testing.assert_allclose(single, batch[m])


def test_bad_input():
    with pytest.raises(ValueError, match=r"fraction: 1\.5"):
        likelihood_ratio_scan(pixel_centres(1), np.full(12, 5e19), Toy(), 1.5)
    with pytest.raises(ValueError, match="same cosmic rays"):
        likelihood_ratio_scan(pixel_centres(1), np.full(11, 5e19), Toy())
