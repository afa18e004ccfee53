"""Learned surrogates and inference for astroparticle physics.

An event is a pair (theta, x): what was, and what the detector saw. A surrogate learns p(x | theta), an inference network p(theta | x).

    import cloudchamber as cc

    study = cc.find_study("airshower")
    theta = study.simulator.prior(1000, cc.rng(1))
    x = cc.load("airshower").sample(theta, seed=1)

The commands ``simulate``, ``train``, ``validate``, ``sample``, ... are the functions of ``cc.workflow``.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from cloudchamber.cache import keep_compiled
from cloudchamber.rng import rng

if TYPE_CHECKING:
    from cloudchamber import workflow
    from cloudchamber.geometry import Healpix, Wcs
    from cloudchamber.hub import load
    from cloudchamber.models.recipe import Fit, Optimiser, Recipe
    from cloudchamber.run.quick import Quick
    from cloudchamber.run.trained import TrainedModel
    from cloudchamber.schema import Column, Ragged, Schema, Table, check_table
    from cloudchamber.store.read import Store
    from cloudchamber.store.write import StoreWriter
    from cloudchamber.study import Finder, Findings, Format, Simulator, Study, find_study, register, study_names
    from cloudchamber.study_file import register_file
    from cloudchamber.validate.check import Check
    from cloudchamber.workflow.fitting import Uniform, fit

__version__ = "0.1.0"

__all__ = [
    "fit", "Uniform", "find_study", "study_names", "register", "register_file", "load", "rng", "workflow",
    "Table", "Ragged", "Column", "Schema", "check_table", "Healpix", "Wcs",
    "Study", "Simulator", "Format", "Finder", "Findings", "Check", "Recipe", "Fit", "Optimiser", "TrainedModel", "Quick", "Store", "StoreWriter",
]  # fmt: skip

keep_compiled()

_HOMES = {
    "hub": ("load",),
    "geometry": ("Healpix", "Wcs"),
    "models.recipe": ("Fit", "Optimiser", "Recipe"),
    "run.quick": ("Quick",),
    "run.trained": ("TrainedModel",),
    "schema": ("Column", "Ragged", "Schema", "Table", "check_table"),
    "store.read": ("Store",),
    "store.write": ("StoreWriter",),
    "study": ("Finder", "Findings", "Format", "Simulator", "Study", "find_study", "register", "study_names"),
    "study_file": ("register_file",),
    "validate.check": ("Check",),
    "workflow.fitting": ("Uniform", "fit"),
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that ``import cloudchamber`` and ``--help`` need no torch."""
    if name == "workflow":
        return importlib.import_module("cloudchamber.workflow")
    for home, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(f"cloudchamber.{home}"), name)
    raise AttributeError(f"module 'cloudchamber' has no attribute '{name}'; it has: {', '.join(__all__)}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
