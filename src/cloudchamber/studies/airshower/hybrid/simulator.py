"""The hybrid simulator: Monte Carlo above a fraction of the primary energy, cascade equations and templates below, as CONEX does it.

References: T. Bergmann et al., Astropart. Phys. 26 (2007) 420 (CONEX); F. Riehn et al., PRD 102 (2020) 063002 (Sibyll 2.3d).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from cloudchamber.physics.atmosphere import density_along_track_g_cm3, ground_depth_g_cm2
from cloudchamber.physics.shower import xmax_parabola
from cloudchamber.schema import Schema, Table, check_table, take
from cloudchamber.studies.airshower.columns import DEPTH_STEP_G_CM2, N_DEPTH, PRIMARIES, THETA, X, depth_grid
from cloudchamber.study import simulable

LG_ENERGY = (15.0, 20.0)
ZENITH_MAX_DEG = 65.0
SIMULATED = {"lg_energy_ev": LG_ENERGY, "zenith_deg": (0.0, ZENITH_MAX_DEG)}
"""What this simulator and the parametrised one can make: tables and grids end there."""
_BATCH = 64
_FOLLOW_TO_G_CM2 = 1500.0
"""Profiles are followed this far even where the ground comes first, so that a buried maximum is found."""


@dataclass(frozen=True)
class Prior:
    """Theta: primaries with equal chance, log-uniform in energy, isotropic in direction up to a greatest zenith angle."""

    lg_energy_min: float = 17.0
    lg_energy_max: float = 19.0
    zenith_max_deg: float = 65.0
    primaries: tuple[str, ...] = PRIMARIES

    def __post_init__(self) -> None:
        unknown = [name for name in self.primaries if name not in PRIMARIES]
        if unknown or not self.primaries:
            raise ValueError(f"primaries: {repr(unknown[0]) if unknown else 'none'} is not a primary; allowed: {', '.join(PRIMARIES)}")
        if not LG_ENERGY[0] <= self.lg_energy_min <= self.lg_energy_max <= LG_ENERGY[1]:
            raise ValueError(f"lg_energy_min, lg_energy_max: {self.lg_energy_min}, {self.lg_energy_max} must rise within [15, 20] lg(E/eV)")
        if not 0.0 <= self.zenith_max_deg <= ZENITH_MAX_DEG:
            raise ValueError(f"zenith_max_deg: {self.zenith_max_deg} is outside the allowed [0, 65] deg")

    def draw(self, n: int, rng: np.random.Generator) -> Table:
        """``n`` events' theta; directions are uniform in solid angle, without the projected area of a flat detector."""
        codes = np.array([PRIMARIES.index(name) for name in self.primaries])
        cosine = rng.uniform(np.cos(np.radians(self.zenith_max_deg)), 1.0, n)
        table = {
            "primary": codes[rng.integers(len(codes), size=n)],
            "lg_energy_ev": rng.uniform(self.lg_energy_min, self.lg_energy_max, n),
            "zenith_deg": np.degrees(np.arccos(cosine)),
            "azimuth_deg": rng.uniform(-180.0, 180.0, n),
        }
        return check_table(table, THETA)


@dataclass(frozen=True)
class Hybrid:
    """CONEX-like hybrid simulator of air-shower profiles.

    ``threshold``: particles above this fraction of the primary energy are followed one by one. ``tables``: "packaged" (a small library that ships), "cached"
    (the full library, built on first use) or the path of a table. ``model``: the chromo generator that a cached table is built with.
    """

    threshold: float = 0.005
    tables: str = "cached"
    model: str = "Sibyll23d"
    ground_altitude_m: float = 0.0
    prior_range: Prior = Prior()

    def __post_init__(self) -> None:
        if not 3e-4 <= self.threshold <= 0.3:
            raise ValueError(f"threshold: {self.threshold} is outside the allowed [0.0003, 0.3] of the primary energy")
        if not -500.0 <= self.ground_altitude_m <= 9000.0:
            raise ValueError(f"ground_altitude_m: {self.ground_altitude_m} is outside the allowed [-500, 9000] m")

    @property
    def schema(self) -> Schema:
        """Theta and x of an air shower."""
        return Schema(THETA, X)

    def prior(self, n: int, rng: np.random.Generator) -> Table:
        """Draw ``n`` events' theta from ``prior_range``."""
        return self.prior_range.draw(n, rng)

    def check(self, theta: Table) -> Table:
        """Theta in its dtypes; ValueError for the first value that cannot be simulated."""
        return simulable(theta, THETA, SIMULATED)

    def simulate(self, theta: Table, rng: np.random.Generator) -> Table:
        """Profiles and scalars of one shower for each event of ``theta``; ValueError for a bad column.

        The same ``theta`` and ``rng`` give the same bits; a part of ``theta`` gives other showers of the same distribution, as all events share one ``rng``.
        """
        theta = self.check(theta)
        ground = ground_depth_g_cm2(theta["zenith_deg"], self.ground_altitude_m)
        last = np.minimum(np.ceil(np.maximum(ground, _FOLLOW_TO_G_CM2) / DEPTH_STEP_G_CM2).astype(int) + 1, N_DEPTH - 1)
        # alike energies share a batch's equations, and a batch's deepest showers come first
        order = np.argsort(theta["lg_energy_ev"], kind="stable")
        result = {name: np.zeros((len(ground), *column.shape)) for name, column in X.items()}
        # one thread: sums in the same order, and the same bits, in every worker
        with threadpool_limits(1):
            for start in range(0, len(order), _BATCH):
                batch = order[start : start + _BATCH]
                batch = batch[np.argsort(-last[batch], kind="stable")]
                showers = self._batch(take(theta, batch), ground[batch], last[batch], rng)
                for name, values in showers.items():
                    result[name][batch] = values
        return check_table(result, X)

    def ready(self) -> None:
        """Read a table of the user's; ValueError for what is none."""
        from cloudchamber.studies.airshower.hybrid.tables import load_tables

        if self.tables not in ("packaged", "cached"):
            load_tables(self.table_file())

    def table_file(self) -> Path:
        """The interaction table that this simulator replays, built into the cache if it is not there yet."""
        from cloudchamber.studies.airshower.hybrid.tables import PACKAGED, ensure_tables

        if self.tables == "packaged":
            return PACKAGED
        return ensure_tables(self.model) if self.tables == "cached" else Path(self.tables)

    def _batch(self, theta: Table, ground: np.ndarray, last: np.ndarray, rng: np.random.Generator) -> Table:
        from cloudchamber.studies.airshower.hybrid.cascade import solve
        from cloudchamber.studies.airshower.hybrid.hadron_table import BINS, LG_MIN, PER_DECADE

        engine = _engine(self.table_file())
        energy_gev = 10.0 ** (theta["lg_energy_ev"].astype(float) - 9.0)
        top = np.log10(self.threshold * energy_gev.max())
        nodes = int(np.clip(np.ceil((top - LG_MIN) * PER_DECADE) + 2, 30, BINS))
        depths = int(last.max()) + 1
        density = density_along_track_g_cm3(theta["zenith_deg"], depth_grid()[:depths], self.ground_altitude_m)
        stage = engine.monte_carlo(theta["primary"], energy_gev, self.threshold, nodes, density, rng)
        profiles = solve(stage.source, np.ascontiguousarray(density.T), last, engine.equations(nodes), engine.em, DEPTH_STEP_G_CM2)
        return _finish(profiles, stage, ground, depths)


def _finish(profiles, stage, ground: np.ndarray, depths: int) -> Table:  # type: ignore[no-untyped-def]
    """Mask the profiles at the ground and sum up the scalars."""
    depth = depth_grid()[:depths]
    n_electron = profiles.n_electron + stage.n_electron
    deposit = profiles.energy_deposit + stage.energy_deposit
    xmax, nmax = xmax_parabola(depth, n_electron)
    xmax_deposit, _ = xmax_parabola(depth, deposit)
    seen = depth[None, :] <= ground[:, None]
    table = {}
    for name, values in (
        ("n_electron", n_electron),
        ("n_muon", profiles.n_muon),
        ("energy_deposit_gev_per_g_cm2", deposit),
        ("n_hadron", profiles.n_hadron),
    ):
        padded = np.zeros((len(ground), N_DEPTH))
        padded[:, :depths] = np.where(seen, np.maximum(values, 0.0), 0.0)
        table[name] = padded
    return table | {
        "xmax_g_cm2": xmax,
        "nmax": nmax,
        "first_interaction_g_cm2": stage.first_interaction,
        "calorimetric_energy_gev": _integral_to(depth, deposit, ground),
        "ground_energy_gev": _at(depth, profiles.in_flight + stage.in_flight, ground),
        "invisible_energy_gev": _at(depth, profiles.invisible, ground) + stage.invisible,
        "xmax_deposit_g_cm2": xmax_deposit,
    }


def _at(depth: np.ndarray, values: np.ndarray, where: np.ndarray) -> np.ndarray:
    return np.array([np.interp(x, depth, row) for x, row in zip(where, values, strict=True)])


def _integral_to(depth: np.ndarray, values: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Trapezoidal integral from the top down to ``where``."""
    steps = 0.5 * (values[:, 1:] + values[:, :-1]) * np.diff(depth)
    total = np.concatenate([np.zeros((len(values), 1)), np.cumsum(steps, axis=1)], axis=1)
    return _at(depth, total, where)


@lru_cache(maxsize=2)
def _engine(path: Path):  # type: ignore[no-untyped-def]
    from cloudchamber.studies.airshower.hybrid.engine import Engine

    return Engine.load(path)
