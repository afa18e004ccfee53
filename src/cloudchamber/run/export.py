"""Export of a trained model to ONNX and TorchScript: physical units in, physical units out."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from cloudchamber.atomic import replacing
from cloudchamber.nn.tensors import to_tensors
from cloudchamber.run.domain import SetDomain, values_of
from cloudchamber.run.ensemble import Ensemble, networks_of, picked_member, selected
from cloudchamber.run.exported_domain import ExportedDomain
from cloudchamber.run.metadata import EXTRA_FILE, IN_DOMAIN, PROBABILITY, metadata_of, write_onnx_metadata
from cloudchamber.run.network import TrainedNetwork
from cloudchamber.run.trained import TrainedModel
from cloudchamber.schema import Ragged, Table

OPSET = 18


class ExportModule(nn.Module):
    """forward(noise (events, noise_size) standard normal, *given columns) to the tuple of the target's columns, categories as integer codes.

    A classifier also gives the probabilities of its classes, (events, ..., categories), which need no noise. The order of both is the recipe's; sampling
    ``options`` are frozen in, so no adaptive ``tolerance``.
    """

    def __init__(self, trained: TrainedNetwork, **options: Any) -> None:
        super().__init__()
        options = trained.options(options)
        if options.get("tolerance") is not None:
            raise ValueError("an exported model takes a fixed number of steps: export with steps=..., not with a tolerance")
        self.given_codec, self.target_codec, self.model = trained.given_codec, trained.target_codec, trained.model
        self.given, self.target = trained.given, trained.target
        self.options = options
        self.shapes = [(*column.shape, len(column.categories)) for column in trained.target_columns.values()]
        self.outputs = [*self.target, *(f"{name}{PROBABILITY}" for name in self.target if self.model.states_classes)]

    def forward(self, noise: Tensor, *given: Tensor) -> tuple[Tensor, ...]:
        columns = dict(zip(self.given, given, strict=True))
        condition = self.given_codec.encode(columns, {})
        if self.model.states_classes:
            distribution = self.model(condition)
            return (*self._decode(distribution.sample(noise), columns), distribution.mean().reshape(-1, *self.shapes[0]))
        return self._decode(self.model.generate(noise, condition, **self.options), columns)

    def _decode(self, flat: Tensor, given: dict[str, Tensor]) -> tuple[Tensor, ...]:
        answer = self.target_codec.decode(flat, given)
        return tuple(answer[name] for name in self.target)


class ExportedEnsemble(nn.Module):
    """The same of an ensemble: every member answers every event, and the first number of its noise picks the answer; probabilities are the members' mean."""

    def __init__(self, trained: Ensemble, **options: Any) -> None:
        super().__init__()
        self.members = nn.ModuleList(ExportModule(member, **options) for member in trained.members)
        self.sizes = [member.noise_size for member in trained.members]
        self.given, self.target = trained.given, trained.target
        self.outputs = [name for name in self._asked(0).outputs if all(name in self._asked(number).outputs for number in range(len(self.sizes)))]

    def forward(self, noise: Tensor, *given: Tensor) -> tuple[Tensor, ...]:
        columns, picked, said = dict(zip(self.given, given, strict=True)), picked_member(noise, len(self.sizes)), []
        for number, size in enumerate(self.sizes):
            member = self._asked(number)
            said.append(dict(zip(member.outputs, member(noise[:, 1 : 1 + size], *(columns[name] for name in member.given)), strict=True)))
        drawn = {name: selected(picked, [each[name] for each in said]) for name in self.target}
        return tuple(drawn[name] if name in drawn else torch.stack([each[name] for each in said]).mean(0) for name in self.outputs)

    def _asked(self, number: int) -> ExportModule:
        member = self.members[number]
        assert isinstance(member, ExportModule)
        return member


class ExportedModel(nn.Module):
    """The same and ``in_domain`` (events,): true where every given column lies in the trained domain.

    Where it is false the answers are extrapolated. Where a number is not finite or a code is none of the column's, there is no answer: NaN, code -1.
    """

    def __init__(self, trained: TrainedModel, **options: Any) -> None:
        super().__init__()
        self.answers: ExportedEnsemble | ExportModule
        if isinstance(trained, Ensemble):
            self.answers = ExportedEnsemble(trained, **options)
        else:
            self.answers = ExportModule(networks_of(trained)[0], **options)
        self.domain = ExportedDomain(trained.given_columns, trained.domain)
        self.outputs = [*self.answers.outputs, IN_DOMAIN]

    def forward(self, noise: Tensor, *given: Tensor) -> tuple[Tensor, ...]:
        answerable = self.domain.answerable(given)
        answers = self.answers(noise, *self.domain.safe(given))
        return (*(_where(answerable, answer) for answer in answers), self.domain(*given))


def _where(answerable: Tensor, answer: Tensor) -> Tensor:
    nothing = torch.tensor(float("nan") if answer.is_floating_point() else -1, dtype=answer.dtype, device=answer.device)
    return torch.where(answerable.reshape(-1, *(1 for _ in answer.shape[1:])), answer, nothing)


def export_module(trained: TrainedModel, **options: Any) -> ExportedModel:
    """The model as one module of tensors."""
    return ExportedModel(trained, **options)


def example_inputs(trained: TrainedModel, events: int = 3) -> tuple[Tensor, ...]:
    """Inputs within the domain: noise, then the given columns; of sets one of the most elements trained on, then smaller ones."""
    noise = torch.randn(events, trained.noise_size, generator=torch.Generator().manual_seed(0))
    table: Table = {}
    for name, column in trained.given_columns.items():
        entry = trained.domain[name]
        allowed = values_of(entry)
        fewest, most = entry.elements if isinstance(entry, SetDomain) else (events, events)
        lengths = np.maximum(most - np.arange(events), min(fewest, most))
        places = int(lengths.sum()) if isinstance(entry, SetDomain) else events
        if column.categories:
            values = np.full((places, *column.shape), column.categories.index(str(allowed[0])))
        else:
            share = np.linspace(0.0, 1.0, 2 * places + 1)[1::2].reshape(-1, *(1 for _ in column.shape))
            values = np.broadcast_to(float(allowed[0]) + (float(allowed[1]) - float(allowed[0])) * share, (places, *column.shape))
        table[name] = Ragged(values, np.concatenate([[0], np.cumsum(lengths)])) if isinstance(entry, SetDomain) else values
    return (noise, *to_tensors(table, trained.given_columns).values())


def export_onnx(trained: TrainedModel, path: Path, run: Mapping[str, str] | None = None, **options: Any) -> Path:
    """Write an ONNX file with inputs ``noise`` and the given columns and outputs the target's columns and ``in_domain``, any number of events.

    A ragged column goes in as (events, elements) of any length, NaN where a set has no more elements. The file's metadata tell all of it
    (``run.metadata``), and the ``run`` that it is of. ValueError, with what to do instead, if the model holds an operation that ONNX lacks.
    """
    module = export_module(trained, **options).eval()
    names = ["noise", *trained.given]
    axes: dict[str, dict[int, str]] = {name: {0: "events"} for name in (*names, *module.outputs)}
    axes |= {name: {0: "events", 1: f"{name}_elements"} for name, column in trained.given_columns.items() if column.ragged}
    try:
        with replacing(Path(path)) as part, _quiet():
            torch.onnx.export(
                module,
                example_inputs(trained),
                str(part),
                input_names=names,
                output_names=module.outputs,
                dynamic_axes=axes,
                opset_version=OPSET,
                dynamo=False,
            )
            write_onnx_metadata(part, metadata_of(trained, module.outputs, options, run))
    except torch.onnx.errors.OnnxExporterError as error:
        raise ValueError(f"'{trained.name}' does not export to ONNX ({error}); export TorchScript instead") from error
    return Path(path)


def export_torchscript(trained: TrainedModel, path: Path, run: Mapping[str, str] | None = None, **options: Any) -> Path:
    """Write a TorchScript file that ``torch.jit.load`` reads in Python or C++; same inputs and outputs, by position, and the metadata as an extra file."""
    module = export_module(trained, **options).eval()
    with replacing(Path(path)) as part, _quiet(), torch.no_grad():
        traced = torch.jit.freeze(torch.jit.trace(module, example_inputs(trained), check_trace=False))
        told = json.dumps(metadata_of(trained, module.outputs, options, run), allow_nan=False)
        torch.jit.save(traced, str(part), _extra_files={EXTRA_FILE: told.encode()})
    return Path(path)


@contextmanager
def _quiet() -> Iterator[None]:
    """Both exporters trace, which PyTorch calls deprecated and warns of on every constant; the parity tests check what they write."""
    level = logging.getLogger("torch.onnx").level
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.getLogger("torch.onnx").setLevel(level)
