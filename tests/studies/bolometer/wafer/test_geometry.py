"""A wafer's bolometers, and paths through it against rays thrown from a sphere."""

from __future__ import annotations

import numpy as np
import pytest

from cloudchamber.rng import rng
from cloudchamber.studies.bolometer.detector import Detector
from cloudchamber.studies.bolometer.flux.modulation import CosmicRays
from cloudchamber.studies.bolometer.wafer.geometry import Wafer, box_chords, isotropic_hits
from cloudchamber.studies.bolometer.wafer.hits import rates_per_s

SIDE_UM, THICK_UM = 1e5, 500.0


def test_places_are_a_grid_about_the_centre() -> None:
    places = Wafer(rows=2, columns=3, pitch_mm=8.0).places_mm
    np.testing.assert_allclose(places.mean(axis=0), 0.0, atol=1e-12)
    np.testing.assert_allclose(places[:4], [[-8, -4], [0, -4], [8, -4], [-8, 4]])


def test_the_frame_takes_energy_away() -> None:
    wafer = Wafer(side_mm=100.0, frame_mm=5.0, frame_share=0.1)
    np.testing.assert_allclose(wafer.transmission(np.array([0.0, 46.0, 0.0, -44.0]), np.array([0.0, 0.0, -47.0, 44.0])), [1, 0.1, 0.1, 1])


def test_rates_are_those_of_rays_from_a_sphere() -> None:
    """An isotropic flux I sends pi I 4 pi R^2 rays a second into a sphere about the wafer; what meets the wafer is its rate."""
    chords, radius_um = box_chords(SIDE_UM, THICK_UM, 400_000, rng(1))
    rays = CosmicRays(helium=False)
    thrown = np.pi * rays.integral_per_cm2_s_sr(400.0) * 4 * np.pi * (1e-4 * radius_um) ** 2 * np.mean(chords > 0)
    assert rates_per_s(Detector(), rays, np.array([400.0]))[0, 0] == pytest.approx(thrown, rel=0.05)


def test_paths_are_those_of_rays_from_a_sphere() -> None:
    chords, _ = box_chords(SIDE_UM, THICK_UM, 400_000, rng(1))
    x, y, path = isotropic_hits(np.full(100_000, SIDE_UM), np.full(100_000, THICK_UM), rng(2))
    met = chords[chords > 0]
    for share in (0.25, 0.5, 0.9, 0.99):
        assert np.quantile(path, share) == pytest.approx(np.quantile(met, share), rel=0.05)
    # Cauchy: the mean chord of a convex body is 4 V / S
    assert met.mean() == pytest.approx(4 * SIDE_UM**2 * THICK_UM / (2 * SIDE_UM**2 + 4 * SIDE_UM * THICK_UM), rel=0.02)
    assert path.min() > 0 and np.abs(x).max() <= SIDE_UM / 2 and np.abs(y).max() <= SIDE_UM / 2


def test_a_narrow_slab_ends_paths_at_its_sides() -> None:
    _, _, path = isotropic_hits(np.full(20_000, 10.0), np.full(20_000, 100.0), rng(3))
    assert path.max() <= np.sqrt(2 * 10.0**2 + 100.0**2) + 1e-9 and np.median(path) < 30


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"rows": 0}, r"rows: 0 is outside the allowed \[1, 100\]"),
        ({"pitch_mm": 30.0}, r"pitch_mm: 30 is outside the allowed \(0, 25\] mm"),
        ({"side_mm": 0.0}, r"side_mm: 0 is outside the allowed \[1, 1000\] mm"),
        ({"frame_mm": 51.0}, r"frame_mm: 51 is outside the allowed \[0, 50\] mm"),
        ({"frame_share": 2.0}, r"frame_share: 2 is outside"),
    ],
)
def test_bad_wafers_are_refused(settings: dict[str, float], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Wafer(**settings)  # type: ignore[arg-type]
