"""The cosmic-ray sky: sources among a thousand cosmic rays, from arrival directions and energies."""

from __future__ import annotations

from pathlib import Path

from cloudchamber.studies.cosmic_ray_sky.formats import FORMATS
from cloudchamber.studies.cosmic_ray_sky.skies.lensed import Lensed
from cloudchamber.studies.cosmic_ray_sky.skies.toy import Toy
from cloudchamber.studies.cosmic_ray_sky.skies.universe import Universe
from cloudchamber.studies.cosmic_ray_sky.skies.varied import Varied
from cloudchamber.study import Study, referring

refer = referring(__name__)

STUDY = Study(
    name="cosmic_ray_sky",
    title="Sources in the cosmic-ray sky",
    simulators={"toy": Toy, "varied": Varied, "jf12": Lensed, "universe": Universe},
    recipes={name: refer(f"recipes:{name}") for name in ("events", "deepsphere")},
    default_recipe="events",
    checks=refer("observables:checks"),
    plots=refer("plots:plots"),
    folder=Path(__file__).parent,
    formats=FORMATS,
    infer=refer("findings:SkyFinder"),
)
