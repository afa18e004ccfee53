"""The classes that a recipe is made of, by registered names: a run's file names them, and never says what to import."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import entry_points
from typing import Any

from cloudchamber.meant import meant

ENTRY_POINTS = "cloudchamber.parts"
BUILT_IN = {
    "Categorical": "models.heads",
    "Gaussian": "models.heads",
    "Mixture": "models.heads",
    "LabelledMixture": "models.labelled",
    "PixelClasses": "models.pixels",
    "Flow": "models.flow",
    "Gan": "models.gan",
    "DenseNetworks": "models.gan_networks",
    "ConvNetworks": "models.gan_networks",
    "ImageNetworks": "models.gan_networks",
    "Matching": "models.matching",
    "Channels": "models.channels",
    "EffectiveDegrees": "models.watch",
    "ConvEncoding": "models.vae_networks",
    "Stages": "models.stages",
    "Vae": "models.vae",
    "White": "models.white",
    "Columns": "nn.codec",
    "DeepSphere": "nn.sphere",
    "EventAnchors": "nn.sets",
    "MapConvolutions": "nn.maps",
    "PooledMaps": "nn.maps",
    "TracePatch": "nn.patch",
    "TraceSet": "nn.traces",
}
"""Each class's home in this package."""


class Parts:
    """Finds a class by its name: among those handed over (classes, or classes by name), the built-in ones, and the entry points ``cloudchamber.parts``."""

    def __init__(self, handed: Iterable[type] | Mapping[str, type] = ()) -> None:
        self.handed = dict(handed) if isinstance(handed, Mapping) else {each.__name__: each for each in handed}

    def find(self, name: str, where: str) -> type:
        """The class ``name`` of the part at ``where`` in the recipe; ValueError where none is registered, TypeError where it is no dataclass."""
        found = self.handed.get(name) or self._registered(name)
        if found is None:
            known = sorted({*self.handed, *BUILT_IN, *(point.name for point in entry_points(group=ENTRY_POINTS))})
            hint = meant(name, known)
            raise ValueError(
                f"{where}: no part '{name}' is registered{hint}; there are: {', '.join(known)}; "
                f"hand it over, load(..., parts=[{name}]), or register it under the entry point '{ENTRY_POINTS}'"
            )
        if not (isinstance(found, type) and dataclasses.is_dataclass(found)):
            raise TypeError(f"the part '{name}' must be a dataclass of settings, not {found!r}")
        return found

    @staticmethod
    def _registered(name: str) -> Any:
        if name in BUILT_IN:
            return getattr(importlib.import_module(f"cloudchamber.{BUILT_IN[name]}"), name)
        point = next(iter(entry_points(group=ENTRY_POINTS, name=name)), None)
        return point.load() if point else None


def classes_of(value: Any, where: str = "") -> Iterator[tuple[str, type]]:
    """Place and class of every dataclass within ``value``, such as ("model.first", Flow)."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        yield where, type(value)
        inner: Iterable[tuple[str, Any]] = ((f.name, getattr(value, f.name)) for f in dataclasses.fields(value) if f.init)
    elif isinstance(value, Mapping):
        inner = ((str(key), item) for key, item in value.items())
    elif isinstance(value, (list, tuple)):
        inner = ((str(place), item) for place, item in enumerate(value))
    else:
        return
    for name, item in inner:
        yield from classes_of(item, f"{where}.{name}".removeprefix("."))
