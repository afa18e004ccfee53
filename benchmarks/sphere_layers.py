"""The spherical network: maps a second on one thread, how equivariant its Laplacian is, and how still its features keep when a sky is turned.

$ python benchmarks/sphere_layers.py

Speeds count the processor's seconds of one thread. The equivariance error is E |R L f - L R f|^2 / E |L f|^2 over white maps of the degrees 1 to nside
(Defferrard et al. 2020). The spread of a feature is its standard deviation over its root mean square: over rotations of a sky, and between skies.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from time import process_time

import numpy as np
import torch
import tyro
from torch import Tensor, nn

from cloudchamber.nn.sphere import ChebyshevConvolution, DeepSphere, equivariance_error, scaled_laplacian
from cloudchamber.physics.sphere import lon_lat_deg, random_rotation, unit_vectors
from cloudchamber.studies.cosmic_ray_sky.codec import SkyMap
from cloudchamber.studies.cosmic_ray_sky.columns import SEEN, X
from cloudchamber.studies.cosmic_ray_sky.skies.toy import Toy


@dataclass(frozen=True)
class Options:
    """What to measure."""

    settings: DeepSphere = field(default_factory=DeepSphere)
    """The network."""
    maps: int = 16
    """Maps a batch."""
    repeats: int = 5
    """The fastest of so many counts."""
    neighbours: tuple[int, ...] = (8, 20, 40)
    """Graphs to compare."""
    skies: int = 12
    """Skies of 1000 cosmic rays whose features are compared."""
    rotations: int = 12
    """Rotations of each."""


def main(options: Options) -> None:
    """Print the three tables."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    settings, generator = options.settings, np.random.default_rng(1)
    codec = SkyMap(settings.nside).build({name: X[name] for name in SEEN})
    directions, energy = toy_skies(options.skies, generator)
    codec.fit(columns(directions, energy), {})
    start = process_time()
    body = settings.build(codec.size)
    print(f"built in {process_time() - start:.2f} s, {sum(p.numel() for p in body.parameters())} parameters, {body.size} features")
    seen = columns(*toy_skies(options.maps, generator))
    maps = codec.encode(seen, {})
    with torch.no_grad():
        body.eval()
        inference = fastest(lambda: body(maps), options.repeats)
    body.train()
    training = fastest(lambda: body(maps).square().sum().backward(), options.repeats)
    encoding = fastest(lambda: codec.encode(seen, {}), options.repeats)
    for name, seconds in {"inference": inference, "forward and backward": training, "encoding": encoding}.items():
        print(f"{name}: {options.maps / seconds:.0f} maps a second")

    print("neighbours  Laplacian error  layer error  built in s")
    for neighbours in options.neighbours:
        start = process_time()
        scaled_laplacian.cache_clear()
        layer = ChebyshevConvolution(settings.nside, 1, 1, settings.order, neighbours)
        built = process_time() - start
        degrees = range(1, settings.nside + 1, max(1, settings.nside // 16))
        error = equivariance_error(lambda maps, layer=layer: maps + layer.laplacian(maps.T.contiguous()).T, settings.nside, degrees)
        whole = equivariance_error(lambda maps, layer=layer: layer(maps[..., None])[..., 0], settings.nside, degrees)
        print(f"{neighbours:10d}  {error:15.1e}  {whole:11.1e}  {built:10.2f}")

    turning, between = feature_spread(body.eval(), codec, directions, energy, options.rotations, generator)
    print(f"spread of the untrained features: {turning:.1%} under rotations, {between:.1%} between skies")


def feature_spread(
    body: nn.Module, codec: nn.Module, directions: np.ndarray, energy: np.ndarray, rotations: int, rng: np.random.Generator
) -> tuple[float, float]:
    """Medians over the features of their spread under rotations of the same sky, and between skies; ``directions`` (skies, cosmic rays, 3)."""
    with torch.no_grad():
        features = torch.stack([body(codec.encode(columns(directions @ random_rotation(rng).T, energy), {})) for _ in range(rotations)])
    size = features.square().mean((0, 1)).sqrt()
    turning = features.var(0).mean(0).sqrt() / size
    # the mean over so many rotations still carries some of their spread
    between = (features.mean(0).var(0) - features.var(0).mean(0) / rotations).clamp_min(0).sqrt() / size
    return turning.median().item(), between.median().item()


def toy_skies(skies: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Directions (skies, cosmic rays, 3) and energies of the minimal model, half of the skies with a signal."""
    toy = Toy()
    x = toy.simulate(toy.prior(skies, rng), rng)
    lon, lat, energy = (x[name].values.reshape(skies, toy.n) for name in ("lon_deg", "lat_deg", "energy_ev"))
    return unit_vectors(lon, lat), energy


def columns(directions: np.ndarray, energy: np.ndarray) -> dict[str, Tensor]:
    """What an observatory of uniform exposure sees."""
    lon, lat = lon_lat_deg(directions)
    seen = {"lon_deg": lon, "lat_deg": lat, "energy_ev": energy, "exposure": np.ones_like(energy)}
    return {name: torch.from_numpy(values).float() for name, values in seen.items()}


def fastest(call: Callable[[], object], repeats: int) -> float:
    """Least seconds of one thread."""
    seconds = []
    for _ in range(repeats):
        start = process_time()
        call()
        seconds.append(process_time() - start)
    return min(seconds)


if __name__ == "__main__":
    main(tyro.cli(Options))
