"""Bolometers in space: the background of cosmic rays in their data, over the solar cycle."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from cloudchamber.studies.bolometer.detector import PLANCK
from cloudchamber.studies.bolometer.formats import FORMATS
from cloudchamber.studies.bolometer.glitches.columns import schema_of
from cloudchamber.studies.bolometer.glitches.reader import GLITCHES_FORMAT
from cloudchamber.studies.bolometer.glitches.view import GlitchView
from cloudchamber.studies.bolometer.streams.data import WaferStream
from cloudchamber.studies.bolometer.views.hits import HitsView
from cloudchamber.studies.bolometer.views.windows import WindowsView
from cloudchamber.study import Study, referring

refer = referring(__name__)

GENERATORS = ("crab_gan", "crab_wgan", "vae_gaussian", "vae_bernoulli_1", "vae_bernoulli_2", "matching_windows")
"""Recipes of whole windows."""

STUDY = Study(
    name="bolometer",
    title="Cosmic rays in bolometers",
    simulators={
        "hits": HitsView,
        "windows": WindowsView,
        "planck_hits": partial(HitsView, detector=PLANCK),
        "planck_windows": partial(WindowsView, detector=PLANCK),
        "glitches": GlitchView,
    },
    recipes={
        "events": refer("recipes:events"),
        "flow": refer("recipes:flow"),
        "glitches": refer("glitches.recipe:glitches"),
        **{name: refer(f"generators.recipes:{name}") for name in GENERATORS},
    },
    checks=refer("observables:checks"),
    plots=refer("plots:plots"),
    folder=Path(__file__).parent,
    formats=(*FORMATS, GLITCHES_FORMAT),
    infer=refer("glitches.findings:GlitchFinder"),
    schema_of=schema_of,
    enough={"hits": 60_000, "planck_hits": 60_000, "windows": 400, "planck_windows": 400},
    streams={"wafer": WaferStream, "planck": partial(WaferStream, detector=PLANCK)},
)
