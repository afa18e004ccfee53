"""From one's own arrays, or simulator, to a posterior or a surrogate: no plug-in, no files unless asked for."""

from __future__ import annotations

import inspect
import operator
import shutil
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any

import numpy as np

from cloudchamber.hub import load
from cloudchamber.jsonable import plain
from cloudchamber.progress import Progress, quiet
from cloudchamber.rng import rng
from cloudchamber.run.files import RunFiles
from cloudchamber.schema import Column, Ragged, Schema, Table, check_table, digest, events_in
from cloudchamber.store.write import StoreWriter
from cloudchamber.studies.own import make_study
from cloudchamber.units import unit_of
from cloudchamber.workflow.training import train
from cloudchamber.workflow.validation import Validation, compare_with_truth, halves, refuse_seen_events

if TYPE_CHECKING:
    from cloudchamber.models.recipe import Recipe
    from cloudchamber.run.trained import Outside, TrainedModel
    from cloudchamber.studies.own.recipes import Direction

FEWEST_EVENTS = 100
LOG_FACTOR = 100.0
"""A column of positive numbers whose 1st and 99th percentile differ by more is learned as its logarithm, as is one that the bounds keep positive."""


@dataclass(frozen=True)
class Uniform:
    """A prior that is flat between bounds: ``Uniform({"mass": (0.1, 10), "spin": (-1, 1)})``. The posterior keeps within them."""

    bounds: Mapping[str, tuple[float, float]]

    def __post_init__(self) -> None:
        if not self.bounds:
            raise ValueError('Uniform needs the bounds of at least one column, such as Uniform({"mass": (0.1, 10)})')
        for name, bounds in self.bounds.items():
            numbers = [plain(each) for each in bounds]
            if not all(isinstance(each, int | float) and np.isfinite(each) for each in numbers) or len(numbers) != 2 or numbers[0] >= numbers[1]:
                raise ValueError(f"Uniform: the bounds of '{name}' must be finite and rise, got {', '.join(map(str, numbers))}")

    def __call__(self, n: int, random: np.random.Generator) -> Table:
        """Draw ``n`` events' theta."""
        return {name: random.uniform(low, high, n) for name, (low, high) in self.bounds.items()}


@dataclass(frozen=True)
class Run:
    """A fitted model, in a temporary folder until it is saved."""

    model: TrainedModel
    folder: Path

    @property
    def advice(self) -> str:
        """Whether more simulations, or more epochs, would help."""
        return str(RunFiles(self.folder).read_json(RunFiles(self.folder).metrics)["fit"].get("advice", ""))

    def posterior(self, x: Any, draws: int = 1000, seed: int = 1, outside: Outside = "refuse") -> Table:
        """Draws of theta given what was seen, (events, draws, ...) a column; of one event given without an axis of events, (draws, ...)."""
        return self._drawn(x, draws, seed, outside)

    def sample(self, theta: Any, draws: int = 1, seed: int = 1, outside: Outside = "refuse") -> Table:
        """A surrogate's draws of x given theta, shaped as those of ``posterior``."""
        return self._drawn(theta, draws, seed, outside)

    def log_prob(self, theta: Any, x: Any) -> np.ndarray:
        """ln of the learned density, (events,): of theta given x, or of x given theta, as the run was fitted."""
        schema = self.model.schema
        sides = as_table(theta, "theta", schema.theta), as_table(x, "x", schema.x)
        target, given = sides if set(self.model.target) <= set(schema.theta) else sides[::-1]
        return self.model.log_prob(given, target)

    def validate(self, theta: Any, x: Any, out: Path | str | None = None, seed: int = 1, progress: Progress = quiet) -> Validation:
        """Compare the model with events that it has not seen, half of them for the floor; a page with figures in ``out``, or beside the run."""
        schema = self.model.schema
        table = check_table(as_table(theta, "theta", schema.theta) | as_table(x, "x", schema.x), schema.columns)
        models = {self.model.name: self.model}
        refuse_seen_events(table, "these arrays", {self.model.name: self.folder}, models)
        first, second = halves(table, events_in(table) // 2, seed)
        study, place = make_study(schema), Path(out) if out is not None else self.folder / "report"
        facts = {"truth": f"{events_in(table)} events that the fit has not seen"}
        return compare_with_truth(study, models, first, second, place, seed, facts, progress=progress)

    def save(self, path: Path | str) -> Path:
        """Keep the run in a folder of its own, which ``cc.load`` and all commands take."""
        path = Path(path)
        if path.exists():
            raise FileExistsError(f"'{path}' exists: give another folder, or remove that one")
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(self.folder, path)
        return path

    def _drawn(self, given: Any, draws: int, seed: int, outside: Outside) -> Table:
        if draws < 1:
            raise ValueError(f"draws must be at least 1, got {draws}")
        columns = self.model.given_columns
        table = as_table(given, "x" if set(columns) <= set(self.model.schema.x) else "theta", columns)
        if missing := [name for name in columns if name not in table]:
            raise ValueError(f"missing column '{missing[0]}'; needed: {', '.join(columns)}, given: {', '.join(table)}")
        single = all(np.shape(table[name]) == column.shape for name, column in columns.items() if not column.ragged)
        if single:
            # units and masks stay
            table = {name: np.reshape(table[name], (1, *column.shape)) for name, column in columns.items()}
        table = check_table(table, columns, extra=True)
        events = events_in(table)
        # one pass over events and draws together
        repeated = {name: values[np.repeat(np.arange(events), draws)] for name, values in table.items()}
        found = self.model.sample(repeated, seed, outside=outside)
        shaped = {name: values.reshape(events, draws, *values.shape[1:]) for name, values in found.items()}
        return {name: values[0] for name, values in shaped.items()} if single else shaped


def fit(
    theta: Any = None,
    x: Any = None,
    *,
    direction: Direction = "infer",
    simulate: Callable[..., Any] | None = None,
    prior: Uniform | Callable[..., Any] | None = None,
    n: int = 10_000,
    bounds: Mapping[str, tuple[float | None, float | None]] | None = None,
    recipe: Recipe | None = None,
    overrides: Mapping[str, Any] | None = None,
    seed: int = 1,
    progress: Progress = quiet,
) -> Run:
    """Learn p(theta | x) (``direction="infer"``) or p(x | theta) (``"surrogate"``) from arrays, or from a simulator and its prior.

    ``theta`` and ``x``: dictionaries of arrays (events, ...), arrays (events, numbers), pandas or astropy tables; text is a class. Or ``simulate(theta)``,
    or ``simulate(theta, rng)``, for a table of ``n`` events that ``prior(n, rng)`` draws. ``bounds`` of theta's columns, those of a ``Uniform`` prior by
    itself, are kept by the posterior. Settings follow from the columns and the number of events, but for those of ``overrides`` or a ``recipe`` of one's own.
    Of the target, integers and booleans are learned as whole numbers, and drawn as such. ValueError names the column that is not finite, and too few events.
    """
    from cloudchamber.studies.own.recipes import recipe_of

    if direction not in ("infer", "surrogate"):
        raise ValueError(f"direction must be 'infer' or 'surrogate', got '{direction}'")
    seed = operator.index(seed)
    if simulate is not None:
        if theta is not None or x is not None or prior is None:
            raise ValueError("give theta and x, or simulate and prior: a simulator needs a prior, and takes no events beside it")
        if n < FEWEST_EVENTS:
            raise ValueError(f"n must be at least {FEWEST_EVENTS}, got {n}")
        theta = as_table(prior(n, rng(seed, "fit", "theta")), "theta")
        x = simulate(theta, rng(seed, "fit", "x")) if len(inspect.signature(simulate).parameters) > 1 else simulate(theta)
    if theta is None or x is None:
        raise ValueError("give theta and x, or simulate and prior")
    sides = as_table(theta, "theta"), as_table(x, "x")
    if empty := [side for side, table in zip(("theta", "x"), sides, strict=True) if not table]:
        raise ValueError(f"{empty[0]} has no columns: give at least one")
    known: dict[str, tuple[float | None, float | None]] = {**(prior.bounds if isinstance(prior, Uniform) else {}), **(bounds or {})}
    if unknown := [name for name in known if name not in sides[0]]:
        raise ValueError(f"bounds: theta has no column '{unknown[0]}'; it has: {', '.join(sides[0])}")
    target = "theta" if direction == "infer" else "x"
    schema = Schema(
        *(
            {name: _column(name, values, known.get(name, (None, None)), side == target) for name, values in table.items()}
            for side, table in zip(("theta", "x"), sides, strict=True)
        )
    )
    table = check_table(sides[0] | sides[1], schema.columns)
    if direction == "surrogate":
        # the prior's bounds say what was simulated, not what may be given: the trained domain tells of that
        schema = replace(schema, theta={name: replace(column, low=None, high=None) for name, column in schema.theta.items()})
    if events_in(table) < FEWEST_EVENTS:
        raise ValueError(f"{events_in(table)} events are too few to learn from: give at least {FEWEST_EVENTS}, better 10,000")
    logs = tuple(name for name, column in schema.columns.items() if _is_positive(table[name], column))
    chosen = recipe or recipe_of(schema, direction, events_in(table), logs)
    folder = Path(mkdtemp(prefix="cloudchamber-"))
    try:
        _write(folder / "events", schema, table)
        place = train(make_study(schema), folder / "events", folder / "run", chosen, seed=seed, overrides=overrides, progress=progress).folder
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    run = Run(load(place), place)
    weakref.finalize(run, shutil.rmtree, folder, ignore_errors=True)
    return run


def as_table(values: Any, side: str, columns: Mapping[str, Column] | None = None) -> Table:
    """A table of what a user has: a mapping, a pandas or astropy table, or an array, whose columns are called ``theta_0`` ... or by ``columns``."""
    if isinstance(values, Mapping):
        return dict(values)
    names = getattr(values, "colnames", None) or (list(values.columns) if hasattr(values, "columns") else None)
    if names is not None:
        return {str(name): values[name] if hasattr(values, "colnames") else values[name].to_numpy() for name in names}
    array = np.asanyarray(values)
    if columns is not None and len(columns) > 1:
        if array.ndim not in (1, 2) or array.shape[-1] != len(columns):
            raise ValueError(f"{side}: an array needs {len(columns)} columns ({', '.join(columns)}), got the shape {array.shape}")
        return {name: array[..., number] for number, name in enumerate(columns)}
    if columns is not None:
        return {next(iter(columns)): array}
    if side == "theta" and array.ndim == 2:
        return {f"theta_{number}": array[:, number] for number in range(array.shape[1])}
    return {side: array}


def _column(name: str, values: Any, limits: tuple[float | None, float | None], learned: bool) -> Column:
    """What kind of column these values are."""
    if isinstance(values, Ragged):
        raise ValueError(f"column '{name}' is ragged: sets need a recipe and a study of their own (docs/extending.md)")
    array = np.asarray(values)
    if array.dtype.kind in "UOST" and array.ndim == 1:
        if strange := [(event, value) for event, value in enumerate(array.tolist()) if not isinstance(value, (str, bytes))]:
            event, value = strange[0]
            raise ValueError(f"column '{name}': {value!r} in event {event} is no text: give numbers, or a text for each event's class")
        return Column(categories=tuple(sorted({value.decode() if isinstance(value, bytes) else value for value in array.tolist()})))
    if array.dtype.kind not in "biuf":
        raise TypeError(f"column '{name}' must hold numbers, or text for classes, got dtype {array.dtype}")
    unit = unit_of(values)
    unit = "" if unit is None else str(unit)
    if learned and array.dtype.kind in "biu":
        low, high = (0, 1) if array.dtype.kind == "b" else limits
        return Column(shape=array.shape[1:], unit=unit, dtype=array.dtype.name, low=low, high=high)
    # large whole parts do not fit into single precision
    wide = array.size and np.abs(array[np.isfinite(array)]).max(initial=0.0) > 1e30
    return Column(shape=array.shape[1:], unit=unit, dtype="float64" if wide else "float32", low=limits[0], high=limits[1])


def _is_positive(values: np.ndarray, column: Column) -> bool:
    """Whether these numbers are positive by their bounds, or span orders of magnitude."""
    if column.categories or np.dtype(column.dtype).kind != "f" or values.min() <= 0:
        return False
    low, high = np.quantile(values, [0.01, 0.99])
    return bool(high > LOG_FACTOR * low) or (column.low == 0 and column.high is None)


def _write(folder: Path, schema: Schema, table: Table) -> None:
    """An event store of these events, in their own order."""
    with StoreWriter(folder, schema, "given", {"theta_digest": digest(table)}, 0, events=events_in(table), blocks=1, order="given") as writer:
        writer.write_block(0, table)
