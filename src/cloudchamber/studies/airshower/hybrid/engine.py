"""The hybrid's heavy parts, loaded once a process: interaction library, cascade equations, electromagnetic table, and the Monte Carlo stage that joins them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np

from cloudchamber.studies.airshower.columns import DEPTH_STEP_G_CM2, MASS_NUMBER, PRIMARIES
from cloudchamber.studies.airshower.hybrid.cascade import Equations, build_equations
from cloudchamber.studies.airshower.hybrid.decays import C_TAU_CM, MASS_GEV, decay_sample
from cloudchamber.studies.airshower.hybrid.em_table import EmTable, load_em_table
from cloudchamber.studies.airshower.hybrid.hadron_mc import STACK, follow_shower
from cloudchamber.studies.airshower.hybrid.hadron_table import PRODUCTS, nodes_gev
from cloudchamber.studies.airshower.hybrid.interactions import HADRONS, K0_SHORT, PION
from cloudchamber.studies.airshower.hybrid.tables import Tables, load_tables

_DECAY_SEED, _DECAY_EVENTS = 11, 5000


@dataclass(frozen=True)
class Stage:
    """What the Monte Carlo hands on: ``source`` (PRODUCTS, nodes, depths, showers), direct profiles (showers, depths), scalars (showers,)."""

    source: np.ndarray
    n_electron: np.ndarray
    energy_deposit: np.ndarray
    in_flight: np.ndarray
    invisible: np.ndarray
    first_interaction: np.ndarray


@dataclass(frozen=True, eq=False)
class Engine:
    """Tables in the form that numba wants, and the equations by size."""

    tables: Tables
    em: EmTable

    @classmethod
    def load(cls, path: Path) -> Engine:
        """Read the interaction table at ``path`` and the packaged electromagnetic table."""
        return cls(load_tables(path), load_em_table())

    def equations(self, nodes: int) -> Equations:
        """Cascade equations up to so many energy nodes."""
        return _equations(self, nodes)

    @cached_property
    def all_equations(self) -> Equations:
        """Cascade equations of every node."""
        return build_equations(self.tables)

    @cached_property
    def _decays(self) -> tuple[tuple[np.ndarray, np.ndarray, np.ndarray], ...]:
        samples = []
        for kind in range(PION, K0_SHORT + 1):
            species, fraction, starts = decay_sample(kind, _DECAY_EVENTS, np.random.default_rng([_DECAY_SEED, kind]))
            samples.append((species.astype(np.int64), fraction, starts.astype(np.int64)))
        return tuple(samples)

    @cached_property
    def _decay_constant(self) -> np.ndarray:
        return np.array([0.0] + [C_TAU_CM[kind] / MASS_GEV[kind] for kind in range(PION, HADRONS)])

    def monte_carlo(
        self, primary: np.ndarray, energy_gev: np.ndarray, threshold: float, nodes: int, density_g_cm3: np.ndarray, rng: np.random.Generator
    ) -> Stage:
        """Follow everything above ``threshold`` times the primary energy; ``density_g_cm3`` is (showers, depths)."""
        showers, depths = density_g_cm3.shape
        t = self.tables
        library = (t.species, t.codes, t.event_starts, t.first_event, t.thinning)
        nuclear = (t.wounded, t.fragments, t.fragment_starts, t.nuclear_sigma_mb)
        charged, energy_deposit, in_flight = (np.zeros((showers, depths)) for _ in range(3))
        source_of_all = np.zeros((PRODUCTS, nodes, depths, showers), dtype=np.float32)
        stage = Stage(source_of_all, charged, energy_deposit, in_flight, np.zeros(showers), np.zeros(showers))
        workspace = np.empty((STACK, 3)), np.empty((STACK, 3)), np.empty((1000, 2))
        source = np.empty((PRODUCTS, nodes, depths))
        for b in range(showers):
            source[:] = 0.0
            stage.invisible[b], stage.first_interaction[b] = follow_shower(
                MASS_NUMBER[PRIMARIES[primary[b]]],
                energy_gev[b],
                threshold * energy_gev[b],
                library,
                nuclear,
                t.sigma_mb,
                self._decays,
                self._decay_constant,
                density_g_cm3[b],
                nodes_gev()[:nodes],
                workspace,
                source,
                stage.n_electron[b],
                stage.energy_deposit[b],
                stage.in_flight[b],
                DEPTH_STEP_G_CM2,
                rng,
            )
            stage.source[..., b] = source
        return stage


@lru_cache(maxsize=12)
def _equations(engine: Engine, nodes: int) -> Equations:
    return engine.all_equations.up_to(nodes)
