"""A user's own problem, made from arrays: no plug-in, the schema comes from what was given."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cloudchamber.schema import Schema, Table
from cloudchamber.study import OWN, Study

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from cloudchamber.validate.check import Check


@dataclass(frozen=True)
class Given:
    """Events that were given as arrays: there is nothing to simulate more of them with."""

    columns: Schema

    @property
    def schema(self) -> Schema:
        """The columns of theta and of x."""
        return self.columns

    def prior(self, n: int, rng: np.random.Generator) -> Table:
        """ValueError."""
        raise ValueError("this run learned from arrays, so that no more events can be made here: give events, as a store, a file or arrays")

    def simulate(self, theta: Table, rng: np.random.Generator) -> Table:
        """ValueError."""
        return self.prior(0, rng)


def make_study(schema: Schema, target: Collection[str]) -> Study:
    """The study of a run with this schema that answers with the columns ``target``."""

    def checks() -> Sequence[Check]:
        from cloudchamber.studies.own.checks import checks_of

        return checks_of(schema, target)

    def plots(truth: Table, answers: Mapping[str, Table]) -> dict[str, Figure]:
        from cloudchamber.studies.own.plots import plots_of

        return plots_of(schema, target, truth, answers)

    return Study(
        name=OWN,
        title="Your own arrays",
        simulators={"given": partial(Given, schema)},
        recipes={},
        default_recipe="",
        checks=checks,
        plots=plots,
        folder=Path(__file__).parent,
    )
