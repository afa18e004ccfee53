"""Trained models by name: a study's packaged weights, or a run folder."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING

from cloudchamber.study import Study, find_study, study_names

if TYPE_CHECKING:
    from cloudchamber.run.trained import TrainedModel

WEIGHTS = "weights.safetensors"


def load(name: str | Path) -> TrainedModel:
    """The trained model called ``"study"`` (its packaged default), ``"study/recipe"`` (packaged), or in a run folder.

    ValueError where the study, its packaged weights or the folder is missing, with what there is.
    """
    from cloudchamber.run.trained import load_trained

    folder, study = find_run(name)
    return load_trained(folder, study)


def find_run(name: str | Path) -> tuple[Path, Study]:
    """The folder of a trained model, and its study; the names are those of ``load``."""
    folder = Path(name)
    if (folder / WEIGHTS).is_file():
        from cloudchamber.run.trained import study_of

        return folder, find_study(study_of(folder))
    first, _, recipe = str(name).partition("/")
    if first in study_names() and "/" not in recipe:
        study = find_study(first)
        return packaged(study, recipe or None), study
    if folder.is_dir():
        raise ValueError(f"folder '{name}' holds no finished run: {WEIGHTS} is missing (an interrupted `cloudchamber train` resumes with the same command)")
    near = difflib.get_close_matches(first, study_names(), n=1)
    hint = f" (did you mean '{near[0] + ('/' + recipe if recipe else '')}'?)" if near else ""
    raise ValueError(f"no study and no run folder '{name}'{hint}; studies: {', '.join(study_names())}")


def packaged(study: Study, recipe: str | None = None) -> Path:
    """The folder of the study's packaged run of that recipe, the default one without a name."""
    wanted = recipe or study.default_recipe
    there = packaged_recipes(study)
    if wanted not in there:
        study.recipe(wanted)  # an unknown recipe's own error is the better one
        have = f"packaged are: {', '.join(there)}" if there else "none are packaged"
        raise ValueError(f"no packaged weights for '{study.name}/{wanted}'; {have}. Train it: cloudchamber train {study.name} DATA RUN --recipe {wanted}")
    return study.pretrained / wanted


def packaged_recipes(study: Study) -> tuple[str, ...]:
    """The recipes whose weights come with the study's package."""
    if not study.pretrained.is_dir():
        return ()
    return tuple(name for name in study.recipes if (study.pretrained / name / WEIGHTS).is_file())
