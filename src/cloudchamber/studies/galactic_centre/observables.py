"""What a posterior of the Galactic Centre must keep: it is calibrated, and tells more than the prior."""

from __future__ import annotations

from collections.abc import Sequence

from cloudchamber.studies.galactic_centre.columns import TARGET, theta_columns
from cloudchamber.validate.check import Check
from cloudchamber.validate.posterior import posterior_checks


def checks() -> Sequence[Check]:
    """The checks of this study's reports; those of one parameter can be made of answers about it alone."""
    columns = {name: column for name, column in theta_columns().items() if name in TARGET}
    alone = {check.name: check for name, column in columns.items() for check in posterior_checks({name: column}, density=False)}
    together = posterior_checks(columns, density=False)
    return tuple(check if check.name.startswith("joint") else alone[check.name] for check in together)
