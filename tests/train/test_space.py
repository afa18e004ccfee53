from __future__ import annotations

import pytest

from cloudchamber.train.space import Choices, Range, read_space


def test_spaces() -> None:
    space = read_space({"a": {"choices": [1, 2]}, "b": {"low": 1, "high": 3}, "c": {"low": 1e-3, "high": 1.0, "log": True}})
    assert space == {"a": Choices((1, 2)), "b": Range(1, 3), "c": Range(1e-3, 1.0, True)}
    edges = ({"low": 2, "high": 1}, {"low": 0, "high": 1, "log": True}, {"low": 1}, {"low": 1, "high": 2, "step": 1}, {"low": True, "high": 2})
    for bad in ({"choices": []}, [1], *edges):
        with pytest.raises(ValueError, match="'a' needs"):
            read_space({"a": bad})
    with pytest.raises(ValueError, match="maps names of settings"):
        read_space({})
