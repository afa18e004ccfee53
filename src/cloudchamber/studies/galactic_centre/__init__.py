"""The Galactic Centre's gamma-ray excess: how much of it are point sources, from maps of photon counts."""

from __future__ import annotations

from pathlib import Path

from cloudchamber.studies.galactic_centre.columns import schema_of
from cloudchamber.studies.galactic_centre.formats import FORMATS
from cloudchamber.studies.galactic_centre.sky.diffuse_sky import DiffuseSky
from cloudchamber.studies.galactic_centre.sky.random_sky import RandomSky
from cloudchamber.studies.galactic_centre.sky.template_sky import TemplateSky
from cloudchamber.study import Study, referring

refer = referring(__name__)

STUDY = Study(
    name="galactic_centre",
    title="The Galactic Centre's gamma-ray excess",
    simulators={"random": RandomSky, "templates": TemplateSky, "diffuse": DiffuseSky},
    recipes={name: refer(f"recipes:{name}") for name in ("posterior", "summaries", "fsrc_cnn", "diffuse")},
    default_recipe="posterior",
    checks=refer("observables:checks"),
    plots=refer("plots:plots"),
    folder=Path(__file__).parent,
    formats=FORMATS,
    infer=refer("findings:MapFinder"),
    enough=2000,
    schema_of=schema_of,
)
