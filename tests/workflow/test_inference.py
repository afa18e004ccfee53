"""``infer``: a user's file in, answers and a page out."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Literal

import h5py
import numpy as np
import pyarrow.parquet as pq
import pytest

from cloudchamber import workflow
from cloudchamber.cli import main
from cloudchamber.formats.parquet import read_parquet
from cloudchamber.formats.tables import write_table
from cloudchamber.hub import load
from cloudchamber.run.answer import Answer
from cloudchamber.schema import Ragged, Table, whole
from cloudchamber.store.read import Store
from cloudchamber.study import Findings, find_study


class Columns:
    """Finds columns that were told before."""

    def __init__(self, columns: Table) -> None:
        self.told = columns

    def look(self, answer: Answer) -> Table:
        return self.told

    def findings(self) -> Findings:
        return Findings()


@pytest.fixture
def table(hits: Path) -> Table:
    return Store(hits).read(["time_us", "charge_pe"], slice(0, 12))


def test_class_probabilities_of_a_file(classes: Path, table: Table, tmp_path: Path) -> None:
    write_table(tmp_path / "mine.hits", table, find_study("toy_sets"))
    found = workflow.infer(classes, tmp_path / "mine.hits", tmp_path / "found", posterior=4)
    wanted = load(classes).predict(table)["kind_probability"]
    rows = list(csv.DictReader((tmp_path / "found/answers.csv").read_text().splitlines()))
    assert list(rows[0]) == ["event", "kind_probability_noise", "kind_probability_burst", "hits"]
    np.testing.assert_allclose([float(row["kind_probability_burst"]) for row in rows], wanted[:, 1], rtol=1e-4)
    assert [int(row["hits"]) for row in rows] == np.diff(table["time_us"].offsets).tolist()
    assert found.facts["hits"] == len(table["time_us"].values) and found.facts["read from"] == "mine.hits"
    assert json.loads((tmp_path / "found/findings.json").read_text()) == found.to_json()
    page = found.report.read_text()
    assert "all events together" in page and "Most probable kind: noise" in page and "<td>11</td>" in page
    assert found.posterior is not None
    with h5py.File(found.posterior) as file:
        assert file["kind"].shape == (12, 4) and set(file["kind"][:].ravel()) <= {0, 1}
    assert {path.name for path in (tmp_path / "found").iterdir()} == {"answers.csv", "index.html", "findings.json", "posterior.h5"}
    again = workflow.infer(classes, table, tmp_path / "again")
    np.testing.assert_allclose(again.answers["kind_probability_burst"], wanted[:, 1], rtol=1e-4)


def test_answers_in_other_formats(time: Path, hits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = {"words": np.array(["few", "many"])[np.arange(400) % 2]}
    monkeypatch.setattr("toy_study.sets.STUDY", replace(find_study("toy_sets"), infer=lambda *_: Columns(words)))
    parquet, hdf5 = (workflow.infer(time, hits, tmp_path / kind, draws=2, outside="flag", out_format=kind) for kind in ("parquet", "hdf5"))
    assert (parquet.table.name, hdf5.table.name) == ("answers.parquet", "answers.h5")
    rows = whole(read_parquet(parquet.table))
    np.testing.assert_array_equal(rows["burst_us_mean"], parquet.answers["burst_us_mean"])
    with h5py.File(hdf5.table) as file:
        np.testing.assert_array_equal(file["burst_us_mean"][:], parquet.answers["burst_us_mean"])
        assert file["words"].asstr()[:2].tolist() == ["few", "many"] == rows["words"][:2].tolist()


def test_mean_and_deviation_of_numbers(time: Path, hits: Path, tmp_path: Path) -> None:
    found = workflow.infer(time, hits, tmp_path / "found", draws=5, outside="flag")
    assert found.events == 400 and set(found.answers) == {
        "event",
        *(f"burst_us_{word}" for word in ("mean", "std", "q16", "q50", "q84", "modes")),
        "in_domain",
        "hits",
    }
    assert np.all(found.answers["burst_us_std"] > 0)
    assert "The first 100 of 400 events." in found.report.read_text()


def test_ragged_findings_go_into_parquet(classes: Path, table: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def with_columns(columns: Table) -> None:
        monkeypatch.setattr("toy_study.sets.STUDY", replace(find_study("toy_sets"), infer=lambda *_: Columns(columns)))

    pytest.importorskip("pyarrow")
    with_columns({"relevance": table["charge_pe"]})
    found = workflow.infer(classes, table, tmp_path / "found")
    back = whole(read_parquet(found.table))
    assert isinstance(back["relevance"], Ragged) and found.table.name == "answers.parquet"
    np.testing.assert_array_equal(back["relevance"].values, table["charge_pe"].values)
    for bad in ({"event": np.arange(12)}, {"new": np.arange(3)}):
        with_columns(bad)
        with pytest.raises(ValueError, match="needs a new name and 12 entries"):
            workflow.infer(classes, table, tmp_path / "bad")


def test_what_cannot_be_inferred_is_refused(classes: Path, table: Table, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"'airshower/matching' is a surrogate.*use `cloudchamber sample airshower/matching OUT"):
        workflow.infer("airshower", table, tmp_path / "a")
    with pytest.raises(ValueError, match="lack the column 'charge_pe'; needed: time_us, charge_pe; they have: time_us"):
        workflow.infer(classes, {"time_us": table["time_us"]}, tmp_path / "a")
    weak = table | {"charge_pe": Ragged(0.1 * table["charge_pe"].values, table["charge_pe"].offsets)}
    with pytest.raises(ValueError, match=r"column 'charge_pe': .* outside the trained range"):
        workflow.infer(classes, weak, tmp_path / "a")
    assert workflow.infer(classes, weak, tmp_path / "b", outside="flag").facts["outside the trained domain"] == 12
    with pytest.raises(ValueError, match="no file or folder"):
        workflow.infer(classes, tmp_path / "absent.hits", tmp_path / "a")
    with pytest.raises(ValueError, match=r"posterior, .* must not be negative"):
        workflow.infer(classes, table, tmp_path / "a", posterior=-1)
    assert not (tmp_path / "a").exists()


def test_events_outside_the_domain_get_no_answer_and_are_counted(classes: Path, hits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cloudchamber.workflow.inference.CHUNK_EVENTS", 50)
    table = Store(hits).read(["time_us", "charge_pe"], slice(0, 170))
    charge = table["charge_pe"].values.copy()
    for event in (3, 60, 61, 62, 63, 64):
        charge[table["charge_pe"].offsets[event]] = 1e6
    odd = table | {"charge_pe": Ragged(charge, table["charge_pe"].offsets)}
    found = workflow.infer(classes, odd, tmp_path / "found", posterior=3)
    assert (found.events, found.answered) == (170, 164)
    assert str(found.facts["not answered"]).startswith("6 outside the trained domain (event 3, 60, 61, 62, 63, ...): column 'charge_pe': 1e+06")
    kept = np.delete(np.arange(170), [3, 60, 61, 62, 63, 64])
    np.testing.assert_array_equal(found.answers["event"], kept)
    # an event's answer and draws are those that it has among all others
    whole_file = workflow.infer(classes, table, tmp_path / "whole", posterior=3)
    np.testing.assert_allclose(found.answers["kind_probability_burst"], whole_file.answers["kind_probability_burst"][kept], rtol=1e-5)
    with h5py.File(tmp_path / "found/posterior.h5") as one, h5py.File(tmp_path / "whole/posterior.h5") as other:
        np.testing.assert_array_equal(one["event"][:], kept)
        np.testing.assert_array_equal(one["kind"][:], other["kind"][:][kept])
    with pytest.raises(ValueError, match=r"1e\+06 in event 3 .*outside the trained range"):
        workflow.infer(classes, odd, tmp_path / "none", outside="refuse")
    assert not (tmp_path / "none").exists()


def test_answers_do_not_depend_on_the_chunks(time: Path, hits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = workflow.infer(time, hits, tmp_path / "one", draws=5, outside="flag")
    monkeypatch.setattr("cloudchamber.workflow.inference.CHUNK_EVENTS", 37)
    other = workflow.infer(time, hits, tmp_path / "other", draws=5, outside="flag")
    for name, values in one.answers.items():
        np.testing.assert_allclose(values, other.answers[name], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("out_format", ["hdf5", "parquet"])
def test_answers_state_units_and_marks(out_format: Literal["hdf5", "parquet"], time: Path, classes: Path, hits: Path, tmp_path: Path) -> None:
    found = workflow.infer(time, hits, tmp_path / "found", posterior=3, outside="flag", out_format=out_format)
    kinds = workflow.infer(classes, hits, tmp_path / "kinds", outside="flag", out_format=out_format)
    for path, name, unit in ((found.table, "burst_us_mean", "us"), (found.table, "burst_us_std", "us"), (kinds.table, "kind_probability_noise", "")):
        if out_format == "hdf5":
            with h5py.File(path) as file:
                assert file[name].attrs["unit"] == unit and file[name].attrs["doc"] and file["in_domain"].dtype == bool
        else:
            schema = pq.read_schema(path)
            assert (
                schema.field(name).metadata[b"unit"].decode() == unit and schema.field(name).metadata[b"doc"] and str(schema.field("in_domain").type) == "bool"
            )
    assert found.posterior is not None
    with h5py.File(found.posterior) as file:
        assert file["burst_us"].attrs["unit"] == "us"
        np.testing.assert_array_equal(file["in_domain"][:], found.answers["in_domain"])


def test_events_that_stand_in_a_file_twice_are_counted(classes: Path, hits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["convert", "toy_sets", str(hits), str(hits), "--out", str(tmp_path / "twice.h5")])
    main(["infer", str(classes), str(tmp_path / "twice.h5"), "--out", str(tmp_path / "found")])
    told = " ".join(capsys.readouterr().out.split())
    repeated = json.loads((tmp_path / "found/findings.json").read_text())["facts"]["repeated"]
    assert repeated in told and "of 800 events are an earlier one again" in repeated
