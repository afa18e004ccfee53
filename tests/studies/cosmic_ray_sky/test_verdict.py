from __future__ import annotations

import copy

import numpy as np
import torch

from cloudchamber.nn.tensors import to_tensors
from cloudchamber.run.ensemble import Ensemble
from cloudchamber.run.network import TrainedNetwork
from cloudchamber.schema import concatenate
from cloudchamber.studies.cosmic_ray_sky.skies.toy import Toy
from cloudchamber.studies.cosmic_ray_sky.verdict import log_odds, relevance_of_events


def skies(n: int = 4) -> dict:
    toy, random = Toy(n=120, signal=(20, 30)), np.random.default_rng(2)
    theta = toy.prior(n, random)
    return theta | toy.simulate(theta, random)


def test_log_odds_are_those_of_the_probabilities(network: TrainedNetwork) -> None:
    table = skies()
    with torch.no_grad():
        probability = network.model(network.given_codec.encode(to_tensors(table, network.given_columns), {})).probabilities().numpy()
    assert np.allclose(log_odds(network, table), np.log(probability[:, 1] / probability[:, 0]), rtol=1e-4, atol=1e-4)


def test_an_ensemble_states_the_odds_of_the_mean_probability_and_the_mean_relevance(network: TrainedNetwork) -> None:
    table, other = skies(), copy.deepcopy(network)
    for parameter in other.model.parameters():
        parameter.data *= 0.5
    both = Ensemble([network, other])
    odds = [log_odds(each, table) for each in both.members]
    probability = np.mean([1 / (1 + np.exp(-each)) for each in odds], axis=0)
    assert np.allclose(log_odds(both, table), np.log(probability / (1 - probability)), rtol=1e-3, atol=1e-3)
    relevance, absorbed = relevance_of_events(both, table)
    assert np.allclose(relevance.values, np.mean([relevance_of_events(each, table)[0].values for each in both.members], axis=0))
    assert np.allclose(np.add.reduceat(relevance.values, relevance.offsets[:-1]) + absorbed, log_odds(both, table), rtol=1e-3, atol=1e-3)


def test_log_odds_do_not_depend_on_the_other_skies(network: TrainedNetwork) -> None:
    many = concatenate([skies(40), skies(3)])
    assert np.allclose(log_odds(network, many)[:4], log_odds(network, {name: column[:4] for name, column in many.items()}), rtol=1e-4, atol=1e-4)


def test_relevance_of_cosmic_rays_and_constants_sums_to_the_log_odds(network: TrainedNetwork) -> None:
    table = skies()
    relevance, absorbed = relevance_of_events(network, table)
    assert np.array_equal(relevance.offsets, table["lon_deg"].offsets)
    total = np.add.reduceat(relevance.values, relevance.offsets[:-1]) + absorbed
    # the log odds themselves are those of single precision
    assert np.allclose(total, log_odds(network, table), rtol=1e-3, atol=1e-3)
    assert np.abs(relevance.values).max() > 0
