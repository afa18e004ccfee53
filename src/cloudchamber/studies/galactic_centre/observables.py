"""What a posterior of the Galactic Centre must keep: it is calibrated, and tells more than the prior; and what drawn diffuse emission must."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cloudchamber.studies.galactic_centre.columns import SHAPES, TARGET, theta_columns
from cloudchamber.studies.galactic_centre.surrogate.checks import shape_checks
from cloudchamber.validate.check import Check
from cloudchamber.validate.posterior import posterior_checks


def checks() -> Sequence[Check]:
    """Of all views, each made where a run has its columns."""
    views = {("counts",): counts_checks(), SHAPES: shape_checks()}
    return [replace(check, columns=columns) for columns, made in views.items() for check in made]


def counts_checks() -> Sequence[Check]:
    """Of what is inferred from counts; those of one parameter can be made of answers about it alone."""
    columns = {name: column for name, column in theta_columns().items() if name in TARGET}
    alone = {check.name: check for name, column in columns.items() for check in posterior_checks({name: column}, density=False)}
    together = posterior_checks(columns, density=False)
    return tuple(check if check.name.startswith("joint") else alone[check.name] for check in together)
