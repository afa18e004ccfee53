"""Trained models of a small study with every kind of column."""

from __future__ import annotations

import numpy as np
import torch
from toy_study import sets

from cloudchamber.models.flow import Flow
from cloudchamber.models.gan import Gan
from cloudchamber.models.gan_networks import ConvNetworks, DenseNetworks
from cloudchamber.models.heads import Categorical, Gaussian, Mixture
from cloudchamber.models.matching import Matching
from cloudchamber.models.recipe import ModelSettings, Recipe
from cloudchamber.models.vae import Vae
from cloudchamber.nn.codec import Columns
from cloudchamber.nn.tensors import to_tensors
from cloudchamber.run.domain import Domain, SetDomain, domain_of
from cloudchamber.run.network import TrainedNetwork
from cloudchamber.schema import Column, Schema, Table, check_table

SCHEMA = Schema(
    theta={"primary": Column(categories=("p", "Fe", "photon")), "lge": Column(unit="lg(eV)", low=15, high=20)},
    x={"profile": Column(shape=(2, 5), low=0), "share": Column(low=0, high=1), "xmax": Column(unit="g/cm2"), "muons": Column(dtype="int64")},
)
MODELS: dict[str, ModelSettings] = {
    "flow": Flow(transforms=2, hidden=16, layers=1),
    "autoregressive": Flow(transforms=2, hidden=16, layers=1, passes=3),
    "matching": Matching(hidden=16, layers=1, steps=3),
    "vae": Vae(latent=3, hidden=16, layers=1),
    "gan": Gan(networks=DenseNetworks(hidden=16, layers=1), latent=3),
    "conv": Gan(networks=ConvNetworks(2, 5, width=4, stages=2, hidden=16, noise_injection=True, dense=True), latent=3),
    "gaussian": Gaussian(hidden=16, layers=1),
    "mixture": Mixture(components=2, hidden=16, layers=1),
}


def events(n: int, seed: int = 0) -> Table:
    generator = np.random.default_rng(seed)
    table = {
        "primary": generator.integers(0, 2, n),
        "lge": generator.uniform(17, 19, n),
        "profile": generator.lognormal(size=(n, 2, 5)),
        "share": generator.uniform(size=n),
    }
    table |= {"xmax": generator.normal(700, 60, n), "muons": generator.poisson(100, n)}
    return check_table(table, SCHEMA.columns)


def recipe(name: str) -> Recipe:
    if name == "classes":
        return Recipe(name, "which primary", ("primary",), ("profile", "xmax"), Columns(), Columns({"profile": "log"}), Categorical(hidden=16))
    codec = Columns({"profile": "log", "share": "logit"})
    return Recipe(name, "showers", ("profile", "share", "xmax", "muons"), ("primary", "lge"), codec, Columns(), MODELS[name])


def trained(name: str, seed: int = 0) -> TrainedNetwork:
    """Codecs fitted; weights random, but not those that make an untrained model the identity."""
    return _trained("small", recipe(name), SCHEMA, events(500), {"lge": (17.0, 19.0)}, seed)


def hits(n: int, seed: int = 0) -> Table:
    """Sets of hits, in the schema of a study of its own."""
    generator = np.random.default_rng(seed)
    theta = sets.Hits().prior(n, generator)
    return check_table(theta | sets.Hits().simulate(theta, generator), sets.SCHEMA.columns)


def trained_on_sets(name: str = "classes") -> TrainedNetwork:
    """The same for a model that is given sets."""
    domain: Domain = {"time_us": SetDomain((0.0, 100.0), (2, 40)), "charge_pe": SetDomain((0.3, 30.0), (2, 40))}
    return _trained("toy_sets", sets.STUDY.recipe(name), sets.SCHEMA, hits(500), domain)


def _trained(study: str, made: Recipe, schema: Schema, table: Table, known: Domain, seed: int = 0) -> TrainedNetwork:
    torch.manual_seed(seed)
    given, target = schema.select(made.given), schema.select(made.target)
    given_codec, target_codec = made.given_codec.build(given), made.target_codec.build(target)
    given_codec.fit(to_tensors(table, given), {})
    target_codec.fit(to_tensors(table, target), to_tensors(table, given))
    model = made.model.build(target_codec.size, given_codec.size)
    for parameter in model.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    domain = domain_of(table, given) | {name: entry for name, entry in known.items() if name in given}
    return TrainedNetwork(study, made, schema, given_codec, target_codec, model.eval(), domain, seed=5)
