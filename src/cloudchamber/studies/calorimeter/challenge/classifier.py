"""The classifier of the CaloChallenge: how well a network tells answers from truth, after calibration, on a third part of the events.

References: Krause et al., arXiv:2410.21611, and the challenge's evaluate.py; Zadrozny and Elkan, KDD 2002 (isotonic calibration).
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cloudchamber.rng import rng
from cloudchamber.statistics.classifier import auc
from cloudchamber.statistics.measured import Measured

if TYPE_CHECKING:
    from torch import Tensor, nn

PARTS = (0.6, 0.2)
"""Shares of the events to train on and to choose the epoch and calibrate with; the rest gives the result."""


@dataclass(frozen=True)
class ChallengeClassifier:
    """The network and its fit: after the input layer ``hidden_layers`` of ``width``, LeakyReLU and dropout after each."""

    width: int = 2048
    hidden_layers: int = 2
    dropout: float = 0.0
    learning_rate: float = 2e-4
    batch_size: int = 1000
    epochs: int = 50


class Telling(NamedTuple):
    """AUC (0.5: nobody can tell) and Jensen-Shannon divergence as the calibrated network bounds it from below, in [0, 1] but for noise."""

    auc: Measured
    jsd: Measured


def tell_apart(
    truth: np.ndarray,
    answer: np.ndarray,
    seed: int,
    settings: ChallengeClassifier = ChallengeClassifier(),
    told: Callable[[str], None] = lambda text: None,
) -> Telling:
    """Train on the rows ``truth`` and ``answer`` (events, numbers), equally many; row i of both, which may share theta, stays in one part of the events."""
    import torch

    if truth.shape != answer.shape or len(truth) < 20:
        raise ValueError(f"the classifier needs as many answers as truths, at least 20, with equally many numbers; got {truth.shape} and {answer.shape}")
    edges = np.cumsum(np.array(PARTS) * len(truth)).astype(int)
    train, test, last = np.split(rng(seed, "challenge split").permutation(len(truth)), edges)
    with torch.random.fork_rng():
        torch.manual_seed(int(rng(seed, "challenge weights").integers(2**62)))
        score = _fit(torch.from_numpy(truth).float(), torch.from_numpy(answer).float(), train, test, settings, told)
    calibrate = isotonic(*_labelled(*score(test)))
    true_p, answer_p = (calibrate(found) for found in score(last))
    # binary cross entropy in bits below that of a coin
    gain = 1 + np.concatenate([np.log1p(-true_p), np.log(answer_p)]) / np.log(2)
    return Telling(auc(true_p, answer_p), Measured(float(gain.mean()), float(gain.std(ddof=1) / np.sqrt(len(gain)))))


def isotonic(score: np.ndarray, label: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """The rising function from score to the probability of label 1 that fits best, linear between the scores seen, within [1e-6, 1 - 1e-6]."""
    from scipy.optimize import isotonic_regression

    known, place, count = np.unique(score, return_inverse=True, return_counts=True)
    share = isotonic_regression(np.bincount(place.ravel(), weights=label) / count, weights=count).x
    limited = np.clip(share, 1e-6, 1 - 1e-6)
    return lambda values: np.interp(values, known, limited)


def _labelled(truth_score: np.ndarray, answer_score: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.concatenate([truth_score, answer_score]), np.repeat([0.0, 1.0], [len(truth_score), len(answer_score)])


def _fit(
    truth: Tensor, answer: Tensor, train: np.ndarray, test: np.ndarray, settings: ChallengeClassifier, told: Callable[[str], None]
) -> Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """The network of the epoch that sorted most of ``test`` rightly, as a function from events to its probabilities of being an answer."""
    import torch
    from torch.nn.functional import binary_cross_entropy_with_logits

    device = "cuda" if torch.cuda.is_available() else "cpu"
    network = _network(truth.shape[1], settings).to(device)
    optimiser = torch.optim.Adam(network.parameters(), lr=settings.learning_rate)

    def score(events: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        network.eval()
        with torch.no_grad():
            parts = [[torch.sigmoid(network(part.to(device))[:, 0].double()).cpu().numpy() for part in _batches(rows, events)] for rows in (truth, answer)]
        return np.concatenate(parts[0]), np.concatenate(parts[1])

    best, kept = -1.0, copy.deepcopy(network.state_dict())
    for epoch in range(settings.epochs):
        network.train()
        for batch in torch.split(torch.randperm(2 * len(train)), settings.batch_size):
            truths, answers = (torch.from_numpy(train[half.numpy()]) for half in (batch[batch < len(train)], batch[batch >= len(train)] - len(train)))
            rows = torch.cat([truth[truths], answer[answers]]).to(device)
            label = torch.cat([torch.zeros(len(truths)), torch.ones(len(answers))]).to(device)
            optimiser.zero_grad()
            torch.autograd.backward(binary_cross_entropy_with_logits(network(rows)[:, 0], label))
            optimiser.step()
        truth_score, answer_score = score(test)
        right = float(np.mean(np.concatenate([truth_score < 0.5, answer_score >= 0.5])))
        told(f"epoch {epoch + 1} of {settings.epochs}, {right:.1%} of the test events sorted rightly")
        if right > best:
            best, kept = right, copy.deepcopy(network.state_dict())
        if right == 1:
            break
    network.load_state_dict(kept)
    return score


def _batches(rows: Tensor, events: np.ndarray) -> list[Tensor]:
    import torch

    return [rows[part] for part in torch.split(torch.from_numpy(events), 8192)]


def _network(size: int, settings: ChallengeClassifier) -> nn.Module:
    from torch import nn

    widths = [size, *[settings.width] * (settings.hidden_layers + 1)]
    hidden: list[nn.Module] = []
    for before, after in pairwise(widths):
        hidden += [nn.Linear(before, after), nn.LeakyReLU(), nn.Dropout(settings.dropout)]
    return nn.Sequential(*hidden, nn.Linear(settings.width, 1))
