from __future__ import annotations

import os
from math import factorial

import pytest

from cloudchamber.parallel.alone import alone


def test_a_job_of_its_own_process() -> None:
    assert alone(factorial, 5) == 120 and alone(eval, "__import__('os').getpid()") != os.getpid()


def test_its_error_comes_back() -> None:
    with pytest.raises(ValueError, match="factorial"):
        alone(factorial, -1)


def test_a_dead_process_is_told() -> None:
    with pytest.raises(ChildProcessError, match="7: its process ended with the code 7"):
        alone(os._exit, 7)
