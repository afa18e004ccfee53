from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.stats import norm

from cloudchamber.studies.calorimeter.challenge.classifier import ChallengeClassifier, _network, isotonic, tell_apart

SMALL = ChallengeClassifier(width=32, hidden_layers=1, learning_rate=3e-3, batch_size=200, epochs=8)


def gaussian(seed: int, events: int = 4000, shift: float = 0.0, width: float = 1.0) -> np.ndarray:
    return (shift + width * np.random.default_rng(seed).standard_normal((events, 2))).astype(np.float32)


def test_nobody_can_tell_truth_from_truth() -> None:
    found = tell_apart(gaussian(1), gaussian(2), 3, SMALL)
    assert abs(found.auc.value - 0.5) < 4 * found.auc.error and 0 < found.auc.error < 0.02
    assert found.jsd.value < 0.02


def test_a_shift_of_known_auc_and_divergence() -> None:
    shift = np.array([1.0, 0.0], np.float32)
    found = tell_apart(gaussian(1), gaussian(2) + shift, 3, SMALL)
    assert abs(found.auc.value - norm.cdf(1 / np.sqrt(2))) < 4 * found.auc.error

    def integrand(x: float) -> float:
        p, q = norm.pdf(x), norm.pdf(x - 1)
        return 0.5 * (p * np.log2(2 * p / (p + q)) + q * np.log2(2 * q / (p + q)))

    assert abs(found.jsd.value - quad(integrand, -8, 9)[0]) < 4 * found.jsd.error + 0.01


def test_a_wide_answer_is_told_apart() -> None:
    found = tell_apart(gaussian(1), gaussian(2, width=1.4), 3, SMALL)
    assert found.auc.value > 0.5 + 5 * found.auc.error


def test_pairs_that_share_everything_stay_together() -> None:
    assert tell_apart(gaussian(1, 200), gaussian(1, 200), 3, SMALL).auc.value == 0.5


def test_same_seed_same_result_and_epochs_are_told() -> None:
    told: list[str] = []
    first, again = (tell_apart(gaussian(1, 200), gaussian(2, 200), 3, SMALL, told.append) for _ in range(2))
    assert first == again and first != tell_apart(gaussian(1, 200), gaussian(2, 200), 4, SMALL)
    assert len(told) == 16 and told[0].startswith("epoch 1 of 8, ") and told[0].endswith("% of the test events sorted rightly")


def test_a_perfect_classifier_stops_early() -> None:
    told: list[str] = []
    found = tell_apart(gaussian(1, 200), gaussian(2, 200) + np.float32(30), 3, SMALL, told.append)
    assert found.auc.value == 1 and found.jsd.value == pytest.approx(1, abs=1e-4) and len(told) < 8


def test_the_seed_of_others_is_left_alone() -> None:
    torch.manual_seed(1)
    wanted = torch.rand(1)
    torch.manual_seed(1)
    tell_apart(gaussian(1, 40), gaussian(2, 40), 3, SMALL)
    assert torch.rand(1) == wanted


def test_isotonic_calibration() -> None:
    random = np.random.default_rng(1)
    score = random.random(20_000)
    calibrate = isotonic(score, (random.random(20_000) < score**2).astype(float))
    places = np.linspace(0.05, 0.95, 19)
    np.testing.assert_allclose(calibrate(places), places**2, atol=0.06)
    assert np.all(np.diff(calibrate(places)) >= 0)
    limits = isotonic(np.array([0.2, 0.8]), np.array([0.0, 1.0]))(np.array([0.0, 1.0]))
    np.testing.assert_allclose(limits, [1e-6, 1 - 1e-6])
    np.testing.assert_allclose(isotonic(np.array([0.5, 0.5, 0.5, 0.7]), np.array([0.0, 1, 0, 0]))(np.array([0.5, 0.7])), 0.25)


def test_the_challenge_s_network() -> None:
    network = _network(6481, ChallengeClassifier())
    assert [tuple(weight.shape) for weight in network.parameters() if weight.ndim == 2] == [(2048, 6481), (2048, 2048), (2048, 2048), (1, 2048)]
    assert sum(isinstance(part, torch.nn.LeakyReLU) for part in network) == 3


def test_unequal_or_few_events_are_refused() -> None:
    with pytest.raises(ValueError, match=r"at least 20.*got \(30, 2\) and \(40, 2\)"):
        tell_apart(gaussian(1, 30), gaussian(2, 40), 3, SMALL)
    with pytest.raises(ValueError, match="at least 20"):
        tell_apart(gaussian(1, 10), gaussian(2, 10), 3, SMALL)
