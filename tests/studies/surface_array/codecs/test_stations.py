"""What networks see of an event: nothing of where the shower fell nor of its azimuth, and everything that they correct comes back."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch

from cloudchamber.nn.codec import Tensors
from cloudchamber.nn.tensors import to_tensors
from cloudchamber.rng import rng
from cloudchamber.schema import Ragged, Schema, Table
from cloudchamber.studies.surface_array.array.simulator import SurfaceArray
from cloudchamber.studies.surface_array.codecs.stations import GIVEN, PLAIN, TARGET, Corrections, Stations, StationsCodec, ln_expected
from cloudchamber.studies.surface_array.columns import FIT, HITS, PULSES, SILENT, THETA
from cloudchamber.studies.surface_array.fit.ldf import ln_ldf, slope

SCHEMA = Schema(THETA, {**HITS, **SILENT, **PULSES, **FIT})


@cache
def events() -> Table:
    simulator = SurfaceArray()
    theta = simulator.prior(60, rng(1))
    return {**theta, **simulator.simulate(theta, rng(2))}


def given(table: Table) -> Tensors:
    return to_tensors(table, SCHEMA.select(GIVEN))


def stations(nearest: int = 12, samples: int = 64) -> StationsCodec:
    return Stations(nearest, samples).build(SCHEMA.select(GIVEN))


def moved(table: Table, turn_deg: float, x_m: float, y_m: float, later_ns: float) -> Table:
    """The same events elsewhere, turned about the vertical, and later."""
    turn = np.radians(turn_deg)
    table = dict(table)
    for x, y in (("station_x_m", "station_y_m"), ("silent_x_m", "silent_y_m"), ("core_x_m", "core_y_m"), ("fit_core_x_m", "fit_core_y_m")):
        along, across = (np.asarray(table[name].values if isinstance(table[name], Ragged) else table[name], float) for name in (x, y))
        new = (x_m + along * np.cos(turn) - across * np.sin(turn), y_m + along * np.sin(turn) + across * np.cos(turn))
        for name, values in zip((x, y), new, strict=True):
            table[name] = Ragged(values.astype("f4"), table[name].offsets) if isinstance(table[name], Ragged) else values.astype("f4")
    for name in ("azimuth_deg", "fit_azimuth_deg"):
        table[name] = table[name] + np.float32(turn_deg)
    for name in ("start_ns", "pulse_time_ns"):
        table[name] = Ragged(table[name].values + later_ns, table[name].offsets)
    table["fit_t0_ns"] = table["fit_t0_ns"] + later_ns
    return table


def test_place_time_and_azimuth_do_not_matter() -> None:
    codec = stations()
    one, other = (codec.encode(given(table), {}) for table in (events(), moved(events(), 73.0, 900.0, -400.0, 2000.0)))
    assert one.shape == (60, 12 * (PLAIN + 128)) and torch.isfinite(one).all()
    assert float((one - other).abs().quantile(0.999)) < 0.02


def test_the_nearest_stations_come_first_silent_ones_without_a_record() -> None:
    numbers = stations().stations(given(events()))[0]
    distance = (numbers[..., 2].square() + numbers[..., 3].square()).sqrt()
    there, recorded = numbers[..., 0] > 0, numbers[..., 1] > 0
    assert (distance[:, 1:] >= distance[:, :-1] - 1e-3)[there[:, 1:]].all()
    assert 0 < int(recorded.sum()) < int(there.sum())
    assert float(numbers[..., PLAIN:][~recorded].abs().max()) == 0
    assert (numbers[..., PLAIN:][recorded].amax(1) > 0.2).all()


def test_fewer_stations_than_places_and_none_at_all() -> None:
    table = events()
    one = given(table)
    empty = {name: torch.full_like(values, torch.nan) if name in {**HITS, **PULSES, **SILENT} else values for name, values in one.items()}
    for columns, expected in ((one, True), (empty, False)):
        numbers = stations(nearest=300).stations(columns)[0]
        assert numbers.shape[1] == 300 and torch.isfinite(numbers).all()
        assert bool((numbers[..., 0] > 0).any()) is expected


def test_the_expected_density_is_that_of_the_fit() -> None:
    columns = given(events())
    distance = torch.full((60, 1), 1234.0)
    secant = 1 / np.cos(np.radians(columns["fit_zenith_deg"].numpy().astype(float)))
    expected = [np.log(s800) + ln_ldf(1234.0, slope(sec)) for s800, sec in zip(columns["fit_s800_vem"].numpy(), secant, strict=True)]
    np.testing.assert_allclose(ln_expected(distance, columns)[:, 0].numpy(), expected, atol=2e-3)


def test_corrections_come_back() -> None:
    codec = Corrections().build(SCHEMA.select(TARGET))
    target, columns = to_tensors(events(), SCHEMA.select(TARGET)), given(events())
    codec.fit(target, columns)
    flat = codec.encode(target, columns)
    assert flat.shape == (60, 11) and torch.equal(flat[:, :5].sum(1), torch.ones(60))
    back = codec.decode(flat, columns)
    for name, tolerance in (("zenith_deg", 0.02), ("core_x_m", 0.5), ("core_y_m", 0.5), ("xmax_g_cm2", 0.1)):
        torch.testing.assert_close(back[name], target[name], atol=tolerance, rtol=1e-4)
    torch.testing.assert_close(back["energy_ev"].float(), target["energy_ev"], rtol=1e-4, atol=0)
    turn = (back["azimuth_deg"] - target["azimuth_deg"] + 180) % 360 - 180
    assert float((turn * target["zenith_deg"].deg2rad().sin()).abs().max()) < 0.05
    assert torch.equal(back["particle"], target["particle"])


def test_corrections_turn_with_the_event() -> None:
    codec = Corrections().build(SCHEMA.select(TARGET))
    tables = [events(), moved(events(), -100.0, 300.0, 700.0, 0.0)]
    one, other = (codec.encode(to_tensors(table, SCHEMA.select(TARGET)), given(table)) for table in tables)
    torch.testing.assert_close(one[:, 5:7], other[:, 5:7], atol=0.02, rtol=1e-3)
    torch.testing.assert_close(one[:, 8:10], other[:, 8:10], atol=0.5, rtol=1e-3)


def test_the_density_counts_degrees_ev_and_metres() -> None:
    """ln|d flat / d columns| against finite differences, in double precision."""
    codec = Corrections().build(SCHEMA.select(TARGET[1:])).double()
    table = to_tensors(events(), SCHEMA.select(TARGET[1:]))
    columns = given(events())
    codec.fit(table, columns)
    names, step = TARGET[1:], {"energy_ev": 3e-3}
    jacobian = []
    for name in names:
        h = step.get(name, 0.05) * (table[name].double() if name == "energy_ev" else torch.ones(60, dtype=torch.float64))
        sides = [codec._numbers({**table, name: (table[name].double() + sign * h).float()}, columns).double() / codec.scale.deviation for sign in (1, -1)]
        jacobian.append((sides[0] - sides[1]) / (2 * h[:, None]))
    found = torch.linalg.slogdet(torch.stack(jacobian, 2)).logabsdet
    steep = table["zenith_deg"] > 10
    torch.testing.assert_close(codec.log_det(table, columns)[steep].double(), found[steep], atol=0.15, rtol=0)


def test_columns_are_checked() -> None:
    with pytest.raises(ValueError, match="this codec maps the columns station_x_m"):
        Stations().build(SCHEMA.select(GIVEN[1:]))
    with pytest.raises(ValueError, match="divide the 256"):
        Stations(samples=100).build(SCHEMA.select(GIVEN))
    with pytest.raises(ValueError, match="this codec maps the columns zenith_deg"):
        Corrections().build(SCHEMA.select(TARGET[1:-1]))
