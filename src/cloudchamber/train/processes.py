"""Several processes that train one model."""

from __future__ import annotations

from lightning_fabric.utilities.rank_zero import rank_zero_only


def rank() -> int:
    """The number of this process where several train one model, else 0."""
    return int(getattr(rank_zero_only, "rank", 0))
