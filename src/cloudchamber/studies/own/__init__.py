"""A user's own problem, made from arrays: no plug-in, the schema comes from what was given."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from cloudchamber.schema import Schema, Table
from cloudchamber.study import OWN, Study


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


def make_study(schema: Schema) -> Study:
    """The study of a run with this schema."""
    return Study(OWN, "Your own arrays", {"given": partial(Given, schema)}, {})
