"""What the commands do, as functions of the same names that take and return typed values."""

from __future__ import annotations

from cloudchamber.workflow.conversion import convert
from cloudchamber.workflow.demo import demo
from cloudchamber.workflow.ensembling import ensemble
from cloudchamber.workflow.inference import infer
from cloudchamber.workflow.injection import inject
from cloudchamber.workflow.listing import list_studies
from cloudchamber.workflow.sampling import export, sample
from cloudchamber.workflow.simulation import simulate
from cloudchamber.workflow.streaming import stream
from cloudchamber.workflow.training import train
from cloudchamber.workflow.tuning import tune
from cloudchamber.workflow.upgrading import upgrade
from cloudchamber.workflow.validation import validate

__all__ = [
    "against",
    "convert",
    "demo",
    "ensemble",
    "export",
    "infer",
    "inject",
    "list_studies",
    "sample",
    "simulate",
    "stream",
    "train",
    "tune",
    "upgrade",
    "validate",
]
