"""Skies a second, one thread: simulating, judging and learning; and how far a turn of the sky moves a network's verdict.

$ python benchmarks/cosmic_ray_sky_speed.py
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import tyro

import cloudchamber as cc
from cloudchamber.nn.tensors import to_tensors
from cloudchamber.physics.sphere import lon_lat_deg, random_rotation, unit_vectors
from cloudchamber.schema import Ragged, Table
from cloudchamber.studies.cosmic_ray_sky import STUDY
from cloudchamber.studies.cosmic_ray_sky.columns import SEEN
from cloudchamber.studies.cosmic_ray_sky.skies.toy import Toy
from cloudchamber.studies.cosmic_ray_sky.verdict import log_odds


@dataclass(frozen=True)
class Options:
    """How much to time."""

    skies: int = 128
    """Skies of 1000 cosmic rays."""
    batch_size: int = 32
    """Skies judged and learned from at once."""
    turns: int = 10
    """Random rotations of the sky."""
    runs: tuple[str, ...] = ()
    """Networks to turn skies for beside the packaged one: run folders."""


def rate(work: Callable[[], object], skies: int) -> float:
    """Skies a second of processor time, after a warm-up."""
    work()
    start = time.process_time()
    work()
    return skies / (time.process_time() - start)


def network_rates(recipe_name: str, skies: Table, batch_size: int) -> tuple[float, float]:
    """Skies a second that a recipe's network judges and learns from, encoding included."""
    recipe, schema = STUDY.recipe(recipe_name), STUDY.simulator.schema
    codec = recipe.given_codec.build(schema.select(SEEN))
    codec.fit(to_tensors(skies, schema.select(SEEN)), {})
    model = recipe.model.build(2, codec.size)
    target = torch.eye(2)[torch.from_numpy(skies["kind"])]
    parts = [slice(i, i + batch_size) for i in range(0, len(target), batch_size)]

    def judge() -> None:
        model.eval()
        with torch.no_grad():
            for part in parts:
                model(codec.encode(to_tensors(skies, schema.select(SEEN), part), {}))

    def learn() -> None:
        model.train()
        for part in parts:
            [(_, loss)] = model.losses(target[part], codec.encode(to_tensors(skies, schema.select(SEEN), part), {}))
            loss.backward()

    return rate(judge, len(target)), rate(learn, len(target))


def turned(skies: Table, random: np.random.Generator) -> Table:
    """The same skies, all turned alike."""
    lon, lat = lon_lat_deg(unit_vectors(skies["lon_deg"].values, skies["lat_deg"].values) @ random_rotation(random).T)
    return skies | {"lon_deg": Ragged(lon, skies["lon_deg"].offsets), "lat_deg": Ragged(lat, skies["lat_deg"].offsets)}


def main(options: Options) -> None:
    """Time and print."""
    torch.set_num_threads(1)
    toy, random = Toy(), np.random.default_rng(1)
    theta = toy.prior(options.skies, random)
    skies = theta | toy.simulate(theta, random)
    print(f"toy simulation: {rate(lambda: toy.simulate(theta, random), options.skies):.0f} skies/s")
    for name in STUDY.recipes:
        judged, learned = network_rates(name, skies, options.batch_size)
        print(f"{name}: judges {judged:.0f} skies/s, learns from {learned:.0f} skies/s")
    for network in ("cosmic_ray_sky", *options.runs):
        model = cc.load(network)
        odds = log_odds(model, skies)
        moved = np.stack([log_odds(model, turned(skies, random)) - odds for _ in range(options.turns)]) / odds.std()
        print(f"{network}, {options.turns} turns: log odds move by {moved.std():.1e} (rms), at most {np.abs(moved).max():.1e} of their spread {odds.std():.2f}")


if __name__ == "__main__":
    main(tyro.cli(Options))
