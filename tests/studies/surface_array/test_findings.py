from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from bad_inputs.damage import stations
from cloudchamber.cli import main
from cloudchamber.run.domain import domain_of
from cloudchamber.run.network import TrainedNetwork
from cloudchamber.schema import Ragged, Schema, Table, events_in, take, whole
from cloudchamber.studies.surface_array.columns import FIT, HITS, PULSES, SEEN, SILENT, THETA
from cloudchamber.studies.surface_array.findings import ArrayFinder, words
from cloudchamber.studies.surface_array.fit.flags import FitFlag
from cloudchamber.studies.surface_array.fit.reconstruct import reconstruct
from cloudchamber.studies.surface_array.formats import ReadFlag
from cloudchamber.studies.surface_array.recipes import waveform_net
from cloudchamber.study import Findings


def seen(table: Table, events: int) -> Table:
    return take({name: table[name] for name in (*HITS, *SILENT, *PULSES, *FIT)}, slice(0, events))


def beside_the_fit(table: Table, answer: Table) -> tuple[Table, Findings]:
    """Columns and findings, of events that come in two chunks."""
    finder, half = ArrayFinder(), events_in(table) // 2
    parts = [finder.see(take(table, part), {name: values[part] for name, values in answer.items()}) for part in (slice(0, half), slice(half, None))]
    return whole(parts), finder.findings()


def test_answers_beside_the_fit(simulated: Table, answer_to) -> None:
    events, answer = seen(simulated, 40), answer_to(take(simulated, slice(0, 40)))
    origin = {"origin_x_m": np.full(40, 1e5), "origin_y_m": np.full(40, -2e5), "event_id": np.arange(40), "read_flags": np.repeat([0, 18], 20)}
    columns, found = beside_the_fit(events | origin, answer)
    assert all(len(values) == 40 for values in columns.values())
    assert np.allclose(columns["array_core_x_m"], answer["core_x_m_draws"].mean(axis=1) + 1e5)
    assert np.allclose(columns["fit_array_core_y_m"], events["fit_core_y_m"] - 2e5)
    assert np.all(np.abs(columns["direction_zenith_deg"] - simulated["zenith_deg"][:40]) < 5 * 0.61)
    # 68 % of a two-dimensional Gaussian lie within 1.51 sigma
    assert np.median(columns["direction_error68_deg"]) == pytest.approx(1.51 * 0.6, rel=0.05)
    assert columns["read_flags_words"][30] == "bad station; saturated" and columns["read_flags_words"][0] == ""
    assert np.array_equal(columns["fit_flags"], events["fit_flags"]) and "fit_energy_ev" in columns and "fit_covariance" not in columns
    assert found.facts["flagged when read"] == "20 of 40 events: bad station 20, saturated 20"
    assert "direction 0.89° (68 %), energy 9.7 %" in str(found.facts["median uncertainty"]) and found.facts["pass the standard cuts"] > 20
    assert list(found.figures) == ["The largest event", "All events"]
    for figure in found.figures.values():
        figure.draw_without_rendering()


def test_few_events_have_no_histograms_and_empty_ones_no_picture(simulated: Table, answer_to) -> None:
    assert list(beside_the_fit(seen(simulated, 3), answer_to(take(simulated, slice(0, 3))))[1].figures) == ["The largest event"]
    empty = {name: Ragged(simulated[name].values[:0], np.zeros(3, int)) for name in (*HITS, *SILENT)}
    empty |= reconstruct(empty)
    columns, found = beside_the_fit(empty, answer_to(take(simulated, slice(0, 2))))
    assert not found.figures and columns["fit_flags_words"][0].startswith("no station")


def test_an_answer_of_some_columns_will_do(simulated: Table, answer_to) -> None:
    answer = answer_to(take(simulated, slice(0, 30)))
    columns, found = beside_the_fit(seen(simulated, 30), {"energy_ev_draws": answer["energy_ev_draws"]})
    assert "direction_zenith_deg" not in columns and set(found.figures) == {"The largest event", "All events"}


def test_flags_in_words() -> None:
    assert words(0, FitFlag) == "" and words(int(FitFlag.SATURATED | FitFlag.POOR_FIT), FitFlag) == "saturated; poor fit"
    assert words(int(ReadFlag.NO_TRACE), ReadFlag) == "no trace"


def test_a_network_tells_of_events(simulated: Table) -> None:
    recipe, schema = waveform_net(), Schema(THETA, SEEN)
    given, target = recipe.given_codec.build(schema.select(recipe.given)), recipe.target_codec.build(schema.select(recipe.target))
    domain = domain_of(simulated, schema.select(recipe.given))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        model = TrainedNetwork("surface_array", recipe, schema, given, target, recipe.model.build(target.size, given.size).eval(), domain, 5)
    events = seen(simulated, 4)
    finder = ArrayFinder()
    columns, found = finder.look(model.answer(events, seed=3, outside="flag")), finder.findings()
    assert set(columns) >= {"direction_zenith_deg", "direction_error68_deg", "fit_flags_words"} and list(found.figures) == ["The largest event"]
    again = ArrayFinder().look(model.answer(events, seed=3, outside="flag"))
    assert np.array_equal(columns["direction_azimuth_deg"], again["direction_azimuth_deg"])


def test_the_table_of_answers_states_units(tmp_path: Path) -> None:
    stations(tmp_path / "event.h5")
    main(["infer", "surface_array", str(tmp_path / "event.h5"), "--out", str(tmp_path / "found"), "--out-format", "hdf5", "--outside", "flag"])
    with h5py.File(tmp_path / "found/answers.h5") as file:
        units = {name: file[name].attrs.get("unit") for name in file}
    endings = {"_deg": "deg", "_m": "m", "_ns": "ns", "_ev": "eV", "_vem": "VEM"}
    wanted = {name: unit for name in units for ending, unit in endings.items() if name.endswith(ending)}
    assert {"direction_zenith_deg", "array_core_x_m", "fit_energy_ev", "origin_ns"} <= set(wanted)
    assert {name: units[name] for name in wanted} == wanted
