"""Several processes that train one model."""

from __future__ import annotations

import os

from lightning_fabric.utilities.rank_zero import rank_zero_only


def rank() -> int:
    """The number of this process where several train one model, else 0."""
    return int(getattr(rank_zero_only, "rank", 0))


def check_launched(processes: int) -> None:
    """ValueError where torchrun started another number of processes than shall train: each would be the first one, and write."""
    started = int(os.environ.get("WORLD_SIZE", "1")) if "TORCHELASTIC_RUN_ID" in os.environ else processes
    if started != processes:
        raise ValueError(f"torchrun started {started} processes, but {processes} would train: give --devices (of each node) and --nodes as it has them")
