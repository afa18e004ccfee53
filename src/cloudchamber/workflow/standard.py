"""The checks and figures of a study: its own, or where it has none those that fit any."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from cloudchamber.schema import Schema, Table, events_in
from cloudchamber.study import Study

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from cloudchamber.run.trained import TrainedModel
    from cloudchamber.validate.check import Check

DENSITY_DRAWS = 25
"""So many draws tell where the truth lies among them by density."""
MOST_NUMBERS = 64
"""A density of more numbers, as of an image's pixels, is not looked at."""


def checks_of(study: Study, schema: Schema, target: Collection[str], answer: Table) -> Sequence[Check]:
    """The study's checks of the view that has this ``schema``, or the default ones of an answer with the columns ``target``."""
    if study.checks is not None:
        return [check for check in study.checks() if set(check.columns) <= set(schema.columns)]
    from cloudchamber.validate.defaults import default_checks
    from cloudchamber.validate.posterior import LOG_PROB

    return default_checks(schema, target, LOG_PROB in answer)


def figures_of(study: Study, schema: Schema, target: Collection[str], truth: Table, answers: Mapping[str, Table]) -> dict[str, Figure]:
    """The study's figures, or the default ones."""
    if study.plots is not None:
        return dict(study.plots(truth, answers))
    from cloudchamber.report.defaults import default_figures

    return default_figures(schema, target, truth, answers)


def with_density(study: Study, model: TrainedModel, truth: Table, answer: Table, seed: int) -> Table:
    """The answer, and for the default checks of an inference what its density says of the truth, where the model has one."""
    from cloudchamber.statistics.calibration import posterior_rank
    from cloudchamber.statistics.prior import prior_log_prob
    from cloudchamber.validate.numbers import entries, number_columns
    from cloudchamber.validate.posterior import DENSITY_RANK, LOG_PROB, OWN_LOG_PROB, PRIOR_LOG_PROB

    target = model.target_columns
    numbers = number_columns(target)
    classes = [name for name, column in target.items() if column.categories]
    pixels = any(column.ragged or (column.categories and column.shape) for column in target.values())
    if study.checks is not None or not set(target) <= set(model.schema.theta) or pixels or events_in(truth) < 8:
        return answer
    given, true = {name: truth[name] for name in model.given}, entries(truth, numbers) if numbers else np.empty((events_in(truth), 0))
    if true.shape[1] > MOST_NUMBERS:
        return answer
    try:
        said = model.log_prob(given, {name: truth[name] for name in target})
        found = {LOG_PROB: said, PRIOR_LOG_PROB: prior_log_prob(true, [truth[name] for name in classes], seed)}
        if numbers:
            own = model.log_prob_of_draws(given, {name: answer[f"{name}_draws"][:, :DENSITY_DRAWS] for name in target})
            found |= {OWN_LOG_PROB: own.mean(axis=1), DENSITY_RANK: posterior_rank(own, said, seed)}
        else:
            stated = answer[f"{classes[0]}_probability"]
            found[OWN_LOG_PROB] = np.sum(stated * np.log(np.maximum(stated, np.finfo(float).tiny)), axis=1)
    except ValueError:
        # the model has no density, or its codec leaves none
        return answer
    return answer | found
