"""What every study and every recipe must do, whoever wrote it: built-in studies and those of other packages run through the same contract."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cloudchamber import workflow
from cloudchamber.hub import load, packaged_recipes
from cloudchamber.jsonable import merge
from cloudchamber.models.recipe import Recipe
from cloudchamber.rng import rng
from cloudchamber.run.domain import SetDomain, values_of
from cloudchamber.run.network import TrainedNetwork
from cloudchamber.run.provenance import read_provenance
from cloudchamber.schema import Ragged, Schema, Table, check_table, events_in, take, whole
from cloudchamber.store.read import Store
from cloudchamber.stream import samples_between, start_s
from cloudchamber.study import BUILT_IN, Format, Study, find_study, make_stream, simulator_settings, study_names
from cloudchamber.train.space import read_space
from cloudchamber.workflow.simulation import live_events
from cloudchamber.workflow.tuning import overrides_of
from cloudchamber.workflow.validation import answer_at


def loads(name: str) -> bool:
    try:
        return find_study(name).name == name
    except (ImportError, AttributeError, TypeError):
        return False


# one that does not load fails below, and leaves the others their tests
STUDIES = tuple(filter(loads, study_names()))
EVENTS = 160
QUICK = {"fit": {"epochs": 1, "batch_size": 40, "warmup_epochs": 0.0, "patience": None}}
PACKAGED_BYTES = {"galactic_centre": 3_000_000}
"""At most, where it is not 2 MB."""


def each(kind: str) -> Any:
    """(study, name) of every recipe, simulator or format."""
    pairs = [(study, name) for study in STUDIES for name in names(study, kind)]
    return pytest.mark.parametrize(("name", kind), pairs, ids=["/".join(pair) for pair in pairs])


def names(study: str, kind: str) -> tuple[str, ...]:
    found = find_study(study)
    return {
        "recipe": tuple(found.recipes),
        "simulator": tuple(found.simulators),
        "format": tuple(f.name for f in found.formats),
        "stream": tuple(found.streams),
    }[kind]


@cache
def truth(name: str, simulator: str | None = None) -> Table:
    """A small truth of a study, simulated once; by its default simulator, or one that is named."""
    return live_events(find_study(name).make_simulator(simulator), EVENTS, seed=11)


def view_of(study: Study, recipe: Recipe) -> str:
    """The first of the study's simulators that has the recipe's columns."""
    wanted = {*recipe.given, *recipe.target}
    return next(name for name in study.simulators if wanted <= set(study.make_simulator(name).schema.columns))


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The store of a simulator's small truth."""
    folder = tmp_path_factory.mktemp("stores")

    def of(name: str, simulator: str) -> Path:
        path = folder / name / simulator
        if not path.exists():
            study = find_study(name)
            theta = {column: truth(name, simulator)[column] for column in study.make_simulator(simulator).schema.theta}
            workflow.simulate(study, path, simulator=simulator, theta=theta, seed=12, block_events=EVENTS)
        return path

    return of


def test_every_study_can_be_loaded() -> None:
    assert study_names() == STUDIES


def equal(one: Any, two: Any, tolerance: float = 0.0) -> bool:
    if isinstance(one, Ragged):
        return np.array_equal(one.offsets, two.offsets) and equal(one.values, two.values, tolerance)
    one, two = np.asarray(one), np.asarray(two)
    return one.shape == two.shape and bool(np.allclose(one, two, rtol=tolerance, atol=tolerance * float(np.abs(one).max(initial=0.0))))


@pytest.mark.parametrize("name", STUDIES)
def test_study_describes_itself(name: str) -> None:
    study = find_study(name)
    assert study.name == name and study.title and study.folder.is_dir()
    assert study.default_recipe in study.recipes and set(study.peers) <= set(study.simulators)
    schema = study.simulator.schema
    assert schema.theta and schema.x
    assert all(column.doc for column in schema.columns.values())
    assert Schema.from_json(json.loads(json.dumps(schema.to_json()))) == schema


@each("simulator")
def test_simulator_is_deterministic_and_keeps_to_its_schema(name: str, simulator: str) -> None:
    model = find_study(name).make_simulator(simulator)
    theta, again, other = model.prior(12, rng(1)), model.prior(12, rng(1)), model.prior(12, rng(2))
    check_table(theta, model.schema.theta)
    assert all(equal(theta[column], again[column]) for column in theta)
    assert any(not equal(theta[column], other[column]) for column in theta)
    theta = take(theta, slice(0, 3))
    x, again, other = model.simulate(theta, rng(3)), model.simulate(theta, rng(3)), model.simulate(theta, rng(4))
    assert events_in(check_table(x, model.schema.x)) == 3
    # another view of the same truth has columns of its own, which the study knows by the table
    told = find_study(name).schema_for({**theta, **x}).columns
    assert list(told) == list(model.schema.columns) and all(told[column].alike(kind) for column, kind in model.schema.columns.items())
    assert all(equal(x[column], again[column]) for column in x)
    assert any(not equal(x[column], other[column]) for column in x)


@pytest.mark.parametrize("name", STUDIES)
def test_events_do_not_depend_on_the_workers(name: str, tmp_path: Path) -> None:
    for workers in (1, 2):
        workflow.simulate(name, tmp_path / str(workers), 4, seed=5, block_events=2, workers=workers)
    one, two = (Store(tmp_path / workers).read() for workers in ("1", "2"))
    assert events_in(one) == 4 and all(equal(one[column], two[column]) for column in one)


@each("recipe")
def test_recipe_survives_json_and_refuses_what_it_does_not_know(name: str, recipe: str) -> None:
    study = find_study(name)
    made: Recipe = study.recipe(recipe)
    data = json.loads(json.dumps(made.to_json()))
    assert made.name == recipe and made.doc
    assert made.with_json(data).to_json() == made.to_json()
    study.make_simulator(view_of(study, made)).schema.select((*made.given, *made.target))
    assert not set(made.given) & set(made.target)
    for part in ("fit", "model"):
        with pytest.raises(ValueError, match="unknown key 'no_such_setting'"):
            made.with_json({**data, part: {**data[part], "no_such_setting": 1}})
    with pytest.raises(ValueError, match="unknown key 'no_such_setting'"):
        made.with_json({**data, "no_such_setting": 1})


@pytest.mark.parametrize("name", STUDIES)
def test_search_spaces_name_settings_of_their_recipes(name: str) -> None:
    study = find_study(name)
    assert name not in BUILT_IN or study.recipe().search
    for made in map(study.recipe, study.recipes):
        assert "search" not in made.to_json()
        for setting, values in read_space(made.search).items() if made.search else ():
            for value in values.examples():
                other = made.with_json(merge(made.to_json(), overrides_of({setting: value}, made.to_json())))
                schema = study.make_simulator(view_of(study, made)).schema
                given, target = (schema.select(columns) for columns in (made.given, made.target))
                other.given_codec.build(given), other.target_codec.build(target)


@each("recipe")
def test_recipe_trains_saves_samples_and_exports(name: str, recipe: str, store: Any, tmp_path: Path) -> None:
    study = find_study(name)
    simulator = view_of(study, study.recipe(recipe))
    done = workflow.train(study, store(name, simulator), tmp_path / "run", recipe, seed=6, overrides=QUICK)
    assert done.epochs == 1
    model = load(tmp_path / "run")
    events = Store(store(name, simulator)).read(events=slice(0, 30))
    given = {column: events[column] for column in model.recipe.given}

    drawn = model.sample(given, seed=1)
    check_table(drawn, model.target_columns)
    assert all(equal(drawn[column], model.sample(given, seed=1)[column]) for column in drawn)
    assert all(equal(drawn[column], model.sample(given, seed=1, batch_size=7)[column], 1e-3) for column in drawn)
    assert any(not equal(drawn[column], model.sample(given, seed=2)[column]) for column in drawn)
    assert all(equal(drawn[column], load(tmp_path / "run").sample(given, seed=1)[column]) for column in drawn)

    predicts(model, given)
    refuses_outside(model, given)
    refuses_sets_of_other_sizes(model, given)
    exports_with_parity(model, given, tmp_path / "model.onnx")
    if set(model.recipe.target) <= set(model.schema.theta):
        infers_and_is_validated(study, simulator, tmp_path / "run", given, tmp_path)


def predicts(model: TrainedNetwork, given: Table) -> None:
    """The same estimates in batches of another size and company."""
    whole, few = model.predict(given, draws=2, seed=3), model.predict(given, draws=2, seed=3, batch_size=7)
    assert events_in(whole) == events_in(given)
    for name, column in model.target_columns.items():
        if column.categories:
            probability = whole[f"{name}_probability"]
            assert probability.shape == (events_in(given), *column.shape, len(column.categories))
            np.testing.assert_allclose(probability.sum(-1), 1.0, rtol=1e-5)
        else:
            assert whole[f"{name}_mean"].shape == whole[f"{name}_std"].shape == (events_in(given), *column.shape)
    for name in whole:
        # a deviation is known as well as the draws that it is of: of draws all but alike it is their rounding
        size = np.abs(whole[f"{name.removesuffix('_std')}_mean"]).max() if name.endswith("_std") else 0.0
        assert equal(whole[name], few[name], 1e-3) or np.abs(whole[name] - few[name]).max() < 1e-3 * size, name


def refuses_outside(model: TrainedNetwork, given: Table) -> None:
    refused = False
    for column, kind in model.given_columns.items():
        if kind.categories:
            continue
        low, high = map(float, values_of(model.domain[column]))
        if low == high:
            continue
        with pytest.raises(ValueError, match=f"column '{column}'"):
            model.sample({**given, column: filled(given[column], high + 0.5 * (high - low))}, seed=1)
        # whole numbers know no NaN: the next column does
        if np.dtype(kind.dtype).kind == "f":
            with pytest.raises(ValueError, match="NaN"):
                model.sample({**given, column: filled(given[column], np.nan)}, seed=1)
            return
        refused = True
    assert refused, f"'{model.recipe.name}' has no given column whose domain could be left"


def filled(values: Any, value: float) -> Any:
    if isinstance(values, Ragged):
        return Ragged(np.full_like(values.values, value), values.offsets)
    # whole numbers have no NaN: those of a file that has one are floats
    return np.full_like(values, value, dtype=None if np.isfinite(value) else np.result_type(values, np.float32))


def refuses_sets_of_other_sizes(model: TrainedNetwork, given: Table) -> None:
    sets = [column for column, kind in model.given_columns.items() if kind.ragged]
    if not sets:
        return
    most = max(entry.elements[1] for entry in model.domain.values() if isinstance(entry, SetDomain))
    times = 2 * most + 1
    many = {column: Ragged.from_list([np.repeat(event[:1], times, axis=0) for event in values]) for column, values in given.items() if column in sets}
    with pytest.raises(ValueError, match=f"column '{sets[0]}': a set of {times} elements"):
        model.sample({**given, **many}, seed=1)


def infers_and_is_validated(study: Study, simulator: str, run: Path, given: Table, folder: Path) -> None:
    """The other direction: a user's file in, answers and findings out, and a report on held-out truth."""
    found = workflow.infer(run, take(given, slice(0, 3)), folder / "found", draws=2)
    assert found.events == 3 and found.table.is_file() and found.report.stat().st_size > 3000
    theta = {column: truth(study.name, simulator)[column][:80] for column in study.make_simulator(simulator).schema.theta}
    workflow.simulate(study, folder / "test", simulator=simulator, theta=theta, seed=13, block_events=80)
    assert workflow.validate(run, data=folder / "test", n=40, out=folder / "report").checks


def exports_with_parity(model: TrainedNetwork, given: Table, path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    import torch

    from cloudchamber.nn.tensors import to_tensors
    from cloudchamber.run.export import export_module, export_onnx

    noise = torch.randn(len(next(iter(given.values()))), model.model.noise_size, generator=torch.Generator().manual_seed(1))
    # every second event, so that the sets of a batch have other lengths than those the export saw
    given = take(given, slice(None, None, 2))
    inputs = (noise[: events_in(given)], *to_tensors(given, model.given_columns).values())
    with torch.no_grad():
        wanted = export_module(model).eval()(*inputs)
    session = onnxruntime.InferenceSession(str(export_onnx(model, path)), providers=["CPUExecutionProvider"])
    assert [entry.name for entry in session.get_inputs()] == ["noise", *model.recipe.given]
    found = session.run(None, {name: values.numpy() for name, values in zip(("noise", *model.recipe.given), inputs, strict=True)})
    outputs = [entry.name for entry in session.get_outputs()]
    assert outputs[: len(model.recipe.target)] == list(model.recipe.target) and outputs[-1] == "in_domain"
    for column, one, two in zip(outputs, wanted, found, strict=True):
        assert equal(one.numpy(), np.asarray(two), 1e-3), f"column '{column}' of the exported model differs"
    np.testing.assert_array_equal(found[-1], model.checked(given, "flag")[1]["in_domain"])


def inferred(study: Study, table: Table) -> Table:
    """What a model that leans towards the truth would state of what is inferred: probabilities of classes, draws of numbers."""
    columns = {name: column for name, column in study.simulator.schema.theta.items() if name in study.recipe().target}
    stated: Table = {}
    for name, column in columns.items():
        if column.categories:
            stated[f"{name}_probability"] = (0.1 + np.eye(len(column.categories))[table[name]]) / (1 + 0.1 * len(column.categories))
        else:
            values = np.asarray(table[name], float)[:, None]
            drawn = values + 0.05 * values.std() * rng(1, name).standard_normal((len(values), 100))
            stated[f"{name}_draws"] = drawn.clip(values.min(), values.max()).astype(column.dtype)
    return table | stated


@pytest.mark.parametrize("name", STUDIES)
def test_checks_name_columns_of_one_simulator(name: str) -> None:
    study = find_study(name)
    views = [set(study.make_simulator(simulator).schema.columns) for simulator in study.simulators]
    assert all(any(set(check.columns) <= columns for columns in views) for check in study.checks())


@pytest.mark.parametrize("name", STUDIES)
def test_checks_pass_for_truth_and_plots_are_drawn(name: str, tmp_path: Path) -> None:
    from matplotlib.figure import Figure

    from cloudchamber.report.write import write_report
    from cloudchamber.validate.check import run_checks

    study = find_study(name)
    first, second = take(truth(name), slice(0, EVENTS // 2)), take(truth(name), slice(EVENTS // 2, EVENTS))
    made = [check for check in study.checks() if set(check.columns) <= set(study.simulator.schema.columns)]
    checks = [replace(check, bootstrap=min(2, check.bootstrap if check.bootstrap is not None else 2)) for check in made]
    # what is inferred is about the very same events
    answer = inferred(study, first) if set(study.recipe().target) <= set(study.simulator.schema.theta) else second
    results = run_checks(checks, first, answer, second, seed=1)
    assert {result.name for result in results} == {check.name for check in checks}
    assert all(check.why for check in checks)
    figures = study.plots(first, {"answer": answer})
    assert figures and all(isinstance(figure, Figure) for figure in figures.values())
    facts: dict[str, str | int | float] = {"study": name, "run": "truth", "n": EVENTS // 2}
    assert write_report(tmp_path, study.title, {"truth": results}, figures, facts, "truth").stat().st_size > 5000


@each("format")
def test_format_reads_what_it_writes(name: str, format: str, tmp_path: Path) -> None:
    study = find_study(name)
    chosen: Format = study.format(format)
    assert chosen.doc and (chosen.read or chosen.write)
    if chosen.read is None or chosen.write is None:
        pytest.skip("one way only")
    path = tmp_path / f"events{chosen.suffixes[0]}"
    # the field's files often hold one primary each
    alike = [truth(name)[column] == truth(name)[column][0] for column, kind in study.simulator.schema.theta.items() if kind.categories]
    table = take(take(truth(name), np.logical_and.reduce(alike) if alike else slice(None)), slice(0, 5))
    chosen.write(path, iter([take(table, slice(0, 2)), take(table, slice(2, 5))]))
    back = whole(chosen.read(path))
    shared = set(back) & set(study.simulator.schema.columns)
    assert shared & set(study.simulator.schema.x)
    for column in shared:
        # a format with a grid of its own may resample a profile
        tolerance = 1e-2 if not isinstance(table[column], Ragged) and np.ndim(table[column]) > 1 else 1e-4
        assert equal(table[column], back[column], tolerance), f"column '{column}' changed on its way through '{format}'"


@pytest.mark.parametrize("name", STUDIES)
def test_packaged_weights_are_small_and_tell_their_origin(name: str) -> None:
    study: Study = find_study(name)
    there = packaged_recipes(study)
    if not there:
        pytest.skip("no packaged weights")
    assert study.default_recipe in there
    for recipe in there:
        folder = study.pretrained / recipe
        model, view = load(folder), view_of(study, study.recipe(recipe))
        schema = study.make_simulator(view).schema
        assert model.recipe.name == recipe and list(model.schema.columns) == list(schema.columns)
        for column, kind in schema.columns.items():
            # what it learned from may have had fewer categories
            learned = model.schema.columns[column]
            assert replace(learned, categories=kind.categories).alike(kind) and kind.categories[: len(learned.categories)] == learned.categories
        origin = read_provenance(folder)
        assert origin["seed"] == model.seed and origin["events"]["training"] > 1000
        assert sum(path.stat().st_size for path in folder.iterdir()) <= PACKAGED_BYTES.get(name, 2_000_000)
        answer = answer_at(model, take(truth(name, view), slice(0, 20)), seed=1)
        columns = {column: spec for column, spec in schema.columns.items() if column in answer}
        beside = {f"{target}_{kind}" for target in model.recipe.target for kind in ("probability", "draws")}
        assert set(answer) - set(columns) <= beside | ({"familiarity"} if model.familiarity else set())
        check_table({column: answer[column] for column in columns}, columns)


@each("stream")
def test_streams_have_the_same_bits_however_they_are_cut(name: str, stream: str) -> None:
    """Wherever a piece begins and ends; truth is that of the piece's time; settings go through JSON."""
    study = find_study(name)
    made = study.make_stream(stream)
    assert make_stream(study, stream, json.loads(json.dumps(simulator_settings(made)))) == made
    first, stop = samples_between(made.rate_hz, start_s("2012-03-01"), Fraction(1000) / Fraction(made.rate_hz))
    made.ready(first, stop)
    whole = made.make(5, first, stop)
    assert whole.values.shape == (len(made.channels), stop - first) and whole.values.dtype == np.float32 and np.all(np.isfinite(whole.values))
    check_table(whole.truth, made.truth)
    for low, high in ((0, 1), (333, 1000)):
        piece = made.make(5, first + low, first + high)
        assert np.array_equal(piece.values, whole.values[:, low:high])
        time = whole.truth["time_s"]
        inside = (time >= (first + low) / made.rate_hz) & (time < (first + high) / made.rate_hz)
        assert np.array_equal(piece.truth["time_s"], time[inside])
    assert not np.array_equal(made.make(6, first, stop).values, whole.values)
