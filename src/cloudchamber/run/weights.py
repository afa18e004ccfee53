"""Files of a run folder that are complete or not there: JSON, and weights with a checksum."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn


def write_json(path: Path, value: Any) -> None:
    """Replace ``path`` in one step."""
    part = path.with_name(f"{path.name}.part")
    part.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
    os.replace(part, path)


def read_json(path: Path) -> Any:
    """FileNotFoundError without the file, ValueError that names it for broken JSON."""
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing: not a complete run folder")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: no valid JSON ({error})") from None


def write_weights(path: Path, parts: nn.Module) -> None:
    """Replace ``path`` in one step by the parameters and buffers of ``parts``."""
    weights = {key: value.detach().cpu().contiguous().clone() for key, value in parts.state_dict().items()}
    part = path.with_name(f"{path.name}.part")
    save_file(weights, part, metadata={"sha256": _checksum(weights)})
    os.replace(part, path)


def read_weights(path: Path, parts: nn.Module) -> None:
    """Fill ``parts`` from ``path``; ValueError for a truncated or corrupted file and for weights of another recipe."""
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing: not a complete run folder")
    try:
        with safe_open(path, framework="pt") as file:
            weights = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (the file is no mapping)
            checksum = (file.metadata() or {}).get("sha256")
    except SafetensorError as error:
        raise ValueError(f"{path}: truncated or no safetensors file ({error}); copy it again or train anew") from None
    if checksum != _checksum(weights):
        raise ValueError(f"{path}: the checksum does not match, the weights are corrupted; copy them again or train anew")
    wanted = parts.state_dict()
    for key in [*wanted, *weights]:
        need, have = (tuple(side[key].shape) if key in side else None for side in (wanted, weights))
        if need != have:
            raise ValueError(f"{path}: the weights do not fit the recipe: '{key}' needs shape {need}, the file has {have}")
    parts.load_state_dict(weights)


def _checksum(weights: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for key in sorted(weights):
        digest.update(f"{key}{weights[key].dtype}{tuple(weights[key].shape)}".encode())
        digest.update(weights[key].reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
