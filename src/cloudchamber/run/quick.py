"""One event at a time, fast: the exported model in onnxruntime, with the checks and the random numbers of ``TrainedModel.sample``."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from cloudchamber.nn.tensors import to_tensors
from cloudchamber.run.export import export_module, export_onnx
from cloudchamber.run.trained import Outside, TrainedModel
from cloudchamber.schema import Table, events_in


class Quick:
    """A trained model for a loop that asks for one event after the other, as a detector simulation does; for many events at once ``sample`` is faster.

    Making it takes a second. ``options`` are the model's, frozen in. ImportError says what to install, ValueError that the model holds an operation that
    ONNX lacks.
    """

    def __init__(self, trained: TrainedModel, **options: Any) -> None:
        try:
            import onnxruntime
        except ImportError:
            raise ImportError("one event at a time needs onnxruntime: pip install 'cloudchamber[export]'") from None
        self._trained = trained
        self._outputs = export_module(trained, **options).outputs
        settings = onnxruntime.SessionOptions()
        # threads cost more than one event
        settings.intra_op_num_threads = settings.inter_op_num_threads = 1
        with TemporaryDirectory() as folder:
            file = export_onnx(trained, Path(folder) / "model.onnx", **options)
            self._session = onnxruntime.InferenceSession(str(file), settings, providers=["CPUExecutionProvider"])
        self._inputs = {entry.name for entry in self._session.get_inputs()}

    def sample(self, given: Table, seed: int, outside: Outside = "refuse") -> Table:
        """What ``TrainedModel.sample`` draws, up to the rounding of single precision: the same columns, errors and marks."""
        trained = self._trained
        given, marks = trained.checked(given, outside)
        inputs = {"noise": trained.noise(seed, "sample", np.arange(events_in(given))), **to_tensors(given, trained.given_columns)}
        found = self._session.run(None, {name: values.cpu().numpy() for name, values in inputs.items() if name in self._inputs})
        return trained.columns_of({name: torch.from_numpy(values) for name, values in zip(self._outputs, found, strict=True)}) | marks
