"""The parts of a model that take turns in training, each with its optimiser."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from cloudchamber.meant import meant
from cloudchamber.models.recipe import Optimiser


class Parts:
    """Names and optimisers of the parts of ``model``; the name of the model itself is "".

    An optimiser is made when its part first takes a turn. ``settings`` maps part to optimiser, "" serves every part not named.
    """

    def __init__(self, model: nn.Module, settings: Mapping[str, Optimiser]) -> None:
        self.names: dict[nn.Module, str] = {module: name for name, module in model.named_modules()}
        for name in settings:
            if name not in self.names.values():
                children = [child for child, _ in model.named_children()]
                hint = meant(name, children)
                raise ValueError(f"optimisers: {type(model).__name__} has no part '{name}'{hint}; its parts: {', '.join(children) or 'none'}")
        self.settings = settings
        self.optimisers: dict[str, torch.optim.Optimizer] = {}

    def name(self, part: nn.Module) -> str:
        """The attribute name of ``part``."""
        if part not in self.names:
            raise ValueError(f"losses() yielded a {type(part).__name__} that is not a part of the model; yield the model itself or one of its submodules")
        return self.names[part]

    def optimiser(self, name: str, factor: float = 1.0) -> torch.optim.Optimizer:
        """The optimiser of the part ``name``, its learning rate multiplied with the schedule's ``factor``."""
        settings = self.settings.get(name) or self.settings.get("")
        if settings is None:
            raise ValueError(f"optimisers: no entry for the part '{name}' and no default ''; there are: {', '.join(self.settings) or 'none'}")
        if name not in self.optimisers:
            part = next(module for module, known in self.names.items() if known == name)
            parameters = [parameter for parameter in part.parameters() if parameter.requires_grad]
            if not parameters:
                raise ValueError(f"the part '{name}' ({type(part).__name__}) has no parameters to train")
            self.optimisers[name] = _build(settings, parameters)
        self.optimisers[name].param_groups[0]["lr"] = factor * settings.learning_rate
        return self.optimisers[name]

    def rests(self, name: str, epoch: int) -> bool:
        """Whether the part ``name`` takes no step in this epoch, counted from 0."""
        settings = self.settings.get(name) or self.settings.get("")
        return settings is not None and epoch < settings.rest_epochs

    def state(self) -> dict[str, Any]:
        """The state of every optimiser, by part."""
        return {name: optimiser.state_dict() for name, optimiser in self.optimisers.items()}

    def load(self, state: Mapping[str, Any]) -> None:
        """Restore what ``state`` gave."""
        for name, saved in state.items():
            self.optimiser(name).load_state_dict(saved)


def _build(settings: Optimiser, parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
    # sgd takes betas[0] as its momentum, which is what that number means in adam too
    rate, decay = settings.learning_rate, settings.weight_decay
    if settings.name == "adam":
        return torch.optim.Adam(parameters, lr=rate, betas=settings.betas, weight_decay=decay)
    if settings.name == "adamw":
        return torch.optim.AdamW(parameters, lr=rate, betas=settings.betas, weight_decay=decay)
    if settings.name == "adadelta":
        return torch.optim.Adadelta(parameters, lr=rate, weight_decay=decay)
    if settings.name == "sgd":
        return torch.optim.SGD(parameters, lr=rate, momentum=settings.betas[0], weight_decay=decay)
    raise ValueError(f"unknown optimiser '{settings.name}'; there are: adam, adamw, adadelta, sgd")
