"""How the networks that judge a sky are built and fitted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from cloudchamber.models.heads import Categorical
from cloudchamber.models.recipe import Fit, Optimiser, Recipe
from cloudchamber.nn.codec import Columns
from cloudchamber.nn.sets import EventAnchors
from cloudchamber.nn.sphere import DeepSphere
from cloudchamber.studies.cosmic_ray_sky.codec import SkyEvents, SkyMap
from cloudchamber.studies.cosmic_ray_sky.columns import SEEN


def events() -> Recipe:
    """Templates laid over the sky at its own highest energies: cannot tell how the sky is turned, takes any number of cosmic rays, knows the exposure."""
    return Recipe(
        name="events",
        doc="rotation-invariant network on the cosmic rays themselves",
        target=("kind",),
        given=SEEN,
        target_codec=Columns(),
        given_codec=SkyEvents(),
        model=Categorical(hidden=32, layers=1, body=EventAnchors()),
        fit=Fit(epochs=8, batch_size=32, optimisers={"": Optimiser("adam", learning_rate=3e-3)}, schedule="cosine", average_decay=0.998),
        search=events_space(),
    )


def deepsphere() -> Recipe:
    """The founding talk's method: spherical convolutions on a HEALPix map of numbers and energies (six of order 5, average pooling, a statistical layer)."""
    return replace(
        events(),
        name="deepsphere",
        doc="graph convolutions on HEALPix maps, NSIDE 64 (DeepSphere; RWTH 2019)",
        given_codec=SkyMap(),
        model=Categorical(layers=0, body=DeepSphere()),
        fit=Fit(epochs=6, batch_size=32, optimisers={"": Optimiser("adam", learning_rate=1e-3)}, schedule="cosine", average_decay=0.998),
        search=deepsphere_space(),
    )


def events_space() -> Mapping[str, Any]:
    """What ``tune`` searches for ``events``."""
    return {
        "model.body.anchors": {"choices": [128, 256, 384]},
        "model.body.angles": {"choices": [8, 12, 16]},
        "model.body.hidden": {"choices": [16, 32, 64]},
        "model.body.layers": {"choices": [1, 2, 3]},
        "fit.optimisers.learning_rate": {"low": 3e-4, "high": 1e-2, "log": True},
    }


def deepsphere_space() -> Mapping[str, Any]:
    """The talk's random search: number of convolutions, order, pooling, activation, dropout, learning rate."""
    return {
        "model.body.channels": {"choices": [[16, 64, 64], [8, 32, 64, 64], [8, 16, 64, 64, 64, 64]]},
        "model.body.order": {"choices": [3, 5, 10]},
        "model.body.pooling": {"choices": ["average", "max"]},
        "model.body.activation": {"choices": ["relu", "leaky_relu", "elu"]},
        "model.body.dropout": {"choices": [0.2, 0.3, 0.4]},
        "model.layers": {"choices": [0, 1, 2]},
        "fit.optimisers.learning_rate": {"choices": [1e-5, 1e-4, 1e-3]},
    }
