"""Air showers seen by a surface array: the primary from the stations' waveforms, beside a parametric fit."""

from __future__ import annotations

from pathlib import Path

from cloudchamber.studies.surface_array.array.simulator import SurfaceArray
from cloudchamber.studies.surface_array.formats import FORMATS, schema_of
from cloudchamber.study import Study, referring

refer = referring(__name__)

STUDY = Study(
    name="surface_array",
    title="Air showers on a surface array",
    simulators={"scintillators": SurfaceArray},
    recipes={name: refer(f"recipes:{name}") for name in ("waveform_net", "ta_cnn")},
    default_recipe="waveform_net",
    checks=refer("observables:checks"),
    plots=refer("plots.report:plots"),
    folder=Path(__file__).parent,
    formats=FORMATS,
    infer=refer("findings:ArrayFinder"),
    schema_of=schema_of,
    enough=10_000,
)
