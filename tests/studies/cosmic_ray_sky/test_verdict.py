from __future__ import annotations

import numpy as np
import torch

from cloudchamber.run.trained import TrainedModel, to_tensors
from cloudchamber.schema import concatenate
from cloudchamber.studies.cosmic_ray_sky.toy import Toy
from cloudchamber.studies.cosmic_ray_sky.verdict import log_odds, relevance_of_events


def skies(n: int = 4) -> dict:
    toy, random = Toy(n=120, signal=(20, 30)), np.random.default_rng(2)
    theta = toy.prior(n, random)
    return theta | toy.simulate(theta, random)


def test_log_odds_are_those_of_the_probabilities(network: TrainedModel) -> None:
    table = skies()
    with torch.no_grad():
        probability = network.model(network.given_codec.encode(to_tensors(table, network.given_columns), {})).probabilities().numpy()
    assert np.allclose(log_odds(network, table), np.log(probability[:, 1] / probability[:, 0]), rtol=1e-4, atol=1e-4)


def test_log_odds_do_not_depend_on_the_other_skies(network: TrainedModel) -> None:
    many = concatenate([skies(40), skies(3)])
    assert np.allclose(log_odds(network, many)[:4], log_odds(network, {name: column[:4] for name, column in many.items()}), rtol=1e-4, atol=1e-4)


def test_relevance_of_cosmic_rays_and_constants_sums_to_the_log_odds(network: TrainedModel) -> None:
    table = skies()
    relevance, absorbed = relevance_of_events(network, table)
    assert np.array_equal(relevance.offsets, table["lon_deg"].offsets)
    total = np.add.reduceat(relevance.values, relevance.offsets[:-1]) + absorbed
    # the log odds themselves are those of single precision
    assert np.allclose(total, log_odds(network, table), rtol=1e-3, atol=1e-3)
    assert np.abs(relevance.values).max() > 0
