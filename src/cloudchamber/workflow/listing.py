"""What there is: studies, their simulators, recipes, packaged weights and file formats."""

from __future__ import annotations

from dataclasses import dataclass

from cloudchamber.formats.options import options_of
from cloudchamber.formats.tables import general_formats
from cloudchamber.hub import packaged_recipes
from cloudchamber.study import find_study, study_names


@dataclass(frozen=True)
class Listed:
    """One study: its names, which recipes come with trained weights, and the options of its formats' readers."""

    name: str
    title: str
    theta: tuple[str, ...]
    x: tuple[str, ...]
    simulators: tuple[str, ...]
    recipes: tuple[str, ...]
    default_recipe: str
    packaged: tuple[str, ...]
    formats: tuple[str, ...]
    protocols: tuple[str, ...]
    read_options: tuple[str, ...]
    streams: tuple[str, ...] = ()


def list_studies() -> tuple[Listed, ...]:
    """Every study that is installed, built in or from other packages."""
    return tuple(_listed(name) for name in study_names())


def _listed(name: str) -> Listed:
    study = find_study(name)
    schema = study.simulator.schema
    formats = tuple(dict.fromkeys(f.name for f in (*study.formats, *general_formats(schema))))
    return Listed(
        study.name,
        study.title,
        tuple(schema.theta),
        tuple(schema.x),
        tuple(study.simulators),
        tuple(study.recipes),
        study.default_recipe,
        packaged_recipes(study),
        formats,
        tuple(study.protocols),
        tuple(f"{option.flag} ({f.name})" for f in study.formats for option in options_of(f).values()),
        tuple(study.streams),
    )
