"""How the networks that tell what shines at the Galactic Centre, and the surrogate of its diffuse emission, are built and fitted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from cloudchamber.models.flow import Flow
from cloudchamber.models.heads import Gaussian
from cloudchamber.models.matching import Matching
from cloudchamber.models.recipe import Fit, Optimiser, Recipe
from cloudchamber.models.white import White
from cloudchamber.nn.codec import Columns
from cloudchamber.nn.maps import MapConvolutions, PooledMaps
from cloudchamber.studies.galactic_centre.codecs.both import ImagesAndSummaries
from cloudchamber.studies.galactic_centre.codecs.maps import MapImages
from cloudchamber.studies.galactic_centre.codecs.ranges import Ranges
from cloudchamber.studies.galactic_centre.codecs.shapes import Shapes
from cloudchamber.studies.galactic_centre.codecs.summaries import Summaries
from cloudchamber.studies.galactic_centre.columns import EDGES_GEV, GIVEN, SHAPES, SHAPES_NSIDE, TARGET, x_columns
from cloudchamber.studies.galactic_centre.diffuse.parameters import GAS_AND_LIGHT
from cloudchamber.studies.galactic_centre.diffuse.parameters import PARAMETERS as DIFFUSE

STATISTICS = ImagesAndSummaries().numbers(x_columns(len(EDGES_GEV) - 1, 128))
"""Numbers after the images of the default bins and pixels."""


def posterior() -> Recipe:
    """Convolutions on native, equal pixels, statistics of the maps, and a flow over all parameters."""
    return Recipe(
        name="posterior",
        doc="equal-area convolutions on maps by energy, statistics of them, and a flow over 16 parameters",
        target=TARGET,
        given=GIVEN,
        target_codec=Ranges(),
        given_codec=ImagesAndSummaries(),
        model=Flow(transforms=5, hidden=96, body=MapConvolutions(maps=6, numbers=STATISTICS, dropout=0.2)),
        fit=Fit(
            epochs=10,
            batch_size=128,
            optimisers={"": Optimiser(learning_rate=1.5e-3)},
            schedule="cosine",
            warmup_epochs=0.5,
            average_decay=0.998,
            validation_fraction=0.08,
        ),
        search=posterior_space(),
    )


def summaries() -> Recipe:
    """Statistics that physicists use, and the same flow."""
    return replace(
        posterior(),
        name="summaries",
        doc="counts by region and variation by scale, and a flow over 16 parameters",
        given_codec=Summaries(),
        model=Flow(transforms=5, hidden=64),
        fit=replace(posterior().fit, epochs=16, batch_size=256),
        search=summaries_space(),
    )


def fsrc_cnn() -> Recipe:
    """The founding talk's network: the share of point sources alone, by least squares, from images as they are."""
    return replace(
        posterior(),
        name="fsrc_cnn",
        doc="convolutions with max pooling and local response normalisation, f_src alone (S. Caron 2018)",
        target=("f_src",),
        given_codec=MapImages(radius_deg=28.0, latitude_deg=0.0, widths=False),
        model=Gaussian("constant", layers=0, body=PooledMaps()),
        fit=replace(posterior().fit, epochs=10, optimisers={"": Optimiser("adam", learning_rate=1e-3, weight_decay=1e-4)}),
        search=fsrc_cnn_space(),
    )


def diffuse() -> Recipe:
    """Flow matching for profiles, long waves and the strength of small scales; the small scales themselves are noise."""
    return Recipe(
        name="diffuse",
        doc="maps of the diffuse emission: flow matching for long waves and the strength of small scales, which are noise",
        target=SHAPES,
        given=GAS_AND_LIGHT,
        target_codec=Shapes(),
        given_codec=Columns({name: "log" for name in GAS_AND_LIGHT if DIFFUSE[name].logarithmic}),
        model=White(Matching(hidden=144, layers=3, steps=3), Shapes().numbers(SHAPES_NSIDE)),
        fit=Fit(
            epochs=200,
            batch_size=256,
            optimisers={"": Optimiser(learning_rate=2e-3)},
            schedule="cosine",
            warmup_epochs=0.5,
            average_decay=0.998,
            validation_fraction=0.05,
        ),
        search=diffuse_space(),
    )


def posterior_space() -> Mapping[str, Any]:
    """What ``tune`` searches for ``posterior``."""
    return {
        "model.body.channels": {"choices": [[16, 32, 48, 64], [16, 32, 48, 64, 64], [24, 48, 64, 96, 96]]},
        "model.body.size": {"choices": [32, 64, 128]},
        "model.transforms": {"choices": [3, 5, 8]},
        "fit.optimisers.learning_rate": {"low": 3e-4, "high": 4e-3, "log": True},
    }


def summaries_space() -> Mapping[str, Any]:
    """What ``tune`` searches for ``summaries``."""
    return {
        "model.transforms": {"choices": [3, 5, 8]},
        "model.hidden": {"choices": [64, 128, 256]},
        "fit.optimisers.learning_rate": {"low": 3e-4, "high": 4e-3, "log": True},
    }


def fsrc_cnn_space() -> Mapping[str, Any]:
    """The talk's choices: channels, hidden units, L2."""
    return {
        "model.body.channels": {"choices": [[16, 32, 64], [16, 32, 64, 64], [32, 64, 96, 96]]},
        "model.body.hidden": {"choices": [64, 128, 512]},
        "fit.optimisers.weight_decay": {"low": 1e-6, "high": 1e-2, "log": True},
    }


def diffuse_space() -> Mapping[str, Any]:
    """What ``tune`` searches for ``diffuse``."""
    return {
        "model.model.hidden": {"choices": [96, 144, 192]},
        "model.model.layers": {"choices": [2, 3, 4]},
        "fit.optimisers.learning_rate": {"low": 5e-4, "high": 5e-3, "log": True},
    }
