"""Weights of a run in one file with a checksum, complete or not there."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load, save
from torch import Tensor, nn

from cloudchamber.atomic import write_atomically
from cloudchamber.run.files import read_file


def write_weights(path: Path, parts: nn.Module) -> None:
    """Replace ``path`` in one step by the parameters and buffers of ``parts``."""
    weights = {key: value.detach().cpu().contiguous().clone() for key, value in parts.state_dict().items()}
    write_atomically(path, save(weights, metadata={"sha256": checksum(weights)}))


def read_weights(path: Path, parts: nn.Module) -> None:
    """Fill ``parts`` from ``path``; ValueError for a truncated or corrupted file and for weights of another recipe."""
    content = read_file(path)
    try:
        weights = load(content)
        with safe_open(path, framework="pt") as file:
            stated = (file.metadata() or {}).get("sha256")
    except SafetensorError as error:
        raise ValueError(f"{path}: truncated or no safetensors file ({error}); copy it again or train anew") from None
    if stated != checksum(weights):
        raise ValueError(f"{path}: the checksum does not match, the weights are corrupted; copy them again or train anew")
    wanted = parts.state_dict()
    for key in [*wanted, *weights]:
        need, have = (tuple(side[key].shape) if key in side else None for side in (wanted, weights))
        if need != have:
            raise ValueError(f"{path}: the weights do not fit the recipe: '{key}' needs shape {need}, the file has {have}")
    for key, _ in parts.named_parameters():
        if bad := int((~weights[key].isfinite()).sum()):
            raise ValueError(f"{path}: '{key}' holds {bad} NaN or infinite number(s): the training had failed; train anew")
    parts.load_state_dict(weights)


def checksum(weights: Mapping[str, Tensor]) -> str:
    """A digest of the numbers, whatever file they are in."""
    digest = hashlib.sha256()
    for key in sorted(weights):
        digest.update(f"{key}{weights[key].dtype}{tuple(weights[key].shape)}".encode())
        digest.update(weights[key].reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
