"""Good columns pass unchanged; bad ones are refused with the column, the value and what is allowed."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudchamber.schema import Column, Ragged, Schema, check_table, concatenate, events_in, recoded, take, wider

SCHEMA = Schema(
    theta={"energy_ev": Column(unit="eV", dtype="float64", low=1e15, high=1e20), "primary": Column(categories=("proton", "helium", "iron"))},
    x={"profile": Column(shape=(3,), low=0), "hits_m": Column(shape=(2,), ragged=True, high=10)},
)


def table() -> dict:
    return {
        "energy_ev": np.array([1e17, 1e18]),
        "primary": np.array(["iron", "proton"]),
        "profile": np.ones((2, 3)),
        "hits_m": Ragged(np.arange(6.0).reshape(3, 2), [0, 1, 3]),
    }


def test_a_good_table_comes_back_in_the_schemas_dtypes() -> None:
    checked = check_table(table(), SCHEMA.columns)
    assert {name: str(values.dtype) for name, values in checked.items()} == {
        "energy_ev": "float64",
        "primary": "int64",
        "profile": "float32",
        "hits_m": "float32",
    }
    assert checked["primary"].tolist() == [2, 0]
    assert checked["hits_m"].offsets.tolist() == [0, 1, 3]
    assert events_in(checked) == 2


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"energy_ev": [1e17, 1e21]}, ValueError, r"'energy_ev': 1e\+21 in event 1 is outside the allowed \[1e\+15, 1e\+20\] eV"),
        ({"energy_ev": [1e17, np.nan]}, ValueError, "'energy_ev' holds 1 NaN or infinite value.* event 1"),
        ({"energy_ev": 1e17}, ValueError, "'energy_ev' needs one entry per event"),
        ({"energy_ev": ["high", "low"]}, TypeError, "'energy_ev' must hold numbers"),
        ({"energy_ev": Ragged(np.ones(2), [0, 1, 2])}, TypeError, "'energy_ev' has the fixed shape"),
        ({"primary": ["iorn", "proton"]}, ValueError, r"'primary': unknown 'iorn' \(did you mean 'iron'\?\); allowed: proton, helium, iron"),
        ({"primary": [0, 3]}, ValueError, "'primary': 3 in event 1 is outside the allowed 0=proton, 1=helium, 2=iron"),
        ({"primary": [0.5, 1.0]}, ValueError, "'primary': 0.5 in event 0 does not fit its dtype int64"),
        ({"primary": [0, 1, 2]}, ValueError, "'primary' has 3 events, the other columns have 2"),
        ({"profile": np.ones((2, 4))}, ValueError, r"'profile' must have shape \(events, 3\), got \(2, 4\)"),
        ({"profile": [[1, 1, 1], [1, -2, 1]]}, ValueError, r"'profile': -2 in event 1, entry \(1,\) is outside the allowed \[0, inf\]"),
        ({"profile": [[1, 1, 1], [1]]}, ValueError, "'profile' must have shape .* differ in length"),
        ({"profile": np.full((2, 3), 1e39)}, ValueError, r"'profile': 1e\+39 in event 0, entry \(0,\) does not fit its dtype float32"),
        ({"hits_m": np.ones((2, 2))}, TypeError, "'hits_m' is ragged"),
        ({"hits_m": Ragged(np.array([[0, 0], [1, 1], [2, 11.0]]), [0, 0, 3])}, ValueError, r"'hits_m': 11 in event 1, entry \(2, 1\) is outside"),
        ({"hits_m": Ragged(np.array([[0, 0], [1, np.inf], [2, 3]]), [0, 1, 3])}, ValueError, r"'hits_m' holds 1 NaN .* event 1, entry \(0, 1\)"),
        ({"hitsm": 1}, ValueError, "unknown column 'hitsm'; allowed: energy_ev"),
    ],
)
def test_bad_columns_are_named(change: dict, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        check_table(table() | change, SCHEMA.columns)


def test_missing_and_extra_columns() -> None:
    renamed = {"energy": np.ones(2)}
    with pytest.raises(ValueError, match=r"missing column 'energy_ev' \(did you mean 'energy'\?\); needed: energy_ev"):
        check_table(renamed, SCHEMA.select(["energy_ev"]))
    assert list(check_table(table() | {"more": 0}, SCHEMA.columns, extra=True)) == list(SCHEMA.columns)


def test_float32_edges_of_a_range_pass() -> None:
    edge = np.array([0.1], np.float32)
    assert float(edge[0]) > 0.1
    Column(high=0.1).check("f", edge)
    with pytest.raises(ValueError, match="outside"):
        Column(high=0.1).check("f", np.array([0.1001]))


@pytest.mark.parametrize(
    ("value", "dtype"), [(-1, "uint8"), (256, "uint8"), (2.0**63, "int64"), (1.5, "int32"), (2, "bool"), (7e4, "float16"), (1e39, "float32")]
)
def test_what_a_dtype_cannot_hold_is_refused(value: float, dtype: str) -> None:
    with pytest.raises(ValueError, match=f"does not fit its dtype {dtype}"):
        Column(dtype=dtype).check("n", np.array([0, value]))


@pytest.mark.parametrize("source", ["f2", "f4", "f8", "i1", "i8", "u1", "u8", "?"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int8", "int64", "uint64", "bool"])
def test_what_a_dtype_can_hold_passes(source: str, dtype: str) -> None:
    checked = Column(dtype=dtype).check("n", np.array([0, 1], source))
    assert (str(checked.dtype), checked.tolist()) == (dtype, [0, 1])


def test_schema_survives_json() -> None:
    assert Schema.from_json(json.loads(json.dumps(SCHEMA.to_json()))) == SCHEMA
    with pytest.raises(ValueError, match="unknown key 'lower'"):
        Schema.from_json({"theta": {"a": {"lower": 1}}})


def test_schema_refuses_shared_and_unknown_names() -> None:
    with pytest.raises(ValueError, match=r"stand in theta and in x: \['a'\]"):
        Schema({"a": Column()}, {"a": Column()})
    with pytest.raises(ValueError, match="no column 'xmax' in the schema; it has: energy_ev, primary, profile, hits_m"):
        SCHEMA.select(["xmax"])


@pytest.mark.parametrize("offsets", [[], [1, 3], [0, 2], [0, 2, 1, 3], [0, 1.5, 3], [[0, 3]]])
def test_bad_offsets(offsets: list) -> None:
    with pytest.raises(ValueError, match="ragged offsets must rise from 0 to the number of values, 3"):
        Ragged(np.arange(3), offsets)


def test_single_events_of_a_ragged_column_come_by_iteration() -> None:
    ragged = Ragged(np.arange(3), [0, 1, 3])
    assert [event.tolist() for event in ragged] == [[0], [1, 2]]
    with pytest.raises(TypeError, match="slice, an index array or a mask"):
        ragged[1]


@settings(deadline=None, max_examples=100)
@given(st.lists(st.lists(st.integers(-9, 9), max_size=4), min_size=1, max_size=8), st.data())
def test_ragged_selections_equal_lists(events: list[list[int]], data: st.DataObject) -> None:
    ragged = Ragged.from_list([np.array(event, dtype=int) for event in events])
    index = data.draw(st.lists(st.integers(-len(events), len(events) - 1), max_size=9))
    mask = data.draw(st.lists(st.booleans(), min_size=len(events), max_size=len(events)))
    first, stop = data.draw(st.tuples(st.integers(-9, 9), st.integers(-9, 9)))

    def lists(column: Ragged) -> list[list[int]]:
        return [event.tolist() for event in column]

    assert lists(ragged) == events
    assert lists(ragged[index]) == [events[i] for i in index]
    assert lists(ragged[np.array(mask)]) == [event for event, chosen in zip(events, mask, strict=True) if chosen]
    assert lists(ragged[first:stop]) == events[first:stop]
    assert lists(concatenate([{"a": ragged}, {"a": ragged[::-1]}])["a"]) == events + events[::-1]


def test_take_and_concatenate_undo_each_other() -> None:
    whole = check_table(table(), SCHEMA.columns)
    again = concatenate([take(whole, slice(0, 1)), take(whole, np.array([False, True]))])
    for name in ("energy_ev", "primary", "profile"):
        np.testing.assert_array_equal(again[name], whole[name])
    np.testing.assert_array_equal(again["hits_m"].values, whole["hits_m"].values)


def test_tables_of_no_or_unequal_columns() -> None:
    with pytest.raises(ValueError, match="at least one column"):
        events_in({})
    with pytest.raises(ValueError, match=r"'a': 1, 'b': 2"):
        events_in({"a": np.ones(1), "b": np.ones(2)})
    with pytest.raises(ValueError, match="no tables to join"):
        concatenate([])


def test_codes_follow_their_names() -> None:
    there, here = {"kind": Column(categories=("p", "Fe"))}, {"kind": Column(categories=("photon", "Fe", "p")), "a": Column()}
    table = {"kind": np.array([0, 1, 1]), "a": np.arange(3.0), "other": np.zeros(3)}
    found = recoded(table, there, here)
    assert found["kind"].tolist() == [2, 1, 1] and found["a"] is table["a"] and found["other"] is table["other"]
    sets = recoded({"kind": Ragged(np.array([0, 1]), np.array([0, 0, 2]))}, there, here)["kind"]
    assert sets.values.tolist() == [2, 1] and sets.offsets.tolist() == [0, 0, 2]
    # a category that no event has is of no matter
    assert recoded({"kind": np.array([1, 2])}, here, there)["kind"].tolist() == [1, 0]
    with pytest.raises(ValueError, match="column 'kind': unknown 'photon'; allowed: p, Fe"):
        recoded({"kind": np.array([1, 0])}, here, there)


def test_words_and_bounds_are_no_other_kind() -> None:
    column = Column(unit="m", low=0.0, doc="length")
    assert column.alike(Column(unit="m", high=3.0)) and not column.alike(Column(unit="cm", low=0.0)) and not column.alike(Column(unit="m", shape=(2,)))


def test_bounds_become_as_loose_as_those_known() -> None:
    narrow = Schema({"a": Column(unit="m", low=0.0, high=1.0), "b": Column(low=2.0, high=3.0)}, {"c": Column(low=0.0)})
    loose = wider(narrow, Schema({"a": Column(unit="m", low=-1.0), "b": Column(unit="m")}, {"c": Column(low=1.0, high=2.0), "d": Column()}))
    assert (loose.theta["a"].low, loose.theta["a"].high) == (-1.0, None)
    # another unit, another thing; and nothing becomes narrower
    assert loose.theta["b"] == narrow.theta["b"] and loose.x == narrow.x
