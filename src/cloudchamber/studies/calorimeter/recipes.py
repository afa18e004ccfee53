"""How the surrogates of calorimeter showers are built and fitted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from cloudchamber.models.flow import Flow
from cloudchamber.models.gan import Gan
from cloudchamber.models.gan_networks import ImageNetworks
from cloudchamber.models.matching import Matching
from cloudchamber.models.recipe import Fit, Optimiser, Recipe
from cloudchamber.models.stages import Stages
from cloudchamber.studies.calorimeter.codecs.beam import ENERGY, GIVEN, IMPACT, FoldedBeam
from cloudchamber.studies.calorimeter.codecs.deposits import Deposits
from cloudchamber.studies.calorimeter.codecs.image import Image

TOTAL = Flow(transforms=2, bins=12, hidden=64, layers=1, linear=False, affine=True)
"""The leakage, and with it the total energy: one number, but the one that is looked at most."""


def flow() -> Recipe:
    """Neural spline flows: the total energy first, then how the crystals share it."""
    return Recipe(
        name="flow",
        doc="two neural spline flows: the total energy, then how the crystals share it",
        target=("deposit_mev",),
        given=GIVEN,
        target_codec=Deposits(),
        given_codec=FoldedBeam(),
        model=Stages(TOTAL, Flow(transforms=5, bins=4, hidden=96, layers=1, affine=True)),
        fit=Fit(epochs=16, batch_size=1024, optimisers={"": Optimiser(learning_rate=2e-3)}, schedule="cosine", warmup_epochs=0.5, average_decay=0.999),
        search=flow_space(),
    )


def matching() -> Recipe:
    """Flow matching for the shares: a neural ODE whose accuracy is chosen when sampling."""
    return replace(
        flow(),
        name="matching",
        doc="a spline flow for the total energy, conditional flow matching (neural ODE) for how the crystals share it",
        model=Stages(TOTAL, Matching(hidden=192, layers=3, steps=8)),
        fit=Fit(epochs=60, batch_size=512, optimisers={"": Optimiser(learning_rate=2e-3)}, schedule="cosine", warmup_epochs=0.5, average_decay=0.999),
        search=matching_space(),
    )


def wgan() -> Recipe:
    """The talk's networks without its constrainers."""
    adam = Optimiser("adam", learning_rate=2e-4, betas=(0.0, 0.9))
    return replace(
        flow(),
        name="wgan",
        doc="conditional WGAN-GP on images of the array",
        target_codec=Image(),
        model=Gan(networks=ImageNetworks(channels=1, length=25, width=32, hidden=128), latent=32, critic_steps=3),
        fit=Fit(epochs=30, batch_size=384, optimisers={"": adam}, schedule="constant", clip_norm=None, average_decay=0.999),
        search={},
    )


def wgan_constrained() -> Recipe:
    """The talk's method: two further networks see to the energy and the position that images tell."""
    plain = wgan()
    assert isinstance(plain.model, Gan)
    return replace(
        plain,
        name="wgan_constrained",
        doc="conditional WGAN-GP with energy and position constrainers (KIT 2020)",
        model=replace(plain.model, constrainers={"energy": ENERGY, "position": IMPACT}),
        search={},
    )


def flow_space() -> Mapping[str, Any]:
    """What ``tune`` searches for ``flow``."""
    return {
        "model.first.bins": {"choices": [8, 12, 16]},
        "model.second.transforms": {"choices": [4, 5, 6, 8]},
        "model.second.bins": {"choices": [4, 6, 8]},
        "model.second.hidden": {"choices": [64, 96, 128]},
        "fit.optimisers.learning_rate": {"low": 5e-4, "high": 5e-3, "log": True},
    }


def matching_space() -> Mapping[str, Any]:
    """What ``tune`` searches for ``matching``."""
    return {
        "model.second.hidden": {"choices": [128, 192, 256]},
        "model.second.layers": {"choices": [2, 3, 4]},
        "fit.optimisers.learning_rate": {"low": 5e-4, "high": 5e-3, "log": True},
    }
