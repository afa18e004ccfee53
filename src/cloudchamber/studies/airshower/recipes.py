"""How the surrogates of air showers are built and fitted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from cloudchamber.models.flow import Flow
from cloudchamber.models.gan import Gan
from cloudchamber.models.gan_networks import ConvNetworks
from cloudchamber.models.matching import Matching
from cloudchamber.models.recipe import Fit, Optimiser, Recipe
from cloudchamber.nn.codec import Columns
from cloudchamber.studies.airshower.codecs.profile_codec import PROFILES, Profiles
from cloudchamber.studies.airshower.codecs.profile_grid import ProfileGrid
from cloudchamber.studies.airshower.columns import X

GIVEN = ("primary", "lg_energy_ev", "zenith_deg")


def flow() -> Recipe:
    """A neural spline flow over scalars and principal components of the profiles' shapes."""
    return Recipe(
        name="flow",
        doc="neural spline flow over scalars and principal components of the profiles",
        target=tuple(X),
        given=GIVEN,
        target_codec=Profiles(),
        given_codec=Columns(),
        model=Flow(transforms=6, bins=6, hidden=96, layers=2),
        fit=Fit(epochs=40, batch_size=1024, optimisers={"": Optimiser(learning_rate=2e-3)}, schedule="cosine", average_decay=0.999),
        search=flow_space(),
    )


def matching() -> Recipe:
    """Conditional flow matching on the flow's numbers: a neural ODE whose accuracy is chosen when sampling."""
    return replace(
        flow(),
        name="matching",
        doc="conditional flow matching (neural ODE) over scalars and principal components of the profiles",
        model=Matching(hidden=320, layers=3, steps=16),
        fit=Fit(epochs=120, batch_size=512, optimisers={"": Optimiser(learning_rate=2e-3)}, schedule="cosine", average_decay=0.999),
        search=matching_space(),
    )


def wgan() -> Recipe:
    """The founding talk's method: a conditional Wasserstein GAN with gradient penalty and transposed convolutions, on whole profiles."""
    grid, adam = ProfileGrid(), Optimiser("adam", learning_rate=1e-4, betas=(0.5, 0.9))
    # at so small a learning rate the generator needs many turns: 2 of the critic for each, not the usual 5, double them in the same time
    return replace(
        flow(),
        name="wgan",
        doc="conditional WGAN-GP with transposed convolutions on whole profiles (KIT 2020)",
        target_codec=grid,
        model=Gan(networks=ConvNetworks(len(PROFILES), grid.points, width=32, stages=3, hidden=256, noise_injection=True), latent=64, critic_steps=2),
        fit=Fit(epochs=20, batch_size=128, optimisers={"generator": adam, "critic": adam}, schedule="constant", clip_norm=None, average_decay=0.9995),
        search={},
    )


def matching_space() -> Mapping[str, Any]:
    """What ``tune`` searches for ``matching``."""
    return {
        "model.hidden": {"choices": [192, 256, 320, 448]},
        "model.layers": {"choices": [2, 3, 4]},
        "fit.optimisers.learning_rate": {"low": 5e-4, "high": 5e-3, "log": True},
    }


def flow_space() -> Mapping[str, Any]:
    """What ``tune`` searches for ``flow``."""
    return {
        "model.transforms": {"choices": [4, 6, 8]},
        "model.bins": {"choices": [4, 6, 8, 12]},
        "model.hidden": {"choices": [64, 96, 128]},
        "fit.optimisers.learning_rate": {"low": 5e-4, "high": 5e-3, "log": True},
    }
