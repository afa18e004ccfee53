"""A trained generator of hits as tables: what its networks say by distance, by depth and by phi, looked up for millions of hits a second.

Nothing is approximated but steps: ``STEP_MM`` of distance, ``DEPTHS`` of depth, ``EDGES`` of how far from the edge a deposit is left, ``PHI_STEP_MV`` and
``NORMALS`` between which deposits are interpolated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeGuard

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray
from torch import Tensor

from cloudchamber.nn.tensors import to_tensors
from cloudchamber.rng import rng
from cloudchamber.run.domain import values_of
from cloudchamber.run.network import TrainedNetwork
from cloudchamber.run.trained import TrainedModel
from cloudchamber.schema import check_table
from cloudchamber.studies.bolometer.columns import FAMILIES
from cloudchamber.studies.bolometer.detector import Detector
from cloudchamber.studies.bolometer.marks.codec import MarksCodec
from cloudchamber.studies.bolometer.marks.model import CONDITIONS, MarkModel, with_edge
from cloudchamber.studies.bolometer.signal.filters import PulseTable, Tabled, pulse_table, series
from cloudchamber.studies.bolometer.wafer.hits import Hits, delays_s, draw_times

Array = NDArray[Any]

STEP_MM, DEPTHS, EDGES, PHI_STEP_MV = 0.1, 5000, 32, 40.0
NORMALS, HIGHEST = 129, 4.6
"""Normal numbers at which deposits are kept, between +-``HIGHEST``."""
SCATTERS = 4096
"""Equally likely normal numbers that heights scatter by."""
LEAST_SHARE = 1e-3
"""Exponentials of smaller shares in a height are none."""


class DrawnHits(NamedTuple):
    """Hits in order of time, each (hits,): ``family`` a code of ``columns.FAMILIES``, ``bolometer`` -1 for the wafer; and their pulses for the filters."""

    time_s: Array
    family: Array
    x_mm: Array
    y_mm: Array
    bolometer: Array
    deposit_kev: Array
    pulses: Tabled


@dataclass(frozen=True)
class HitTables:
    """See the module; of a run at one thickness, made by ``tabulate``. Families are those of ``codes``, in their order.

    ``width`` (families, rows) is what heights scatter by, ``pulses`` the exponentials, rows of one family after those of another: a row for each distance,
    and last that of the struck bolometer. ``state`` (families, depths) is the probability that ``lift`` (families, 2) is the first one;
    ``ln_deposit`` (families, phi, edges, normals), edges by the root of
    ``Layout.inside``; ``ln_rate`` (phi,).
    """

    codes: Array
    area: Array
    side_mm: float
    sides_mm: Array
    places_mm: Array
    phi_mv: Array
    ln_rate: Array
    ln_deposit: Array
    width: Array
    pulses: PulseTable
    state: Array
    lift: Array

    def rate_per_s(self, phi_mv: float) -> float:
        """Hits of these families a second; ValueError beyond the phi that was learned."""
        low, within = self._node(phi_mv)
        return float(np.exp((1 - within) * self.ln_rate[low] + within * self.ln_rate[low + 1]))

    def draw(self, seed: int, chunk: int, phi_mv: float, start_s: float, duration_s: float, rates_per_s: Array | None = None) -> DrawnHits:
        """The hits from ``start_s`` on: the same for the same seed and number of the chunk, whatever else was drawn.

        ``rates_per_s`` (families,) where the flux tells them, in place of the learned ones.
        """
        random = rng(seed, "hits", chunk)
        time_s, family = draw_times(self.rate_per_s(phi_mv) * self.area if rates_per_s is None else rates_per_s, duration_s, random)
        n, bolometers = len(time_s), len(self.places_mm)
        normal = random.standard_normal(n, dtype=np.float32)
        share = random.random((n, 4), dtype=np.float32)
        scatter = random.bit_generator.random_raw((n * bolometers + 3) // 4).view(np.uint16)[: n * bolometers].reshape(n, bolometers)
        low, within = self._node(phi_mv)
        ln_deposit = (1 - within) * self.ln_deposit[:, low] + within * self.ln_deposit[:, low + 1]
        place, struck, deposit = np.empty((n, 2), np.float32), np.empty(n, np.int64), np.empty(n, np.float32)
        energy, row = np.empty((n, bolometers), np.float32), np.empty((n, bolometers), np.int32)
        wafer = self.codes == FAMILIES.index("wafer")
        learned = ln_deposit.astype(np.float32), self.width, self.state, self.lift
        geometry = self.sides_mm, self.places_mm, wafer, self.side_mm
        _draw(family, normal, share, scatter, _SCATTER, *learned, *geometry, place, struck, deposit, energy, row)
        time_s += start_s
        return DrawnHits(time_s, self.codes[family], place[:, 0], place[:, 1], struck, deposit, Tabled(time_s, energy, row, self.pulses))

    def _node(self, phi_mv: float) -> tuple[int, float]:
        if not self.phi_mv[0] <= phi_mv <= self.phi_mv[-1]:
            raise ValueError(f"phi_mv: {phi_mv:g} is outside what was learned, [{self.phi_mv[0]:g}, {self.phi_mv[-1]:g}] MV")
        low = int(np.clip(np.searchsorted(self.phi_mv, phi_mv, side="right") - 1, 0, len(self.phi_mv) - 2))
        return low, float((phi_mv - self.phi_mv[low]) / (self.phi_mv[low + 1] - self.phi_mv[low]))


def is_tabulated(model: TrainedModel) -> TypeGuard[TrainedNetwork]:
    """Whether it is a run of the recipe ``events``, whose hits tables can hold."""
    return isinstance(model, TrainedNetwork) and isinstance(model.model, MarkModel) and isinstance(model.target_codec, MarksCodec)


def tabulate(model: TrainedModel, detector: Detector, thickness_um: float, families: Sequence[str] = ()) -> HitTables:
    """The tables of a run of ``events`` for a wafer of this thickness; ``families`` of the detector, all where none is named.

    Delays, and how often each family is hit, follow from the detector's geometry. ValueError for a run, detector or thickness that does not fit.
    """
    if not is_tabulated(model):
        raise ValueError(f"'{model.study}/{model.name}' is no run of the recipe events, whose hits tables can hold")
    network, codec = model.model.eval(), model.target_codec
    assert isinstance(network, MarkModel) and isinstance(codec, MarksCodec)
    learned = (network.layout.rows, network.layout.columns, network.layout.pitch_mm, network.constants)
    if learned != (detector.wafer.rows, detector.wafer.columns, detector.wafer.pitch_mm, len(detector.time_constants_s)):
        raise ValueError(f"'{model.study}/{model.name}' learned another detector's hits: {network.layout}, {network.constants} exponentials")
    names = tuple(name for name in detector.family_names if name in families) if families else detector.family_names
    codes = np.array([FAMILIES.index(name) for name in names])
    low, high = map(float, values_of(model.domain["phi_mv"]))
    phi_mv = np.linspace(low, high, max(int(np.ceil((high - low) / PHI_STEP_MV)) + 1, 2))
    all_areas = detector.area_cm2()
    area = all_areas[[detector.family_names.index(name) for name in names]] / all_areas.sum()
    reach_mm = float(np.hypot(*(0.5 * detector.wafer.side_mm + np.abs(detector.wafer.places_mm).max(axis=0))))
    distance_mm = STEP_MM * (np.arange(int(reach_mm / STEP_MM) + 2) + 0.5)
    delays = np.concatenate([_delays(detector, distance_mm, thickness_um, code) for code in codes])
    with torch.no_grad():
        ln_rate, ln_deposit = _conditions(model, network, codec, phi_mv, thickness_um, codes)
        gains = _gains(model, network, codec, distance_mm, low, thickness_um, codes)
        depth = (torch.arange(DEPTHS) + 0.5) / DEPTHS
        lifted = [network.heights.lifted(depth, _given(model, np.full(DEPTHS, low), thickness_um, int(code))[:, CONDITIONS:]) for code in codes]
    return HitTables(
        codes,
        area,
        detector.wafer.side_mm,
        np.array(network.layout.sides_mm)[codes],
        detector.wafer.places_mm,
        phi_mv,
        ln_rate,
        ln_deposit,
        np.stack([width for width, _ in gains]),
        pulse_table(np.concatenate([gain for _, gain in gains]), delays, np.array(detector.time_constants_s)),
        np.stack([log_state[:, 0].exp().numpy() for log_state, _ in lifted]),
        np.stack([lift[0].exp().numpy() for _, lift in lifted]),
    )


def _given(model: TrainedNetwork, phi_mv: Array, thickness_um: float, code: int) -> Tensor:
    """What the networks are given, checked against the trained domain."""
    n = len(phi_mv)
    table = {"phi_mv": phi_mv, "thickness_um": np.full(n, thickness_um), "family": np.full(n, code)}
    checked, _ = model.checked(check_table(table, model.given_columns), "refuse")
    return model.given_codec.encode(to_tensors(checked, model.given_columns), {})


def _conditions(model: TrainedNetwork, network: MarkModel, codec: MarksCodec, phi_mv: Array, thickness_um: float, codes: Array) -> tuple[Array, Array]:
    """ln of all hits a second at each phi; ln deposits of each family at each phi, edge and normal number."""
    normal = torch.linspace(-HIGHEST, HIGHEST, NORMALS)
    inside = ((torch.arange(EDGES) + 0.5) / EDGES).square()
    rates = network.log_rate(_given(model, phi_mv, thickness_um, int(codes[0]))) - codec.mean_time_s.log()
    deposits = []
    for code in codes:
        given = _given(model, np.repeat(phi_mv, EDGES * NORMALS), thickness_um, int(code))
        noise = torch.zeros(len(given), network.deposit.noise_size)
        # whatever else a model of one number draws by, such as which of one component, comes first
        noise[:, -1] = normal.repeat(len(phi_mv) * EDGES)
        flat = network.deposit.generate(noise, with_edge(given, inside.repeat_interleave(NORMALS).repeat(len(phi_mv))))[:, 0]
        kev = codec.deposit_kev(flat, given[:, CONDITIONS:], torch.full((len(flat),), thickness_um))
        deposits.append(kev.log().reshape(len(phi_mv), EDGES, NORMALS).numpy())
    return rates.double().numpy(), np.stack(deposits)


def _gains(
    model: TrainedNetwork, network: MarkModel, codec: MarksCodec, distance_mm: Array, phi_mv: float, thickness_um: float, codes: Array
) -> list[tuple[Array, Array]]:
    """Of each family scatter (rows,), and heights of the exponentials in W/keV (rows, constants); no network of them looks at phi."""
    distance = torch.tensor([*distance_mm, 0.25 * STEP_MM], dtype=torch.float32)
    struck = torch.zeros(len(distance))
    struck[-1] = 1.0
    found = []
    for code in codes:
        mean, log_width, log_share = network.heights.at(distance, struck, _given(model, np.full(len(distance), phi_mv), thickness_um, int(code)))
        share = log_share.exp()
        share = torch.where(share < LEAST_SHARE, 0.0, share)
        gain = share / share.sum(-1, keepdim=True) * (mean + torch.where(struck > 0, codec.mean_gain[1], codec.mean_gain[0])).exp()[:, None]
        found.append((log_width.exp().numpy(), gain.numpy()))
    return found


def _delays(detector: Detector, distance_mm: Array, thickness_um: float, code: int) -> Array:
    """Delays of the exponentials of a family by distance, the struck bolometer's last, (rows, constants)."""
    n = len(distance_mm) + 1
    x, y = detector.wafer.places_mm[0]
    bolometer = np.full(n, -1)
    if FAMILIES[code] != "wafer":
        bolometer[:] = detector.bolometers - 1
        bolometer[-1] = 0
    nothing = np.zeros(n)
    hits = Hits(np.full(n, code), np.full(n, thickness_um), nothing, nothing, x + np.append(distance_mm, 0.0), np.full(n, y), bolometer, nothing, nothing)
    return delays_s(detector, hits)[:, 0].astype(np.float32)


_SCATTER = torch.special.ndtri((torch.arange(SCATTERS, dtype=torch.float64) + 0.5) / SCATTERS).float().numpy()


@njit(cache=True)
def _draw(
    family: Array,
    normal: Array,
    share: Array,
    scatter: Array,
    scatters: Array,
    ln_deposit: Array,
    width: Array,
    state: Array,
    lift: Array,
    sides_mm: Array,
    places_mm: Array,
    wafer: Array,
    side_mm: float,
    place: Array,
    struck: Array,
    deposit: Array,
    energy_kev: Array,
    row: Array,
) -> None:
    """Write ``place`` and what follows, hit by hit."""
    bolometers = len(places_mm)
    rows, depths, (edges, normals) = width.shape[1], state.shape[1], ln_deposit.shape[1:]
    along, across = places_mm[:, 0].copy(), places_mm[:, 1].copy()
    for hit in range(len(family)):
        f = family[hit]
        x, y = (share[hit, 0] - 0.5) * sides_mm[f], (share[hit, 1] - 0.5) * sides_mm[f]
        struck[hit] = -1
        if not wafer[f]:
            struck[hit] = min(int(share[hit, 2] * bolometers), bolometers - 1)
            x += places_mm[struck[hit], 0]
            y += places_mm[struck[hit], 1]
        place[hit, 0], place[hit, 1] = x, y
        at = min(max((normal[hit] + HIGHEST) * ((normals - 1) / (2 * HIGHEST)), 0.0), normals - 1.001)
        low = int(at)
        edge = min(int(np.sqrt(1 - 2 * max(abs(share[hit, 0] - 0.5), abs(share[hit, 1] - 0.5))) * edges), edges - 1)
        one, two = ln_deposit[f, edge, low], ln_deposit[f, edge, low + 1]
        kev = np.exp(one + (at - low) * (two - one))
        deposit[hit] = kev
        depth = min(max(int((1 - max(abs(x), abs(y)) / (0.5 * side_mm)) * depths), 0), depths - 1)
        lifted = kev * (lift[f, 0] if share[hit, 3] < state[f, depth] else lift[f, 1])
        # slices, as loops over a row of a matrix stay scalar
        seen, at_row, number, widths = energy_kev[hit], row[hit], scatter[hit], width[f]
        for b in range(bolometers):
            at_row[b] = min(int(np.sqrt((x - along[b]) ** 2 + (y - across[b]) ** 2) * (1 / STEP_MM)), rows - 2)
        if struck[hit] >= 0:
            at_row[struck[hit]] = rows - 1
        for b in range(bolometers):
            seen[b] = lifted * series(widths[at_row[b]] * scatters[number[b] % SCATTERS])
            at_row[b] += f * rows
