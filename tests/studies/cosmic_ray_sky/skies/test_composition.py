from __future__ import annotations

import numpy as np
import pytest

from cloudchamber.rng import rng
from cloudchamber.studies.cosmic_ray_sky.skies.composition import draw_charges, shares


def test_mixed_is_that_of_the_talk() -> None:
    assert shares("mixed") == {1: 0.15, 2: 0.45, 7: 0.4}
    assert shares("He") == {2: 1.0}
    assert shares("H:0.25, Fe:0.75") == {1: 0.25, 26: 0.75}


def test_draws_have_the_shares() -> None:
    charges = draw_charges(20_000, "mixed", rng(1))
    for charge, share in shares("mixed").items():
        assert (charges == charge).mean() == pytest.approx(share, abs=5 * np.sqrt(share * (1 - share) / 20_000))


@pytest.mark.parametrize(("text", "reason"), [("Xx", "no element 'Xx'"), ("H:0.5,He:0.6", "sum to 1"), ("H:a", "no number"), ("H:1.5,He:-0.5", "positive")])
def test_refusals(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        shares(text)
