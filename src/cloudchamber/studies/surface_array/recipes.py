"""How the networks that reconstruct air showers are built and fitted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from cloudchamber.models.heads import Gaussian
from cloudchamber.models.labelled import LabelledMixture
from cloudchamber.models.recipe import Fit, Optimiser, Recipe
from cloudchamber.nn.patch import TracePatch
from cloudchamber.nn.traces import TraceSet
from cloudchamber.studies.surface_array.codecs.patch import Patch
from cloudchamber.studies.surface_array.codecs.stations import GIVEN, TARGET, Corrections, Stations
from cloudchamber.studies.surface_array.columns import PARTICLES


def waveform_net() -> Recipe:
    """Attention over the stations and their records; particle, direction, energy, core and Xmax with their uncertainties and correlations."""
    return Recipe(
        name="waveform_net",
        doc="attention over stations with encoded waveforms, correcting the parametric fit",
        target=TARGET,
        given=GIVEN,
        target_codec=Corrections(),
        given_codec=Stations(),
        model=LabelledMixture(classes=len(PARTICLES), components=3, body=TraceSet(), tails=True),
        fit=Fit(epochs=12, batch_size=256, optimisers={"": Optimiser(learning_rate=1e-3)}, schedule="cosine", warmup_epochs=0.3, average_decay=0.999),
        search=waveform_net_space(),
    )


def ta_cnn() -> Recipe:
    """The founding lecture's network: convolutions over a patch of the grid about the fitted core, least squares."""
    return replace(
        waveform_net(),
        name="ta_cnn",
        doc="convolutions over a 6 x 6 patch of the grid (O. Kalashev, Telescope Array 2019)",
        target=TARGET[1:],
        given_codec=Patch(),
        model=Gaussian("constant", layers=0, body=TracePatch()),
        fit=Fit(epochs=10, batch_size=256, optimisers={"": Optimiser("adadelta", learning_rate=1.0, weight_decay=1e-5)}, schedule="cosine"),
        search=ta_cnn_space(),
    )


def waveform_net_space() -> Mapping[str, Any]:
    """What ``tune`` searches for ``waveform_net``."""
    return {
        "model.body.width": {"choices": [64, 96, 128]},
        "model.body.blocks": {"choices": [2, 3, 4]},
        "model.body.code": {"choices": [16, 32, 48]},
        "model.components": {"choices": [1, 2, 3]},
        "fit.optimisers.learning_rate": {"low": 3e-4, "high": 3e-3, "log": True},
    }


def ta_cnn_space() -> Mapping[str, Any]:
    """The lecture's search: filters, features, channels, dropout, noise, L2."""
    return {
        "model.body.filters": {"choices": [[8, 16], [16, 32], [32, 64]]},
        "model.body.code": {"choices": [12, 24, 48]},
        "model.body.channels": {"choices": [[32, 64], [48, 64], [64, 64, 64]]},
        "model.body.dropout": {"choices": [0.0, 0.1, 0.3]},
        "model.body.noise": {"choices": [0.0, 0.02, 0.1]},
        "fit.optimisers.weight_decay": {"low": 1e-6, "high": 1e-3, "log": True},
    }
