"""Mean electromagnetic cascades in air by the matrix method.

The expected future of one photon, electron or positron, f(E, X), obeys the backward cascade equation df/dX = A f, where A holds every interaction. On a
logarithmic grid f is a cubic in E^(1/3) through four nodes, so that each interaction conserves number and energy exactly; exp(A X) comes from a matrix
exponential. Whatever energy A does not carry on above the cut is deposited on the spot.

Depth runs along the shower axis, but slow electrons go sideways: every rate is divided by the mean cosine of its particle to the axis. The mean cosines
follow from the same cascade equations for the first angular moment, with elastic scattering on nuclei and the kinematics of Compton, Moller, Bhabha
scattering and annihilation. So the charged number counts crossings of a plane, as CORSIKA does.

References: T. Bergmann et al., Astropart. Phys. 26 (2007) 420 (cascade equations and cuts of CONEX); B. Rossi, K. Greisen, Rev. Mod. Phys. 13 (1941) 240;
H. Lewis, Phys. Rev. 78 (1950) 526 (angular moments); A. Al-Mohy, N. Higham, SIAM J. Sci. Comput. 33 (2011) 488, theorem 2.1 (integrals of the exponential).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numba import njit

from cloudchamber.studies.airshower.constants import ELECTRON_MASS_GEV
from cloudchamber.studies.airshower.hybrid import em_cross_sections as em

PHOTON, ELECTRON = 0, 1
LG_ENERGY_MIN, DECADES, NODES_PER_DECADE = -3, 14, 10
CUT_GEV = 1.0e-3
PACKAGED = Path(__file__).parent / "em_table.npz"
DEPTH_STEP_G_CM2 = 10.0
MAX_DEPTH_G_CM2 = 2600.0
TYPICAL_DENSITY_G_CM3 = 6.0e-4
"""Air's density near the maximum of inclined showers; it enters only through the density effect of ionisation."""
_PANEL_NODES, _PANEL_WEIGHTS = np.polynomial.legendre.leggauss(6)


@dataclass(frozen=True, eq=False)
class EmTable:
    """Mean cascades of one injected particle: first axis photon or electron, second its energy (``energy_gev``), third the depth since injection.

    ``n_electron`` is the number of electrons and positrons above 1 MeV that cross a plane, ``energy_deposit`` in GeV cm2/g, both averaged with
    the triangle of one depth step around the grid point, so that their sums times the step are exact integrals; ``in_flight`` is the energy still
    above the cut at the point. A source between two grid points is shared linearly between them.
    """

    energy_gev: np.ndarray
    depth_g_cm2: np.ndarray
    n_electron: np.ndarray
    energy_deposit: np.ndarray
    in_flight: np.ndarray

    def save(self, path: Path) -> None:
        """Write one compressed npz file."""
        np.savez_compressed(path, **vars(self))

    @classmethod
    def load(cls, path: Path) -> EmTable:
        """Read a file that ``save`` wrote; ValueError names one that is missing or broken and the command that builds it."""
        try:
            with open(path, "rb") as file, np.load(file) as data:
                return cls(**{name: data[name] for name in cls.__dataclass_fields__})
        except Exception as error:
            hint = "run: python -m cloudchamber.studies.airshower build-em-table"
            raise ValueError(f"cannot read the electromagnetic table {path} ({error}); {hint}") from error

    def evaluate(self, source: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Sum the cascades of a source histogram (2, energies, depths) of particle numbers on the table's grids.

        Returns charged number, energy deposit and remaining energy, each (depths,).
        """
        n_depth = source.shape[2]
        if source.shape[:2] != self.n_electron.shape[:2] or n_depth > len(self.depth_g_cm2):
            kinds, energies, depths = self.n_electron.shape
            raise ValueError(f"source has shape {source.shape}; allowed: ({kinds}, {energies}, up to {depths}): bin it on the table's energies and depths")
        out = np.zeros((3, n_depth))
        _superpose(source, np.stack([self.n_electron, self.energy_deposit, self.in_flight]), out)
        return out[0], out[1], out[2]


@njit(cache=True)
def _superpose(source: np.ndarray, cascades: np.ndarray, out: np.ndarray) -> None:
    kinds, energies, depths = source.shape
    for kind in range(kinds):
        for energy in range(energies):
            for start in range(depths):
                number = source[kind, energy, start]
                if number != 0.0:
                    for quantity in range(3):
                        for depth in range(depths - start):
                            out[quantity, start + depth] += number * cascades[quantity, kind, energy, depth]


def _lagrange(grid_gev: np.ndarray, energy_gev: np.ndarray, top: int) -> tuple[np.ndarray, np.ndarray]:
    """Stencils (energies, 4) up to node ``top`` and their weights: cubic in E^(1/3), hence exact for number and energy."""
    order = min(3, max(top, 1))
    low = np.searchsorted(grid_gev, energy_gev, side="right") - 1
    nodes = np.clip(low - 1, 0, max(top - order, 0))[:, None] + np.arange(order + 1)
    at = np.cbrt(energy_gev) if order == 3 else energy_gev ** (1.0 / order)
    t = grid_gev[nodes] ** (1.0 / order)
    weights = np.ones_like(t)
    for i in range(order + 1):
        for j in range(order + 1):
            if i != j:
                weights[:, i] *= (at - t[:, j]) / (t[:, i] - t[:, j])
    return nodes, weights


def _knock_cosine(kinetic_gev: float, outgoing_gev: np.ndarray) -> np.ndarray:
    """Angle of either outgoing lepton of Moller and Bhabha scattering to the incoming one."""
    rest = 2.0 * ELECTRON_MASS_GEV
    return np.sqrt(outgoing_gev * (kinetic_gev + rest) / (kinetic_gev * (outgoing_gev + rest)))


class _Rates:
    """The generator A over the state (photons at every node, electrons and positrons at every node but the cut)."""

    def __init__(self, grid_gev: np.ndarray, density_g_cm3: float) -> None:
        self.grid, self.density = grid_gev, density_g_cm3
        self.n = len(grid_gev) - 1
        # electrons and positrons have no state at the cut: these are the indices it would have
        self._electrons, self._positrons = self.n, 2 * self.n
        self.matrix = np.zeros((3 * self.n + 1, 3 * self.n + 1))
        self.forward = np.zeros_like(self.matrix)
        """The generator of the first angular moment: each secondary counts its cosine to the parent, scattering on nuclei is a loss."""
        self.energy = np.concatenate([grid_gev, grid_gev[1:], grid_gev[1:] + 2.0 * ELECTRON_MASS_GEV])
        """Energy that each state carries: a positron brings the rest energy that its annihilation frees."""
        for node in range(self.n + 1):
            self._photon(node)
        for node in range(1, self.n + 1):
            self._charged(node, positron=False)
            self._charged(node, positron=True)

    def _scatter(self, row: int, offset: int, energy: np.ndarray, rate: np.ndarray, cosine: np.ndarray | float = 1.0) -> None:
        """Secondaries of ``energy`` at ``rate``; those below the cut are dropped. ``offset``: the state's index of the first node."""
        inside = energy >= self.grid[0]
        top = row if row <= self.n else (row - self.n - 1) % self.n + 1
        nodes, weights = _lagrange(self.grid, energy[inside], top)
        for matrix, number in ((self.matrix, rate), (self.forward, rate * cosine)):
            counts = np.bincount(nodes.ravel(), (number[inside, None] * weights).ravel(), self.n + 1)
            if offset == 0:
                matrix[row, : self.n + 1] += counts
            else:  # an electron at the cut has stopped
                matrix[row, offset + 1 : offset + 1 + self.n] += counts[1:]

    def _lose(self, row: int, column: int, rate: float) -> None:
        self.matrix[row, column] -= rate
        self.forward[row, column] -= rate

    def mean_cosine(self) -> np.ndarray:
        """Mean cosine to the axis of each state's track length, summed over the depth of a high-energy cascade."""
        source = np.zeros(len(self.matrix))
        source[self.n] = -1.0
        return np.linalg.solve(self.forward.T, source) / np.linalg.solve(self.matrix.T, source)

    def _panels(self, low: float, high: float) -> tuple[np.ndarray, np.ndarray]:
        """Gauss-Legendre points and weights from ``low`` to ``high``, one panel in ln E between neighbouring nodes."""
        edges = np.concatenate([[low], self.grid[(self.grid > low * (1.0 + 1e-12)) & (self.grid < high * (1.0 - 1e-12))], [high]])
        edges = np.log(edges)
        half = 0.5 * np.diff(edges)[:, None]
        energy = np.exp(edges[:-1, None] + half * (_PANEL_NODES + 1.0))
        return energy.ravel(), (half * _PANEL_WEIGHTS * energy).ravel()

    def _photon(self, node: int) -> None:
        k = self.grid[node]
        pair, compton = float(em.pair_rate(k)), float(em.compton_rate(k))
        self._lose(node, node, pair + compton)
        top = 2.0 * k**2 / (ELECTRON_MASS_GEV + 2.0 * k)
        electron, weight = self._panels(min(1e-5, 0.01 * top), top)
        rate = weight * em.compton_differential(k, electron)
        scattered = 1.0 - ELECTRON_MASS_GEV * electron / (k * (k - electron))
        recoil = (k - (k - electron) * scattered) / np.sqrt(electron * (electron + 2.0 * ELECTRON_MASS_GEV))
        self._scatter(node, self._electrons, electron, rate, recoil)
        self._scatter(node, 0, k - electron, rate, scattered)
        # Compton electrons below the first panel leave the photon where it was
        self._lose(node, node, rate.sum() - compton)
        available = k - 2.0 * ELECTRON_MASS_GEV
        if available > 1e-9:
            half, weight = self._panels(1e-6 * available, 0.5 * available)
            rate = weight * em.pair_shape(k, half)
            rate *= 0.5 * pair / rate.sum()
            for lepton in (half, available - half):
                self._scatter(node, self._electrons, lepton, rate)
                self._scatter(node, self._positrons, lepton, rate)

    def _charged(self, node: int, positron: bool) -> None:
        kinetic = self.grid[node]
        offset = self._positrons if positron else self._electrons
        row = offset + node
        lost = float(em.ionisation_loss(kinetic, positron, CUT_GEV, self.density))
        soft, weight = self._panels(1e-8, CUT_GEV)
        lost += float(np.sum(weight * soft * em.bremsstrahlung_differential(kinetic, soft)))
        self._slow_down(row, offset, node, lost)
        self.forward[row, row] -= float(em.transport_rate(kinetic))
        photon, weight = self._panels(CUT_GEV, kinetic)
        self._knock(row, offset, kinetic, photon, weight * em.bremsstrahlung_differential(kinetic, photon), 0)
        differential: Callable[[float, np.ndarray], np.ndarray] = em.bhabha_differential if positron else em.moller_differential
        greatest = kinetic if positron else 0.5 * kinetic
        if greatest > CUT_GEV * (1.0 + 1e-9):
            transfer, weight = self._panels(CUT_GEV, greatest)
            self._knock(row, offset, kinetic, transfer, weight * differential(kinetic, transfer), self._electrons)
        if positron:
            low, high = em.annihilation_photon_range_gev(kinetic)
            annihilated, weight = self._panels(low, high)
            rate = weight * em.annihilation_differential(kinetic, annihilated)
            self._lose(row, row, 0.5 * rate.sum())
            momentum = np.sqrt(kinetic * (kinetic + 2.0 * ELECTRON_MASS_GEV))
            cosine = (kinetic + 2.0 * ELECTRON_MASS_GEV - ELECTRON_MASS_GEV * (kinetic + 2.0 * ELECTRON_MASS_GEV) / annihilated) / momentum
            self._scatter(row, 0, annihilated, rate, cosine)

    def _slow_down(self, row: int, offset: int, node: int, loss: float) -> None:
        """Continuous loss: minus ``loss`` df/dE by backward differences in E^(1/2) over three nodes, exact for number and energy."""
        order = min(2, node)
        t = self.grid[node - order : node + 1] ** (1.0 / order)
        slope = loss * t[-1] ** (1 - order) / order
        if order == 1:
            weights = np.array([-1.0, 1.0]) / (t[1] - t[0])
        else:
            near, far = t[2] - t[1], t[2] - t[0]
            weights = np.array([near / (far * (far - near)), -far / (near * (far - near)), 1.0 / near + 1.0 / far])
        for shift, weight in zip(range(order, -1, -1), weights, strict=True):
            if node > shift:
                self._lose(row, row - shift, slope * weight)

    def _knock(self, row: int, offset: int, kinetic: float, secondary: np.ndarray, rate: np.ndarray, kind: int) -> None:
        """One more particle of ``kind`` takes its energy from the parent."""
        self._lose(row, row, rate.sum())
        self._scatter(row, offset, kinetic - secondary, rate, _knock_cosine(kinetic, kinetic - secondary) if kind else 1.0)
        self._scatter(row, kind, secondary, rate, _knock_cosine(kinetic, secondary) if kind else 1.0)


def em_generator(grid_gev: np.ndarray) -> np.ndarray:
    """The backward generator A per g/cm2 on a grid of energies; rows are parents: photons at every node, then electrons and positrons at all but the first."""
    return _Rates(grid_gev, TYPICAL_DENSITY_G_CM3).matrix


@lru_cache(maxsize=1)
def load_em_table() -> EmTable:
    """The packaged table, as ``build_em_table`` makes it."""
    return EmTable.load(PACKAGED)


def build_em_table(
    nodes_per_decade: int = 20, depth_step_g_cm2: float = DEPTH_STEP_G_CM2, density_g_cm3: float = TYPICAL_DENSITY_G_CM3, decades: int = DECADES
) -> EmTable:
    """Solve the cascade equations from 1 MeV over ``decades``; ``nodes_per_decade``, a multiple of 10, sets the accuracy. No LPM effect.

    Injection energies are 10 a decade: 10^-3 ... 10^11 GeV. Raises ValueError for a grid that does not contain them.
    """
    if nodes_per_decade % NODES_PER_DECADE:
        raise ValueError(f"nodes_per_decade is {nodes_per_decade}; allowed: multiples of {NODES_PER_DECADE}")
    from scipy.linalg import expm

    grid = np.logspace(LG_ENERGY_MIN, LG_ENERGY_MIN + decades, nodes_per_decade * decades + 1)
    rates = _Rates(grid, density_g_cm3)
    size, n = len(rates.matrix), rates.n
    generator = rates.matrix / rates.mean_cosine()[:, None]
    is_charged = np.concatenate([np.zeros(n + 1), np.ones(2 * n)])
    deposit = -generator @ rates.energy
    # phi_2 and phi_1 - phi_2 of A h are the averages with the falling and the rising half of the triangle of one step
    augmented = np.zeros((size + 4, size + 4))
    augmented[:size, :size] = depth_step_g_cm2 * generator
    augmented[:size, size], augmented[:size, size + 2] = is_charged, deposit
    augmented[size, size + 1] = augmented[size + 2, size + 3] = 1.0
    exponential = expm(augmented)
    step = exponential[:size, :size]
    falling = exponential[:size, [size + 1, size + 3]]
    rising = exponential[:size, [size, size + 2]] - falling
    n_depth = round(MAX_DEPTH_G_CM2 / depth_step_g_cm2) + 1
    profiles = np.empty((n_depth, size, 3))
    state = np.column_stack([falling, rising, rates.energy])
    before = np.zeros_like(rising)
    for index in range(n_depth):
        profiles[index, :, :2] = state[:, :2] + before
        profiles[index, :, 2] = state[:, 4]
        before = state[:, 2:4]
        state = step @ state
    stride = nodes_per_decade // NODES_PER_DECADE
    photon, electron = profiles[:, : n + 1][:, ::stride], profiles[:, n : 2 * n + 1][:, ::stride].copy()
    electron[:, 0] = 0.0
    electron[0, 0, 1:] = grid[0] / depth_step_g_cm2, grid[0]
    values = np.stack([photon, electron]).transpose(3, 0, 2, 1).astype(np.float32)
    return EmTable(grid[::stride], depth_step_g_cm2 * np.arange(n_depth), values[0], values[1], values[2])
