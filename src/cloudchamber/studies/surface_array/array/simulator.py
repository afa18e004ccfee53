"""The simulator: showers onto a grid of two-layer scintillators, as records and silent stations, with their standard reconstruction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cloudchamber.schema import Ragged, Schema, Table, check_table, concatenate, events_in, take
from cloudchamber.studies.surface_array.array.detector import Detector
from cloudchamber.studies.surface_array.array.grid import Grid
from cloudchamber.studies.surface_array.array.showers import SIMULATED, Showers
from cloudchamber.studies.surface_array.columns import BINS, SEEN, STEP_NS, THETA
from cloudchamber.study import simulable

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloudchamber.studies.surface_array.array.kernel import Arrivals, Stations
    from cloudchamber.studies.surface_array.array.lateral import Footprint
    from cloudchamber.studies.surface_array.array.response import Electronics

_BATCH = 256
_TRIES = 50


@dataclass(frozen=True)
class SurfaceArray:
    """Air showers on a surface array in the manner of Telescope Array's.

    With ``triggered``, (theta, x) are those of events that triggered the array: the prior keeps showers that trigger when drawn once, and ``simulate`` draws an
    event again until it triggers, at most 50 times. ``dead_share`` and ``clock_jitter_ns`` are ranges out of which each event has its own share of dead
    stations and its own spread of the stations' clocks. Silent stations are listed within 5 km of the signals' centre.

    Share of showers below 45 deg that trigger the default array, in %:

        lg(E/eV)    18    18.25    18.5    18.75    19    19.5    20
        gamma        4       15      34       58    76      94    94
        p            7       27      53       83    97     100   100
        He           9       28      57       87    97     100   100
        N           10       32      62       88    98     100   100
        Fe          10       33      66       89    99     100   100

    Some 1000 events a second on one core, 26 records an event on average, of 1 kB each.
    """

    showers: Showers = Showers()
    grid: Grid = Grid()
    detector: Detector = Detector()
    triggered: bool = True
    dead_share: tuple[float, float] = (0.0, 0.05)
    clock_jitter_ns: tuple[float, float] = (5.0, 15.0)

    def __post_init__(self) -> None:
        if len(self.dead_share) != 2 or not 0 <= self.dead_share[0] <= self.dead_share[1] <= 1:
            raise ValueError(f"dead_share: {self.dead_share} must be a lowest and a highest share within [0, 1]")
        if len(self.clock_jitter_ns) != 2 or not 0 <= self.clock_jitter_ns[0] <= self.clock_jitter_ns[1] <= 1000:
            raise ValueError(f"clock_jitter_ns: {self.clock_jitter_ns} must be a lowest and a highest spread within [0, 1000] ns")
        if (self.detector.bins, self.detector.step_ns) != (BINS, STEP_NS):
            raise ValueError(f"detector: a record has {BINS} samples of {STEP_NS:g} ns, not {self.detector.bins} of {self.detector.step_ns:g} ns")
        if self.detector.saturation_counts > 4095:
            raise ValueError(f"detector: saturation_counts: {self.detector.saturation_counts} is above 4095, the highest of 12 bits")

    @property
    def schema(self) -> Schema:
        """Theta and x of an event."""
        return Schema(THETA, SEEN)

    def prior(self, n: int, rng: np.random.Generator) -> Table:
        """Draw ``n`` events' theta; ValueError if hardly any shower triggers."""
        if not self.triggered or n == 0:
            return self.showers.draw(n, self.grid.cell_m, rng)
        from cloudchamber.studies.surface_array.array.kernel import which_trigger

        return self._draw_until(n, rng, lambda theta: take(theta, which_trigger(*self._compiled(theta), rng)))

    def joint(self, n: int, rng: np.random.Generator) -> tuple[Table, Table]:
        """Draw ``n`` events' theta, the prior's, and x: a shower that triggers is kept with its records, where prior and simulate would draw it twice."""
        if not self.triggered or n == 0:
            theta = self.prior(n, rng)
            return theta, self.simulate(theta, rng)

        def keep(theta: Table) -> Table:
            x, triggered = self._see(theta, 1, True, rng)
            return {**take(theta, triggered), **x}

        table = self._draw_until(n, rng, keep)
        return check_table(table, THETA, extra=True), check_table(table | self._fit(table), SEEN, extra=True)

    def check(self, theta: Table) -> Table:
        """Theta in its dtypes; ValueError for the first value that cannot be simulated."""
        return simulable(theta, THETA, SIMULATED)

    def simulate(self, theta: Table, rng: np.random.Generator) -> Table:
        """Records, silent stations and the parametric fit of one event for each of ``theta``; ValueError for a bad column."""
        theta = self.check(theta)
        x, _ = self._see(theta, _TRIES if self.triggered else 1, False, rng)
        return check_table(x | self._fit(x), SEEN)

    def _draw_until(self, n: int, rng: np.random.Generator, keep: Callable[[Table], Table]) -> Table:
        """``n`` events of what ``keep`` keeps of the showers that are drawn for it; ValueError if that is hardly any."""
        parts: list[Table] = []
        kept, drawn = 0, 0
        while kept < n:
            theta = self.showers.draw(max(_BATCH, n - kept), self.grid.cell_m, rng)
            part = keep(theta)
            parts.append(part)
            kept, drawn = kept + events_in(part), drawn + events_in(theta)
            if kept < 1e-4 * (drawn - 10_000):
                raise ValueError(f"showers: {kept} of {drawn} showers trigger this array; raise lg_energy_ev, or set triggered to false")
        return take(concatenate(parts), slice(n))

    def _see(self, theta: Table, tries: int, drop: bool, rng: np.random.Generator) -> tuple[Table, np.ndarray]:
        """Records and silent stations, with ``drop`` of those events alone that trigger, and which do."""
        from cloudchamber.studies.surface_array.array.kernel import draw_events

        records, starts, stations, ends, silent, silent_ends, triggered = draw_events(*self._compiled(theta), tries, drop, rng)
        if drop:
            ends, silent_ends = ends[triggered], silent_ends[triggered]
        hits, quiet, positions = np.concatenate([[0], ends]), np.concatenate([[0], silent_ends]), self.grid.positions_m
        table = {
            "station_x_m": Ragged(positions[stations, 0], hits),
            "station_y_m": Ragged(positions[stations, 1], hits),
            "start_ns": Ragged(starts, hits),
            "waveform": Ragged(records, hits),
            "silent_x_m": Ragged(positions[silent, 0], quiet),
            "silent_y_m": Ragged(positions[silent, 1], quiet),
        }
        return table, triggered

    def _fit(self, table: Table) -> Table:
        from cloudchamber.studies.surface_array.fit.reconstruct import reconstruct

        return reconstruct(table, self.detector)

    def _compiled(self, theta: Table) -> tuple[Arrivals, Footprint, Stations, Electronics]:
        """What the kernel's functions take first."""
        from cloudchamber.studies.surface_array.array.kernel import Arrivals, Stations
        from cloudchamber.studies.surface_array.array.lateral import footprints
        from cloudchamber.studies.surface_array.array.response import electronics

        zenith, azimuth, core_x, core_y = (np.asarray(theta[name], float) for name in ("zenith_deg", "azimuth_deg", "core_x_m", "core_y_m"))
        arrivals = Arrivals(np.radians(zenith), np.radians(azimuth), core_x, core_y)
        grid = self.grid
        dead, jitter = ((float(low), float(high)) for low, high in (self.dead_share, self.clock_jitter_ns))
        stations = Stations(grid.positions_m, grid.spacing_m, grid.density_g_cm2_m, dead, jitter)
        return arrivals, footprints(theta, grid), stations, electronics(self.detector)
