"""Air showers: their longitudinal profiles, given the primary particle, its energy and its zenith angle."""

from __future__ import annotations

from pathlib import Path

from cloudchamber.studies.airshower.formats import FORMATS
from cloudchamber.studies.airshower.hybrid.simulator import Hybrid
from cloudchamber.studies.airshower.parametrised import Parametrised
from cloudchamber.study import Study, referring

refer = referring(__name__)

STUDY = Study(
    name="airshower",
    title="Air-shower profiles",
    simulators={"hybrid": Hybrid, "parametrised": Parametrised},
    peers=("parametrised",),
    recipes={name: refer(f"recipes:{name}") for name in ("matching", "flow", "wgan")},
    default_recipe="matching",
    checks=refer("observables:checks"),
    plots=refer("plots.report:plots"),
    folder=Path(__file__).parent,
    formats=FORMATS,
    quick={"tables": "packaged"},
    enough=5000,
)
