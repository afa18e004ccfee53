"""Where a classifier sees the surrogate: the codec's discarded components, or the model behind it.

$ python benchmarks/airshower_codec.py data/test

Two AUCs on full profiles: showers against their own round trip through the codec (what the codec alone gives away, each shower beside its own
reconstruction), and round trips against the model's draws.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import tyro

import cloudchamber as cc
from cloudchamber.nn.tensors import to_tensors
from cloudchamber.statistics.classifier import Classifier, classifier_test
from cloudchamber.studies.airshower.observables import condition, full_profiles


@dataclass(frozen=True)
class Options:
    """What to compare."""

    data: tyro.conf.Positional[Path]
    """Event store of held-out showers."""
    run: str = "airshower"
    """A study with packaged weights, or a run folder."""
    n: int = 6000
    """Showers."""


def main(options: Options) -> None:
    """Print both AUCs."""
    truth = cc.Store(options.data).read(events=slice(0, options.n))
    model = cc.load(options.run)
    given, target = (to_tensors(truth, columns) for columns in (model.given_columns, model.target_columns))
    with torch.no_grad():
        decoded = model.target_codec.decode(model.target_codec.encode(target, given), given)
    round_trip = truth | {name: values.numpy() for name, values in decoded.items()}
    drawn = truth | model.sample({name: truth[name] for name in model.recipe.given}, seed=5)
    both = np.concatenate([condition(truth)] * 2)
    for name, one, two in (("showers against their round trip", truth, round_trip), ("round trips against the model", round_trip, drawn)):
        found = classifier_test(full_profiles(one), full_profiles(two), both, seed=1, settings=Classifier(folds=2))
        print(f"{name}: AUC {found.value:.3f} +- {found.error:.3f}")


if __name__ == "__main__":
    main(tyro.cli(Options))
