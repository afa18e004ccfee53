from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from cloudchamber.physics.sphere import lon_lat_deg, nested_pixels, random_directions, unit_vectors
from cloudchamber.studies.cosmic_ray_sky.codec import LEAST_EXPOSURE, SkyEvents, SkyMap
from cloudchamber.studies.cosmic_ray_sky.columns import SEEN, X

COLUMNS = {name: X[name] for name in SEEN}


def skies(lengths: tuple[int, ...] = (5, 0, 9), seed: int = 1) -> dict[str, Tensor]:
    """Padded columns (skies, longest), NaN after the last cosmic ray of each."""
    generator, longest = np.random.default_rng(seed), max(lengths)
    lon, lat = lon_lat_deg(random_directions(len(lengths) * longest, generator))
    flat = {"lon_deg": lon, "lat_deg": lat, "energy_ev": generator.uniform(4e19, 2e20, lon.size), "exposure": generator.uniform(0.1, 2.0, lon.size)}
    there = np.arange(longest) < np.array(lengths)[:, None]
    return {name: torch.from_numpy(np.where(there, values.reshape(there.shape), np.nan)).float() for name, values in flat.items()}


def test_events_keep_each_cosmic_ray_and_zeros_elsewhere() -> None:
    codec, sky = SkyEvents().build(COLUMNS), skies()
    codec.fit(sky, {})
    flat = codec.encode(sky, {})
    assert flat.shape == (3, 9 * codec.size)
    elements = flat.unflatten(1, (-1, 6))
    there = ~sky["lon_deg"].isnan()
    torch.testing.assert_close(elements[..., 5], there.float())
    assert not elements[~there].any()
    x, y, z, energy, exposure, _ = elements[there].T
    np.testing.assert_allclose(torch.stack((x, y, z), 1), unit_vectors(sky["lon_deg"][there], sky["lat_deg"][there]), atol=1e-6)
    torch.testing.assert_close(codec.reference_ev * energy.exp(), sky["energy_ev"][there])
    assert energy.mean().abs() < 1e-5
    torch.testing.assert_close(exposure.exp(), sky["exposure"][there])


def test_events_do_not_depend_on_the_longest_sky() -> None:
    codec, sky = SkyEvents().build(COLUMNS), skies()
    alone = codec.encode({name: values[:1, :5] for name, values in sky.items()}, {})
    torch.testing.assert_close(codec.encode(sky, {})[0, : 5 * 6], alone[0])


@pytest.mark.parametrize("flux", [False, True])
def test_maps_hold_numbers_and_energies(flux: bool) -> None:
    codec, sky = SkyMap(nside=2, flux=flux).build(COLUMNS), skies((200, 0, 50))
    codec.fit(sky, {})
    flat = codec.encode(sky, {})
    assert flat.shape == (3, codec.size) == (3, 96)
    torch.testing.assert_close(flat.unflatten(1, (2, 48)).square().mean((0, 2)), torch.ones(2))
    number, energy = (flat.unflatten(1, (2, 48)) * codec.scale[:, None]).unbind(1)
    for row in range(3):
        there = ~sky["lon_deg"][row].isnan()
        pixel = nested_pixels(2, unit_vectors(sky["lon_deg"][row, there], sky["lat_deg"][row, there]))
        weight = 1 / np.maximum(sky["exposure"][row, there].numpy(), LEAST_EXPOSURE) if flux else np.ones(len(pixel))
        np.testing.assert_allclose(number[row], np.bincount(pixel, weight, 48), rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(energy[row], np.bincount(pixel, weight * sky["energy_ev"][row, there].double().numpy(), 48), rtol=1e-5, atol=1e14)


def test_the_scales_travel_with_the_weights() -> None:
    sky = skies()
    for settings in (SkyEvents(), SkyMap(nside=4)):
        first, second = settings.build(COLUMNS), settings.build(COLUMNS)
        first.fit(sky, {})
        assert not torch.equal(first.encode(sky, {}), second.encode(sky, {}))
        second.load_state_dict(first.state_dict())
        assert torch.equal(first.encode(sky, {}), second.encode(sky, {}))


@pytest.mark.parametrize("settings", [SkyEvents(), SkyMap(nside=4)])
def test_a_fit_needs_cosmic_rays(settings: SkyEvents | SkyMap) -> None:
    with pytest.raises(ValueError, match="no cosmic ray above 0 eV"):
        settings.build(COLUMNS).fit({name: torch.full((2, 3), torch.nan) for name in SEEN}, {})


@pytest.mark.parametrize("settings", [SkyEvents(), SkyMap(nside=4)])
def test_a_sky_is_only_given(settings: SkyEvents | SkyMap) -> None:
    codec = settings.build(COLUMNS)
    with pytest.raises(ValueError, match="does not decode"):
        codec.decode(torch.zeros(1, codec.size), {})
    with pytest.raises(ValueError, match="density"):
        codec.log_det(skies(), {})
    with pytest.raises(ValueError, match="needs the given column 'exposure'"):
        settings.build({name: column for name, column in COLUMNS.items() if name != "exposure"})


def test_maps_refuse_an_nside_without_nested_order() -> None:
    with pytest.raises(ValueError, match="nside must be a power of two"):
        SkyMap(nside=6).build(COLUMNS)
