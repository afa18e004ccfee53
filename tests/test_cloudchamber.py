"""The package's public names."""

from __future__ import annotations

import pytest

import cloudchamber


def test_every_public_name_is_there_and_listed() -> None:
    assert all(getattr(cloudchamber, name) is not None for name in cloudchamber.__all__)
    assert dir(cloudchamber) == sorted([*cloudchamber.__all__, "__version__"])
    assert cloudchamber.Store.__module__ == "cloudchamber.store.read"


def test_a_name_that_is_not_there_is_told_beside_those_that_are() -> None:
    with pytest.raises(AttributeError, match=r"no attribute 'Stores'; it has: fit, Uniform, find_study"):
        cloudchamber.Stores  # noqa: B018
