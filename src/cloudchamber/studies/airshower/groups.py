"""The groups of showers that checks are made in: as fine as the number of showers lets a check decide in each."""

from __future__ import annotations

from functools import cache

import numpy as np

from cloudchamber.schema import Table
from cloudchamber.studies.airshower.columns import PRIMARIES
from cloudchamber.validate.check import Groups

_STEP, _FIRST, _DECADES = 0.25, 15.0, 5
_PRESENT = 0.02
"""A smaller share of the showers is no primary of its own, and no energy, to count groups by: truth and second truth must agree on their number."""
FEW, MORE, MANY = 1_500, 5_000, 30_000
"""Showers of a group with which truth against truth keeps a limit in 99 of 100 draws (2.5 standard deviations), measured on 12,000 pairs of the hybrid's, for
the primaries that fluctuate most: means of ln N_mu, R and L; medians of profiles, W1; spreads, correlations, and means of Xmax and X1."""


@cache
def groups(showers: int, finest: int = 3) -> Groups:
    """Each primary in bins of 0.25 in lg(E/eV), or in decades, or over all energies, or all showers together: the finest with ``showers`` in a group.

    ``finest`` 1 stops at the primaries. Groups of the other choices are there, and empty.
    """

    def masks(table: Table) -> dict[str, np.ndarray]:
        choices = (_everything, _primaries, _decades, primary_energy_bins)
        chosen = max((level for level in range(finest + 1) if _number(table, level) * showers <= len(table["primary"])), default=0)
        return {name: mask & (level == chosen) for level, choice in enumerate(choices) for name, mask in choice(table).items()}

    return masks


def of_several_energies(inner: Groups, decades: float) -> Groups:
    """The same groups, empty where the showers span fewer decades: they have no trend."""

    def masks(table: Table) -> dict[str, np.ndarray]:
        energies = np.asarray(table["lg_energy_ev"], dtype=float)
        wide = len(energies) > 0 and np.ptp(np.quantile(energies, [_PRESENT, 1 - _PRESENT])) >= decades
        return {name: mask & wide for name, mask in inner(table).items()}

    return masks


def of_several_nuclei(table: Table) -> dict[str, np.ndarray]:
    """All showers, none where they are of fewer than two nuclei."""
    codes = np.asarray(table["primary"])
    nuclei = sum(np.mean(codes == code) >= _PRESENT for code, name in enumerate(PRIMARIES) if name != "photon") if len(codes) else 0
    return {"": np.full(len(codes), nuclei >= 2)}


def primary_energy_bins(table: Table) -> dict[str, np.ndarray]:
    """Masks of each primary in bins of 0.25 in lg(E/eV), named by the primary and the bin's lower edge; a bin may be empty."""
    place, primaries = _place(table, _STEP), _primaries(table)
    return {f"{name}, {_FIRST + _STEP * i:.2f}": mask & (place == i) for name, mask in primaries.items() for i in range(round(_DECADES / _STEP))}


def _decades(table: Table) -> dict[str, np.ndarray]:
    place, primaries = _place(table, 1.0), _primaries(table)
    return {f"{name}, {_FIRST + i:.0f} to {_FIRST + i + 1:.0f}": mask & (place == i) for name, mask in primaries.items() for i in range(_DECADES)}


def _primaries(table: Table) -> dict[str, np.ndarray]:
    return {name: np.asarray(table["primary"]) == code for code, name in enumerate(PRIMARIES)}


def _everything(table: Table) -> dict[str, np.ndarray]:
    return {"all": np.ones(len(table["primary"]), bool)}


def _place(table: Table, step: float) -> np.ndarray:
    return np.floor((np.asarray(table["lg_energy_ev"], dtype=float) - _FIRST) / step)


def _number(table: Table, level: int) -> int:
    """How many groups of that level hold showers."""
    codes = np.asarray(table["primary"])
    if level == 0 or not len(codes):
        return 1
    primaries = int(sum(np.mean(codes == code) >= _PRESENT for code in range(len(PRIMARIES))))
    if level == 1:
        return primaries
    low, high = np.quantile(_place(table, 1.0 if level == 2 else _STEP), [_PRESENT, 1 - _PRESENT], method="nearest")
    return primaries * int(high - low + 1)
