"""Trained models by name: a study's packaged weights, or a run folder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cloudchamber.meant import meant
from cloudchamber.run.files import RunFiles
from cloudchamber.study import OWN, STORE_SETTINGS, Simulator, Study, find_study, make_simulator, study_names
from cloudchamber.study_file import file_parts

if TYPE_CHECKING:
    from cloudchamber.run.network import TrainedNetwork
    from cloudchamber.run.trained import TrainedModel


def load(name: str | Path, parts: Iterable[type] | Mapping[str, type] = ()) -> TrainedModel:
    """The trained model called ``"study"`` (its packaged default), ``"study/recipe"`` (packaged), or in a run folder.

    ``parts`` are classes of settings that its recipe needs and that are neither built in, nor of the study's recipes, nor of a file of studies, nor registered
    under the entry point ``cloudchamber.parts``. ValueError where the study, its packaged weights, the folder or a part is missing, with what there is.
    """
    from cloudchamber.run.load import load_trained
    from cloudchamber.run.parts import BUILT_IN, Parts

    folder = _run_folder(name) or find_run(name)[0]
    handed = {name: found for name, found in file_parts().items() if name not in BUILT_IN}
    study = RunFiles(folder).sealed.study
    if study in study_names():
        handed |= study_parts(find_study(study))
    # runs of earlier versions have the bounds of a prior
    columns = find_study(study).simulator.schema if study in study_names() else None
    try:
        return load_trained(folder, Parts(handed | Parts(parts).handed), columns)
    except ValueError as error:
        if study == OWN or study in study_names():
            raise
        raise ValueError(f"{_unknown_study(folder, study)} ({error})") from None


def load_network(name: str | Path) -> TrainedNetwork:
    """The same where it must be one network; ValueError for an ensemble."""
    from cloudchamber.run.network import TrainedNetwork

    model = load(name)
    if not isinstance(model, TrainedNetwork):
        raise ValueError(f"'{name}' is an {model.name}, no network by itself: name one of its members, such as {RunFiles(Path(name)).member(0).folder}")
    return model


def study_parts(study: Study) -> dict[str, type]:
    """The classes of the parts of a study's recipes, by name."""
    from cloudchamber.run.parts import classes_of

    return {found.__name__: found for make in study.recipes.values() for place, found in classes_of(make()) if place}


def find_run(name: str | Path) -> tuple[Path, Study]:
    """The folder of a trained model, and its study; the names are those of ``load``."""
    folder = _run_folder(name)
    if folder is not None:
        return folder, _study_of(RunFiles(folder))
    folder = Path(name)
    first, _, recipe = str(name).partition("/")
    if first in study_names() and "/" not in recipe:
        study = find_study(first)
        return packaged(study, recipe or None), study
    if folder.is_dir():
        missing = RunFiles(folder).manifest.name
        raise ValueError(f"folder '{name}' holds no finished run: {missing} is missing (an interrupted `cloudchamber train` resumes with the same command)")
    hint = meant(str(name), [study + ("/" + recipe if recipe else "") for study in study_names()])
    raise ValueError(f"no study and no run folder '{name}'{hint}; studies: {', '.join(study_names())}")


def _study_of(files: RunFiles) -> Study:
    """A run's study; what was made from arrays says itself what its columns are."""
    name = files.sealed.study
    if name == OWN:
        from cloudchamber.studies.own import make_study

        return make_study(load(files.folder).schema)
    if name not in study_names():
        raise ValueError(_unknown_study(files.folder, name))
    return find_study(name)


def _unknown_study(folder: Path, study: str) -> str:
    return f"the run '{folder}' is of the study '{study}', which is not known here: give --study FILE, the Python file that defines it (cc.register_file)"


def _run_folder(name: str | Path) -> Path | None:
    files = RunFiles(Path(name))
    return files.folder if files.finished or files.of_version_1 else None


def packaged(study: Study, recipe: str | None = None) -> Path:
    """The folder of the study's packaged run of that recipe, the default one without a name."""
    wanted = recipe or study.default_recipe
    there = packaged_recipes(study)
    if wanted not in there:
        study.recipe(wanted)  # an unknown recipe's own error is the better one
        have = f"packaged are: {', '.join(there)}" if there else "none are packaged"
        raise ValueError(f"no packaged weights for '{study.name}/{wanted}'; {have}. Train it: cloudchamber train {study.name} DATA RUN --recipe {wanted}")
    assert study.pretrained is not None
    return study.pretrained / wanted


def packaged_recipes(study: Study) -> tuple[str, ...]:
    """The recipes whose weights come with the study's package."""
    place = study.pretrained
    if place is None or not place.is_dir():
        return ()
    return tuple(name for name in study.recipes if RunFiles(place / name).finished)


def inferring(name: str | Path) -> str | Path:
    """The name, and of a study whose default recipe is a surrogate that of its first packaged recipe which infers, where there is one."""
    if str(name) not in study_names() or _run_folder(name) is not None:
        return name
    study = find_study(str(name))
    theta = set(study.columns.theta)
    wanted = (recipe for recipe in (study.default_recipe, *packaged_recipes(study)) if recipe and theta & set(study.recipe(recipe).target))
    return next((f"{study.name}/{recipe}" for recipe in wanted), name)


def trained_simulator(folder: Path, study: Study, changes: Mapping[str, Any] | None = None) -> Simulator:
    """The simulator, with its settings (``changes`` aside), whose events a run learned; ValueError where it learned from files."""
    from cloudchamber.run.provenance import simulated

    return simulator_of(simulated(folder), study, changes)


def simulator_of(origin: Mapping[str, Any], study: Study, changes: Mapping[str, Any] | None = None) -> Simulator:
    """The simulator of a provenance, with ``changes`` to its settings; ValueError where it names files."""
    if origin["simulator"] not in study.simulators:
        raise ValueError(f"the run learned from '{origin['simulator']}', which cannot be simulated here: give events of your own, as a store or a file")
    settings = {key: value for key, value in origin["settings"].items() if key not in STORE_SETTINGS}
    return make_simulator(study, origin["simulator"], settings | dict(changes or {}))
