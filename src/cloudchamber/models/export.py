"""Export of a trained model to ONNX and TorchScript: physical units in, physical units out."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from cloudchamber.models.trained import TrainedModel

OPSET = 18


class ExportModule(nn.Module):
    """forward(noise (events, noise_size) standard normal, *given columns) to the tuple of the target's columns, categories as integer codes.

    The order of both is the recipe's; sampling ``options`` are frozen in, so no adaptive ``tolerance``.
    """

    def __init__(self, trained: TrainedModel, **options: Any) -> None:
        super().__init__()
        options = dict(trained.recipe.sampling) | options
        if options.get("tolerance") is not None:
            raise ValueError("an exported model takes a fixed number of steps: export with steps=..., not with a tolerance")
        self.given_codec, self.target_codec, self.model = trained.given_codec, trained.target_codec, trained.model
        self.given, self.target = trained.recipe.given, trained.recipe.target
        self.options = options

    def forward(self, noise: Tensor, *given: Tensor) -> tuple[Tensor, ...]:
        columns = dict(zip(self.given, given, strict=True))
        flat = self.model.generate(noise, self.given_codec.encode(columns, {}), **self.options)
        answer = self.target_codec.decode(flat, columns)
        return tuple(answer[name] for name in self.target)


def example_inputs(trained: TrainedModel, events: int = 3) -> tuple[Tensor, ...]:
    """Inputs within the domain: noise, then the given columns."""
    inputs = [torch.randn(events, trained.model.noise_size, generator=torch.Generator().manual_seed(0))]
    for name, column in trained.given_columns.items():
        if column.categories:
            inputs.append(torch.full((events, *column.shape), column.categories.index(str(trained.domain[name][0])), dtype=torch.int64))
        else:
            low, high = map(float, trained.domain[name])
            inputs.append(torch.full((events, *column.shape), 0.5 * (low + high), dtype=torch.float32))
    return tuple(inputs)


def export_onnx(trained: TrainedModel, path: Path, **options: Any) -> Path:
    """Write an ONNX file with inputs ``noise`` and the given columns and outputs the target's columns, any number of events.

    ValueError, with what to do instead, if the model holds an operation that ONNX lacks.
    """
    module = ExportModule(trained, **options).eval()
    names = ["noise", *trained.recipe.given]
    part = Path(f"{path}.part")
    try:
        with _quiet():
            torch.onnx.export(
                module,
                example_inputs(trained),
                str(part),
                input_names=names,
                output_names=list(trained.recipe.target),
                dynamic_axes={name: {0: "events"} for name in (*names, *trained.recipe.target)},
                opset_version=OPSET,
                dynamo=False,
            )
    except torch.onnx.errors.OnnxExporterError as error:
        part.unlink(missing_ok=True)
        raise ValueError(f"'{trained.recipe.name}' does not export to ONNX ({error}); export TorchScript instead") from error
    os.replace(part, path)
    return Path(path)


def export_torchscript(trained: TrainedModel, path: Path, **options: Any) -> Path:
    """Write a TorchScript file that ``torch.jit.load`` reads in Python or C++; same inputs and outputs, by position."""
    module = ExportModule(trained, **options).eval()
    part = Path(f"{path}.part")
    with _quiet(), torch.no_grad():
        traced = torch.jit.freeze(torch.jit.trace(module, example_inputs(trained), check_trace=False))
        torch.jit.save(traced, str(part))
    os.replace(part, path)
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
