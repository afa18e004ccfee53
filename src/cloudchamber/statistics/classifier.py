"""Classifier two-sample test: a judge learns to tell answer from truth, and its AUC on unseen events says how well it can.

A smooth network sees what is spread over many numbers, boosted trees see edges, spikes and gaps of single ones: neither finds all that the other does.

References: Lopez-Paz and Oquab, ICLR 2017 (C2ST); Krause and Shih, Phys. Rev. D 107 (2023) 113003 (on detector simulation);
DeLong et al., Biometrics 44 (1988) 837 (error of the AUC); Grinsztajn et al., NeurIPS 2022 (trees and networks on tables).
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from cloudchamber.rng import rng
from cloudchamber.schema import Table, take
from cloudchamber.statistics.features import rows, same_rows
from cloudchamber.statistics.measured import Measured

if TYPE_CHECKING:
    from torch import Tensor, nn

_FEWEST_CONDITIONS = 50


Score = Callable[[np.ndarray], np.ndarray]
"""From inputs (events, numbers) to how much each looks like an answer, (events,)."""


class Judge(Protocol):
    """What learns to tell answer from truth: ``folds`` of them, each tested on its own part of the events."""

    @property
    def folds(self) -> int:
        """How many are fitted."""

    @property
    def validation_fraction(self) -> float:
        """Share of the events that are not tested on which stops the fit."""

    def fit(self, inputs: np.ndarray, label: np.ndarray, train: np.ndarray, validation: np.ndarray, seed: int) -> Score:
        """Learn ``label`` (events,), 1 for answers, from ``inputs`` (events, numbers) at the indices ``train``; stop by those of ``validation``."""


@dataclass(frozen=True)
class Classifier:
    """A network of residual blocks, and its fit."""

    width: int = 256
    blocks: int = 3
    folds: int = 3
    epochs: int = 60
    patience: int = 6
    batch_size: int = 512
    learning_rate: float = 1e-3
    validation_fraction: float = 0.15

    def fit(self, inputs: np.ndarray, label: np.ndarray, train: np.ndarray, validation: np.ndarray, seed: int) -> Score:
        """Fit the network, stop when the loss on ``validation`` rises."""
        import torch

        torch.manual_seed(seed)
        return _train(inputs, label, train, validation, self)


@dataclass(frozen=True)
class Trees:
    """Gradient-boosted trees on histograms of each number, and their fit. ModuleNotFoundError without scikit-learn (extra ``judge``)."""

    folds: int = 2
    rounds: int = 300
    patience: int = 20
    learning_rate: float = 0.1
    validation_fraction: float = 0.15

    def fit(self, inputs: np.ndarray, label: np.ndarray, train: np.ndarray, validation: np.ndarray, seed: int) -> Score:
        """Grow trees until the loss on ``validation`` rises."""
        try:
            from sklearn.ensemble import HistGradientBoostingClassifier
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError("boosted trees need scikit-learn: pip install 'cloudchamber[judge]'") from error
        trees = HistGradientBoostingClassifier(
            learning_rate=self.learning_rate,
            max_iter=self.rounds,
            early_stopping=True,
            n_iter_no_change=self.patience,
            class_weight="balanced",
            random_state=seed % 2**32,
        )
        trees.fit(inputs[train], label[train], X_val=inputs[validation], y_val=label[validation])
        return lambda values: np.asarray(trees.decision_function(values))


def classifier_auc(truth: np.ndarray, answer: np.ndarray, condition: np.ndarray | None, seed: int) -> float:
    """AUC of telling the rows of ``answer`` from those of ``truth``: 0.5 where nobody can, 1 where they never overlap. See ``classifier_test``."""
    return classifier_test(truth, answer, condition, seed).value


def classifier_test(truth: np.ndarray, answer: np.ndarray, condition: np.ndarray | None, seed: int, settings: Judge = Classifier()) -> Measured:
    """AUC and its standard error (times 1.96: 95 %), averaged over folds.

    ``truth`` (n, numbers) and ``answer`` (m, numbers); ``condition`` has one row for each truth event, which answer event i shares, or n + m rows.
    Events of identical condition rows are never split between training, validation and test, and the judge sees the condition too.
    Without a condition, truth event i and answer event i stay together. Same seed, same AUC on one machine.
    """
    import torch

    truth, answer = same_rows(truth, answer)
    inputs, label = np.concatenate([truth, answer]), np.repeat([0.0, 1.0], [len(truth), len(answer)])
    if condition is None:
        together = np.concatenate([np.arange(len(truth)), np.arange(len(answer))])
    else:
        shared = _condition_rows(condition, len(truth), len(answer))
        together = np.unique(shared, axis=0, return_inverse=True)[1].ravel()
        inputs = np.concatenate([inputs, shared], axis=1)
    found = []
    with torch.random.fork_rng(devices=[]):
        for fold, (train, validation, test) in enumerate(split(together, settings.folds, settings.validation_fraction, seed)):
            score = settings.fit(inputs, label, train, validation, int(rng(seed, "weights", fold).integers(2**62)))(inputs[test])
            found.append(auc(score[label[test] == 0], score[label[test] == 1]))
    return Measured(float(np.mean([f.value for f in found])), _mean_error(np.array([f.error for f in found])))


def _mean_error(errors: np.ndarray) -> float:
    """The error of the mean over folds, each of which learns from the events that the others are tested on.

    To first order a fold's AUC - 1/2 is d_k . sum_{j != k} d_j, with d_k the difference of answer and truth in its events: where both are alike, two of K
    folds have the correlation 1 / (K - 1). Where they differ the classifier is the same in all folds and the correlation less: there the error is too large.
    """
    folds = len(errors)
    correlation = np.full((folds, folds), 1 / (folds - 1))
    np.fill_diagonal(correlation, 1.0)
    return float(np.sqrt(errors @ correlation @ errors)) / folds


def auc_of(
    features: Callable[[Table], np.ndarray], condition: Callable[[Table], np.ndarray], events: int, judge: Judge = Classifier(folds=2)
) -> Callable[[Table, Table], Measured]:
    """The value of a check: how well a classifier tells ``features`` (events, numbers) of two tables apart that is given their ``condition`` (events, n) too.

    The first ``events`` of each are looked at. Events of one condition stay together, for the same theta in truth and answer must not be split between
    training and test; with fewer than 50 different ones there is nothing to leak, and events are split singly.
    """

    def value(truth: Table, answer: Table) -> Measured:
        truth, answer = (take(dict(table), slice(0, events)) for table in (truth, answer))
        conditions = np.concatenate([condition(truth), condition(answer)])
        given = conditions if len(np.unique(conditions, axis=0)) >= _FEWEST_CONDITIONS else None
        return classifier_test(features(truth), features(answer), given, seed=1, settings=judge)

    return value


def auc(truth_score: np.ndarray, answer_score: np.ndarray) -> Measured:
    """Probability that an answer scores above a truth (ties count half), with DeLong's standard error."""
    from scipy.stats import rankdata

    n, m = len(truth_score), len(answer_score)
    if min(n, m) < 2:
        raise ValueError(f"an AUC needs at least two events of each, got {n} of truth and {m} of the answer")
    rank = rankdata(np.concatenate([truth_score, answer_score]))
    truth_place = 1 - (rank[:n] - rankdata(truth_score)) / m
    answer_place = (rank[n:] - rankdata(answer_score)) / n
    return Measured(float(answer_place.mean()), float(np.sqrt(truth_place.var(ddof=1) / n + answer_place.var(ddof=1) / m)))


def split(together: np.ndarray, folds: int, validation_fraction: float, seed: int) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """For each fold the events (indices) to train, validate and test on; events with the same number in ``together`` stay in one part."""
    members = np.unique(together)
    if folds < 2 or len(members) < 4 * folds:
        raise ValueError(f"{folds} folds need at least two folds and {4 * folds} different conditions, got {len(members)}")
    order = rng(seed, "split").permutation(members)
    parts = []
    for fold in range(folds):
        test = order[fold::folds]
        rest = rng(seed, "validation", fold).permutation(np.setdiff1d(order, test))
        held = max(1, round(validation_fraction * len(rest)))
        train, validation, tested = (np.flatnonzero(np.isin(together, chosen)) for chosen in (rest[held:], rest[:held], test))
        parts.append((train, validation, tested))
    return parts


def _condition_rows(condition: np.ndarray, n: int, m: int) -> np.ndarray:
    condition = rows("condition", condition)
    if len(condition) == n + m:
        return condition
    if len(condition) == n == m:
        return np.concatenate([condition, condition])
    raise ValueError(f"condition has {len(condition)} rows: give {n + m}, one for each truth and answer event, or {n} where both have {n} events")


def _train(inputs: np.ndarray, label: np.ndarray, train: np.ndarray, validation: np.ndarray, settings: Classifier) -> Score:
    """Fit on ``train``, stop when the loss on ``validation`` rises; returns the function from inputs to scores."""
    import torch
    from torch.nn.functional import binary_cross_entropy_with_logits as loss

    centre, width = inputs[train].mean(axis=0), inputs[train].std(axis=0)
    width[width == 0] = 1.0

    def ready(values: np.ndarray) -> Tensor:
        # far outliers would blow up the first steps; at 20 sigma they still stand apart
        return torch.from_numpy(np.clip((values - centre) / width, -20, 20)).float()

    x, y = ready(inputs[train]), torch.from_numpy(label[train]).float()
    held_x, held_y = ready(inputs[validation]), torch.from_numpy(label[validation]).float()
    # both classes weigh alike, whatever the sample sizes
    weight = torch.where(y > 0, 0.5 / y.mean().clamp(1e-6), 0.5 / (1 - y.mean()).clamp(1e-6))
    network = _network(x.shape[1], settings)
    optimiser = torch.optim.AdamW(network.parameters(), lr=settings.learning_rate, weight_decay=1e-3)
    best, best_state, waited = np.inf, copy.deepcopy(network.state_dict()), 0
    for _ in range(settings.epochs):
        network.train()
        for batch in torch.split(torch.randperm(len(x)), settings.batch_size):
            optimiser.zero_grad()
            torch.autograd.backward(loss(network(x[batch])[:, 0], y[batch], weight[batch]))
            optimiser.step()
        network.eval()
        with torch.no_grad():
            held = float(loss(network(held_x)[:, 0], held_y))
        waited += 1
        if held < best:
            best, best_state, waited = held, copy.deepcopy(network.state_dict()), 0
        if waited >= settings.patience:
            break
    network.load_state_dict(best_state)

    def score(values: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return np.concatenate([network(part)[:, 0].numpy() for part in torch.split(ready(values), 8192)])

    return score


def _network(size: int, settings: Classifier) -> nn.Module:
    from torch import nn

    class Block(nn.Module):
        def __init__(self, width: int) -> None:
            super().__init__()
            self.layers = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))

        def forward(self, x: Tensor) -> Tensor:
            shifted: Tensor = x + self.layers(x)
            return shifted

    blocks = [Block(settings.width) for _ in range(settings.blocks)]
    return nn.Sequential(nn.Linear(size, settings.width), *blocks, nn.SiLU(), nn.Linear(settings.width, 1))
