from typing import Any

import numpy as np
import pytest

from cloudchamber.rng import rng
from cloudchamber.schema import Ragged, Table, check_table, concatenate, take
from cloudchamber.studies.surface_array.array.showers import Showers
from cloudchamber.studies.surface_array.array.simulator import SurfaceArray
from cloudchamber.studies.surface_array.columns import FIT, HITS, PULSES, SILENT
from cloudchamber.studies.surface_array.fit.flags import FitFlag
from cloudchamber.studies.surface_array.fit.quality import passes
from cloudchamber.studies.surface_array.fit.reconstruct import reconstruct


def draw(n: int, lg_energy: float | tuple[float, float], particles: tuple[str, ...] = ("p",), seed: int = 1) -> tuple[Table, Table]:
    low, high = (lg_energy, lg_energy) if isinstance(lg_energy, float) else lg_energy
    array = SurfaceArray(Showers(particles=particles, lg_energy_ev=(low, high)))
    theta = array.prior(n, rng(seed, "theta"))
    return theta, array.simulate(theta, rng(seed, "x"))


def vectors(zenith_deg: np.ndarray, azimuth_deg: np.ndarray) -> np.ndarray:
    zenith, azimuth = np.deg2rad(np.asarray(zenith_deg, float)), np.deg2rad(np.asarray(azimuth_deg, float))
    return np.stack((np.sin(zenith) * np.cos(azimuth), np.sin(zenith) * np.sin(azimuth), np.cos(zenith)), -1)


def opening_deg(theta: Table, fit: Table) -> np.ndarray:
    apart = np.linalg.norm(vectors(theta["zenith_deg"], theta["azimuth_deg"]) - vectors(fit["fit_zenith_deg"], fit["fit_azimuth_deg"]), axis=1)
    return np.rad2deg(2 * np.arcsin(apart / 2))


@pytest.fixture(scope="module")
def mixture() -> tuple[Table, Table, Table]:
    theta, x = draw(500, (18.0, 20.5), ("p", "He", "N", "Fe"), seed=5)
    return theta, x, reconstruct(x)


@pytest.mark.parametrize(("lg_energy", "angle_deg", "core_m", "spread"), [(19.0, 1.6, 60.0, 0.14), (19.756, 0.85, 40.0, 0.125)])
def test_resolution_on_protons(lg_energy: float, angle_deg: float, core_m: float, spread: float) -> None:
    theta, x = draw(600, lg_energy, seed=11)
    fit = reconstruct(x)
    good = passes(fit)
    assert good.mean() > 0.95
    assert np.quantile(opening_deg(theta, fit)[good], 0.68) < angle_deg
    assert np.quantile(np.hypot(fit["fit_core_x_m"] - theta["core_x_m"], fit["fit_core_y_m"] - theta["core_y_m"])[good], 0.68) < core_m
    ratio = np.log(fit["fit_energy_ev"] / theta["energy_ev"])[good]
    assert abs(ratio.mean()) < 0.08 and ratio.std() < spread


def test_nearly_every_triggered_event_converges(mixture: tuple[Table, Table, Table]) -> None:
    _, _, fit = mixture
    assert ((fit["fit_flags"] & FitFlag.NOT_CONVERGED) == 0).mean() >= 0.995
    assert ((fit["fit_flags"] & FitFlag.COVARIANCE) == 0).mean() >= 0.99


def test_pulls(mixture: tuple[Table, Table, Table]) -> None:
    theta, _, fit = mixture
    deviation = np.sqrt(np.diagonal(fit["fit_covariance"].astype(float), axis1=1, axis2=2)[:, :4])
    turn = (fit["fit_azimuth_deg"] - theta["azimuth_deg"] + 180.0) % 360.0 - 180.0
    error = np.stack(
        [
            fit["fit_core_x_m"] - theta["core_x_m"],
            fit["fit_core_y_m"] - theta["core_y_m"],
            np.deg2rad(fit["fit_zenith_deg"] - theta["zenith_deg"]),
            np.deg2rad(turn),
        ],
        1,
    )
    pull = np.abs(error / deviation)
    assert pull[fit["fit_flags"] == 0].max() < 8
    assert np.all((np.quantile(pull, 0.68, axis=0) > 0.65) & (np.quantile(pull, 0.68, axis=0) < 1.25))
    in_direction = opening_deg(theta, fit) / fit["fit_direction_error_deg"]
    # of a two-dimensional Gaussian 68 % lie within 1.51
    assert 0.7 < np.quantile(in_direction, 0.68) / 1.51 * np.sqrt(2) < 1.6


def test_columns_are_those_of_the_schema(mixture: tuple[Table, Table, Table]) -> None:
    _, _, fit = mixture
    assert list(fit) == [*PULSES, *FIT]
    check_table(fit, {**PULSES, **FIT})
    assert np.all(np.linalg.eigvalsh(fit["fit_covariance"].astype(float)[:, :3, :3]) > 0)


def test_events_do_not_depend_on_their_neighbours(mixture: tuple[Table, Table, Table]) -> None:
    _, x, fit = mixture
    some = np.array([7, 3, 400])
    again = reconstruct(take(x, some))
    for name in FIT:
        np.testing.assert_array_equal(again[name], fit[name][some])


def test_a_shifted_and_later_event_gives_the_same_shower() -> None:
    _, x = draw(20, 19.5)
    moved = dict(x)
    for name, shift in (("station_x_m", 24_000.0), ("silent_x_m", 24_000.0), ("start_ns", 1e5)):
        moved[name] = Ragged(x[name].values.astype(float) + shift, x[name].offsets)
    one, two = reconstruct(x), reconstruct(moved)
    np.testing.assert_allclose(two["fit_zenith_deg"], one["fit_zenith_deg"], atol=0.02)
    np.testing.assert_allclose(two["fit_core_x_m"] - 24_000.0, one["fit_core_x_m"], atol=1.0)
    np.testing.assert_allclose(two["fit_t0_ns"] - 1e5, one["fit_t0_ns"], atol=3.0)


def event(x: Table, **columns: Any) -> Table:
    """One event, some of its columns (lists of values) replaced."""
    first = take(x, slice(1))
    for name, values in columns.items():
        first[name] = Ragged(np.asarray(values, dtype=first[name].dtype if np.asarray(values).dtype.kind != "f" else float), np.array([0, len(values)]))
    return first


def keep(x: Table, hits: np.ndarray) -> Table:
    return event(x, **{name: x[name].values[: x[name].offsets[1]][hits] for name in ("station_x_m", "station_y_m", "start_ns", "waveform")})


def finite(fit: Table) -> Table:
    check_table(fit, {**PULSES, **FIT})
    return fit


@pytest.fixture(scope="module")
def one() -> tuple[Table, Table]:
    return draw(1, 19.5, seed=3)


def test_no_station(one: tuple[Table, Table]) -> None:
    fit = finite(reconstruct(keep(one[1], np.array([], int))))
    assert fit["fit_flags"][0] & FitFlag.NO_STATION and fit["fit_zenith_deg"][0] == 0 and fit["fit_stations"][0] == 0
    assert not passes(fit)[0]


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_few_stations(one: tuple[Table, Table], n: int) -> None:
    strongest = np.argsort(-reconstruct(one[1])["pulse_density"].values)[:n]
    fit = finite(reconstruct(keep(one[1], strongest)))
    assert bool(fit["fit_flags"][0] & FitFlag.FEW_STATIONS) is (n < 3)
    assert fit["fit_flags"][0] & FitFlag.CURVATURE_HELD and fit["fit_stations"][0] == n
    assert np.hypot(fit["fit_core_x_m"] - one[0]["core_x_m"], fit["fit_core_y_m"] - one[0]["core_y_m"])[0] < 1500


def test_all_saturated(one: tuple[Table, Table]) -> None:
    waveform = one[1]["waveform"].values.copy()
    waveform[:, :, 25] = 4095
    fit = finite(reconstruct(event(one[1], waveform=waveform)))
    assert fit["fit_flags"][0] & FitFlag.ALL_SATURATED and not passes(fit)[0]


def test_a_duplicated_station_changes_nothing_but_the_flag(one: tuple[Table, Table]) -> None:
    plain, doubled = reconstruct(one[1]), finite(reconstruct(keep(one[1], np.array([*range(len(one[1]["start_ns"].values)), 2]))))
    assert doubled["fit_flags"][0] == plain["fit_flags"][0] | FitFlag.DUPLICATE
    assert doubled["fit_zenith_deg"] == pytest.approx(plain["fit_zenith_deg"], abs=0.01)


def test_a_station_with_a_wild_time_is_left_out(one: tuple[Table, Table]) -> None:
    plain, start = reconstruct(one[1]), one[1]["start_ns"].values.copy()
    for shift in (3_000.0, -25_000.0):
        wild = start.copy()
        wild[np.argmax(plain["pulse_density"].values)] += shift
        fit = finite(reconstruct(event(one[1], start_ns=wild)))
        assert fit["fit_flags"][0] & FitFlag.TIME_OUTLIER and fit["fit_stations"][0] == plain["fit_stations"][0] - 1
        assert opening_deg({"zenith_deg": plain["fit_zenith_deg"], "azimuth_deg": plain["fit_azimuth_deg"]}, fit)[0] < 1.0


def test_numbers_that_are_none_are_flagged(one: tuple[Table, Table]) -> None:
    x = one[1]
    bad_sample, bad_place = x["waveform"].values.astype(float), x["station_x_m"].values.astype(float)
    bad_sample[3, 0, 17], bad_place[4] = np.nan, np.inf
    fit = finite(reconstruct(event(x, waveform=bad_sample, station_x_m=bad_place)))
    assert fit["fit_flags"][0] & FitFlag.BAD_RECORD and fit["pulse_use"].values[[3, 4]].tolist() == [0, 0]
    assert opening_deg(one[0], fit)[0] < 5


def test_stations_in_a_line(one: tuple[Table, Table]) -> None:
    n = len(one[1]["start_ns"].values)
    fit = finite(reconstruct(event(one[1], station_x_m=1200.0 * np.arange(n), station_y_m=np.zeros(n))))
    assert fit["fit_direction_error_deg"][0] > 1


def test_nothing_at_all_and_nonsense_do_not_stop_the_batch(one: tuple[Table, Table]) -> None:
    assert len(reconstruct(take(one[1], slice(0)))["fit_flags"]) == 0
    generator = rng(8)
    events = []
    for _ in range(60):
        hits, silent = generator.integers(0, 12), generator.integers(0, 12)
        scale = 10 ** generator.uniform(0, 5)
        events.append(
            {
                "station_x_m": generator.normal(0, scale, hits),
                "station_y_m": generator.normal(0, scale, hits),
                "start_ns": generator.normal(0, 10 ** generator.uniform(0, 7), hits),
                "waveform": generator.integers(0, generator.integers(1, 4097), (hits, 2, 256)).astype(np.uint16),
                "silent_x_m": generator.normal(0, scale, silent),
                "silent_y_m": generator.normal(0, scale, silent),
            }
        )
    nonsense = {name: Ragged.from_list([each[name] for each in events]) for name in (*HITS, *SILENT)}
    fit = finite(reconstruct(nonsense))
    first = take(one[1], slice(1))
    mixed = reconstruct(concatenate([nonsense, first]))
    np.testing.assert_array_equal(mixed["fit_zenith_deg"][-1], reconstruct(first)["fit_zenith_deg"][0])
    assert (fit["fit_flags"] != 0).mean() > 0.9


def test_a_missing_column_is_named(one: tuple[Table, Table]) -> None:
    x = dict(one[1])
    x["start"] = x.pop("start_ns")
    with pytest.raises(ValueError, match=r"start_ns.*did you mean 'start'"):
        reconstruct(x)
    with pytest.raises(ValueError, match="waveform"):
        reconstruct({**one[1], "waveform": Ragged(np.zeros((len(one[1]["start_ns"].values), 2, 128)), one[1]["waveform"].offsets)})
    with pytest.raises(TypeError, match="silent_x_m"):
        reconstruct({**one[1], "silent_x_m": np.zeros(3)})
