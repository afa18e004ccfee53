"""What decides a run's weights, noted before the first epoch: a training goes on only where all of it is the same."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cloudchamber.jsonable import flat
from cloudchamber.models.recipe import Recipe
from cloudchamber.run.files import RunFiles, read_file, write_json
from cloudchamber.store.dataset import package_version
from cloudchamber.store.read import Store

if TYPE_CHECKING:
    from cloudchamber.run.trained import TrainedModel

SHOWN = 5


def provenance(study: str, recipe: Recipe, store: Store, seed: int, events: Mapping[str, int]) -> dict[str, Any]:
    """Study, recipe, seed, and the ``events`` (of training and validation) with their origin."""
    dataset = store.dataset
    return {
        "study": study,
        "recipe": recipe.name,
        "seed": seed,
        "events": dict(events),
        "simulator": dataset.simulator,
        "settings": dict(dataset.settings),
        "data_seed": dataset.seed,
        "identity": dataset.identity,
        "package_version": package_version(),
    }


def read_provenance(folder: Path) -> dict[str, Any]:
    """What ``provenance`` said of a run; ValueError where the folder does not tell."""
    path = RunFiles(folder).metrics
    try:
        return dict(json.loads(read_file(path))["training"])
    except (FileNotFoundError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"'{path}' does not say what the run was trained on ({type(error).__name__}); train it again") from error


def ensemble_provenance(study: str, members: Mapping[str, RunFiles]) -> dict[str, Any]:
    """The provenance of an ensemble: its members by the digests of their run.json, each with its own."""
    made_of = {f"{number:02d}": {"sealed": sealed, "training": read_provenance(files.folder)} for number, (sealed, files) in enumerate(members.items())}
    return {"study": study, "recipe": "ensemble", "members": made_of, "package_version": package_version()}


def origins(folder: Path) -> Iterator[dict[str, Any]]:
    """The provenance of every training that a run comes from: its own or its members', then those of the runs that these started from."""
    yield from _origins(read_provenance(folder))


def _origins(origin: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "members" in origin:
        for training in _trainings(origin):
            yield from _origins(training)
        return
    yield origin
    if "start" in origin:
        yield from _origins(origin["start"]["training"])


def simulated(folder: Path) -> dict[str, Any]:
    """The provenance with the simulator that a run learned; ValueError for an ensemble whose members learned several."""
    first, *others = _trainings(read_provenance(folder))
    if any((each["simulator"], each["settings"]) != (first["simulator"], first["settings"]) for each in others):
        raise ValueError(f"the members of '{folder}' learned from different simulators or settings: give events of your own, as a store or a file")
    return dict(first)


def simulators_of(folder: Path) -> set[str]:
    """The names of the simulators that a run, or an ensemble's members, learned from; none of a run that does not tell."""
    return {each["simulator"] for each in _trainings(read_provenance(folder)) if "simulator" in each}


def _trainings(origin: dict[str, Any]) -> list[dict[str, Any]]:
    """Of an ensemble's members, or the one that a run comes from."""
    return [member["training"] for member in origin["members"].values()] if "members" in origin else [origin]


def run_identity(recipe: Mapping[str, Any], origin: Mapping[str, Any]) -> dict[str, Any]:
    """All that decides the weights, flat: the whole recipe (as JSON; words of documentation aside), seed, data and version."""
    return flat(origin) | flat({key: value for key, value in recipe.items() if key != "doc"}, "recipe")


def sample_identity(model: TrainedModel, given: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """All that decides the events of a sampled store beside its seed: the weights, the digest of the given columns, and the sampling options in force."""
    return {"weights": model.digest[:16], "given": given, "options": model.options(options)}


def differences(there: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """One phrase for each entry of two identities that differs."""
    keys = [key for key in {**there, **now} if there.get(key) != now.get(key)]
    more = [f"{len(keys) - SHOWN} more"] if len(keys) > SHOWN else []
    return [f"{key} was {there.get(key, 'absent')}, is now {now.get(key, 'absent')}" for key in keys[:SHOWN]] + more


def begin(files: RunFiles, recipe: Recipe, origin: Mapping[str, Any]) -> None:
    """Note what is trained here; ValueError where the folder holds a run, or the beginning of one, that something else decides."""
    if files.of_version_1:
        raise ValueError(f"'{files.folder}' holds a run of format 1: convert it with `cloudchamber upgrade {files.folder}`, or give another folder")
    now = json.loads(json.dumps(recipe.to_json()))
    if files.metrics.exists():
        there = files.read_json(files.recipe).get("recipe", {}) if files.recipe.exists() else {}
        changed = differences(run_identity(there, read_provenance(files.folder)), run_identity(now, json.loads(json.dumps(origin))))
        if changed:
            raise ValueError(f"'{files.folder}' holds another run ({'; '.join(changed)}): give the same, or another folder")
        return
    write_json(files.recipe, {"study": origin["study"], "seed": origin["seed"], "recipe": now})
    write_json(files.metrics, {"training": origin})
