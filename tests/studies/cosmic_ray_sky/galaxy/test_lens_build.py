"""Lenses are built the same way each time, whole or not at all, and files that are not lenses are refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cloudchamber.physics.sphere import angular_distance_deg, nested_pixels, pixel_centres
from cloudchamber.studies.cosmic_ray_sky.galaxy.lens_build import PACKAGED, SMALL, LensSettings, build_lens, directions_in, ensure_lens, lens_path, read_lens

TINY = LensSettings(nside=8, per_pixel=2, lg_rigidity_min=2.0, lg_rigidity_max=2.2, bins=2)


def test_the_same_lens_from_any_number_of_workers(tmp_path: Path) -> None:
    done: list[tuple[int, int]] = []
    one = read_lens(build_lens(tmp_path / "one.npz", TINY, progress=lambda *step: done.append(step)))
    two = read_lens(build_lens(tmp_path / "two.npz", TINY, workers=2))
    assert done == [(1, 2), (2, 2)]
    assert one[0] == TINY
    np.testing.assert_array_equal(one[1], two[1])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.npz", "two.npz"]


def test_high_rigidities_go_nearly_straight(tmp_path: Path) -> None:
    settings = LensSettings(nside=16, per_pixel=1, lg_rigidity_min=4.0, lg_rigidity_max=4.1, bins=1)
    ends = read_lens(build_lens(tmp_path / "straight.npz", settings))[1][0, :, 0]
    centres = pixel_centres(16)
    assert np.median(angular_distance_deg(centres, centres[ends])) < 0.1
    assert angular_distance_deg(centres, centres[ends]).max() < 8.0


def test_directions_fill_their_pixels() -> None:
    pixels = np.repeat(np.arange(768), 50)
    found = directions_in(8, pixels, np.random.default_rng(8))
    np.testing.assert_array_equal(nested_pixels(8, found), pixels)
    share = np.bincount(nested_pixels(16, found), minlength=3072)
    assert np.sum((share - 12.5) ** 2 / 12.5) == pytest.approx(2304, abs=5 * np.sqrt(2 * 2304))


def test_a_missing_lens_is_built_into_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDCHAMBER_CACHE", str(tmp_path))
    path = ensure_lens(TINY)
    assert path == lens_path(TINY)
    assert path.is_relative_to(tmp_path)
    assert read_lens(path)[0] == TINY


def test_the_packaged_lens_is_what_its_settings_say() -> None:
    settings, ends = read_lens(PACKAGED)
    assert settings == SMALL
    assert ends.shape == (18, 3072, 8)
    assert PACKAGED.stat().st_size < 1e6


def test_broken_files_and_bad_settings_are_refused(tmp_path: Path) -> None:
    (tmp_path / "broken.npz").write_bytes(b"not a lens")
    with pytest.raises(ValueError, match="build-lens"):
        read_lens(tmp_path / "broken.npz")
    with pytest.raises(ValueError, match="nside: 48"):
        LensSettings(nside=48)
    with pytest.raises(ValueError, match="must rise"):
        LensSettings(lg_rigidity_min=2.0, lg_rigidity_max=1.0)
    with pytest.raises(ValueError, match="uf23-base"):
        ensure_lens(LensSettings(field="uf32-base"))
