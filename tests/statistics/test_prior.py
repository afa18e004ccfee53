from __future__ import annotations

import numpy as np
import pytest

from cloudchamber.statistics.prior import prior_log_prob


def test_flat_log_flat_and_normal_priors() -> None:
    random = np.random.default_rng(1)
    for values, entropy in (
        (random.uniform(3, 13, 4000), np.log(10)),
        (random.normal(5, 2, 4000), np.log(2 * np.sqrt(2 * np.pi * np.e))),
    ):
        assert prior_log_prob(values[:, None], []).mean() == pytest.approx(-entropy, abs=0.06)
    logs = random.uniform(0, 9, 4000)
    # ln p(e^y) = ln p(y) - y
    assert prior_log_prob(np.exp(logs)[:, None], []).mean() == pytest.approx(-np.log(9) - logs.mean(), abs=0.06)


def test_what_goes_together_is_known() -> None:
    random = np.random.default_rng(1)
    z = random.normal(size=(4000, 2))
    values = np.stack([z[:, 0], 0.9 * z[:, 0] + np.sqrt(0.19) * z[:, 1]], 1)
    assert prior_log_prob(values, []).mean() == pytest.approx(-np.log(2 * np.pi * np.e * np.sqrt(0.19)), abs=0.12)


def test_classes_by_their_shares() -> None:
    kind = (np.random.default_rng(1).random(4000) < 0.2).astype(int)
    assert prior_log_prob(np.empty((4000, 0)), [kind]).mean() == pytest.approx(0.2 * np.log(0.2) + 0.8 * np.log(0.8), abs=0.03)


def test_an_event_is_not_told_its_own_value() -> None:
    """A density fitted to the same events would be higher than that of new ones."""
    values = np.random.default_rng(1).uniform(size=(60, 3))
    assert prior_log_prob(values, []).mean() < 0


def test_too_few_and_values_that_never_vary() -> None:
    with pytest.raises(ValueError, match="at least 8 events"):
        prior_log_prob(np.zeros((7, 1)), [])
    assert np.isfinite(prior_log_prob(np.zeros((20, 1)), [])).all()
