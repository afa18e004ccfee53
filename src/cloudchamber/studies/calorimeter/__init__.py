"""Calorimeter showers: the energy in each crystal of an array, given the particle that comes in."""

from __future__ import annotations

from pathlib import Path

from cloudchamber.studies.calorimeter.formats.samples import FORMATS
from cloudchamber.studies.calorimeter.formats.schema import schema_of
from cloudchamber.studies.calorimeter.geant4.simulator import Geant4
from cloudchamber.studies.calorimeter.gflash.simulator import Gflash
from cloudchamber.study import Study, referring

refer = referring(__name__)

STUDY = Study(
    name="calorimeter",
    title="Calorimeter showers",
    simulators={"gflash": Gflash, "geant4": Geant4},
    peers=("gflash",),
    recipes={name: refer(f"recipes:{name}") for name in ("flow", "matching", "wgan", "wgan_constrained")},
    default_recipe="flow",
    checks=refer("observables:checks"),
    plots=refer("plots:plots"),
    folder=Path(__file__).parent,
    formats=FORMATS,
    schema_of=schema_of,
    protocols={"calochallenge": refer("challenge.protocol:calochallenge")},
    enough=20_000,
)
