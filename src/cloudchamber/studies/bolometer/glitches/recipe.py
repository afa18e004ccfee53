"""The network that judges candidates of the matched filter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cloudchamber.models.labelled import LabelledMixture
from cloudchamber.models.recipe import Fit, Optimiser, Recipe
from cloudchamber.studies.bolometer.glitches.codec import GIVEN, TARGET, Candidates, Verdicts
from cloudchamber.studies.bolometer.glitches.columns import GLITCHES


def glitches() -> Recipe:
    """Whether a candidate is a pulse, of which family, when and how high: all with their errors."""
    return Recipe(
        name="glitches",
        doc="what a matched filter's candidate is: noise or a pulse of a family, its time and height with their errors",
        target=TARGET,
        given=GIVEN,
        target_codec=Verdicts(),
        given_codec=Candidates(),
        model=LabelledMixture(classes=len(GLITCHES), components=2, hidden=128, layers=2, tails=True),
        fit=Fit(
            epochs=16,
            batch_size=512,
            optimisers={"": Optimiser(learning_rate=1.5e-3, weight_decay=1e-2)},
            schedule="cosine",
            warmup_epochs=0.5,
            average_decay=0.999,
        ),
        search=glitches_space(),
    )


def glitches_space() -> Mapping[str, Any]:
    """What ``tune`` searches for ``glitches``."""
    return {
        "model.hidden": {"choices": [96, 128, 192]},
        "model.layers": {"choices": [2, 3, 4]},
        "model.components": {"choices": [1, 2, 3]},
        "fit.optimisers.learning_rate": {"low": 5e-4, "high": 5e-3, "log": True},
    }
