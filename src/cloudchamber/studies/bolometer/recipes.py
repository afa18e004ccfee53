"""How the surrogates of hits are built and fitted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cloudchamber.models.flow import Flow
from cloudchamber.models.recipe import Fit, Optimiser, Recipe
from cloudchamber.nn.codec import Columns
from cloudchamber.studies.bolometer.detector import Detector
from cloudchamber.studies.bolometer.marks.codec import MARKS, Marks
from cloudchamber.studies.bolometer.marks.layout import Layout
from cloudchamber.studies.bolometer.marks.model import MarkNetworks

NUMBERS = ("waiting_time_s", "deposit_kev", "x_mm", "y_mm", "amplitude_w")
GIVEN = ("phi_mv", "thickness_um", "family")


def events() -> Recipe:
    """A marked Poisson process: what is exactly known of arrivals and places, and networks for all else."""
    layout = Layout.of(Detector())
    return Recipe(
        name="events",
        doc="a marked Poisson process: networks for the rate, the deposit given the Sun's phi, and what each bolometer sees of it by distance",
        target=MARKS,
        given=GIVEN,
        target_codec=Marks(layout),
        given_codec=Columns({}),
        model=MarkNetworks(layout),
        fit=Fit(epochs=4, batch_size=2048, optimisers={"": Optimiser(learning_rate=5e-3)}, schedule="cosine", warmup_epochs=0.2, average_decay=0.995),
        search=events_space(),
    )


def events_space() -> Mapping[str, Any]:
    """What ``tune`` searches for ``events``."""
    return {
        "model.hidden": {"choices": [24, 32, 48]},
        "model.deposit.hidden": {"choices": [16, 24, 48]},
        "fit.optimisers.learning_rate": {"low": 5e-4, "high": 5e-3, "log": True},
    }


def flow() -> Recipe:
    """A neural spline flow of a hit's marks."""
    return Recipe(
        name="flow",
        doc="a neural spline flow of the time to a hit, its deposit, place and height in every bolometer",
        target=NUMBERS,
        given=GIVEN,
        target_codec=Columns({"waiting_time_s": "log", "deposit_kev": "log", "amplitude_w": "log"}),
        given_codec=Columns({}),
        model=Flow(transforms=6, bins=8, hidden=96, layers=2, affine=True),
        fit=Fit(epochs=20, batch_size=1024, optimisers={"": Optimiser(learning_rate=2e-3)}, schedule="cosine", warmup_epochs=0.5, average_decay=0.999),
        search=flow_space(),
    )


def flow_space() -> Mapping[str, Any]:
    """What ``tune`` searches for ``flow``."""
    return {
        "model.transforms": {"choices": [4, 6, 8]},
        "model.bins": {"choices": [6, 8, 12]},
        "model.hidden": {"choices": [64, 96, 128]},
        "fit.optimisers.learning_rate": {"low": 5e-4, "high": 5e-3, "log": True},
    }
