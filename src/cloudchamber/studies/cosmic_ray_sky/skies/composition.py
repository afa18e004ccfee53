"""Compositions: which share of the cosmic rays has which charge."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

CHARGES = {"H": 1, "He": 2, "C": 6, "N": 7, "O": 8, "Si": 14, "Fe": 26}
MIXED = "H:0.15,He:0.45,N:0.4"
"""15 % H, 45 % He and 40 % CNO, taken as nitrogen."""


@lru_cache(maxsize=32)
def shares(composition: str) -> dict[int, float]:
    """Charge to share (sum 1) of an element ("He"), of "mixed", or of "H:0.15,He:0.45,N:0.4"; ValueError for anything else."""
    found: dict[int, float] = {}
    for part in (MIXED if composition == "mixed" else composition).split(","):
        element, _, share = part.strip().partition(":")
        if element not in CHARGES:
            raise ValueError(f"composition '{composition}': no element '{element}'; write 'mixed', one of {', '.join(CHARGES)}, or shares such as '{MIXED}'")
        try:
            found[CHARGES[element]] = float(share or 1)
        except ValueError:
            raise ValueError(f"composition '{composition}': the share '{share}' of {element} is no number") from None
    if any(share <= 0 for share in found.values()) or abs(sum(found.values()) - 1) > 1e-6:
        raise ValueError(f"composition '{composition}': shares must be positive and sum to 1, got {found}")
    return found


def draw_charges(n: int, composition: str, rng: np.random.Generator) -> np.ndarray:
    """``n`` charges."""
    mixture = shares(composition)
    return np.array(list(mixture))[np.searchsorted(np.cumsum(list(mixture.values()))[:-1], rng.random(n), side="right")]
