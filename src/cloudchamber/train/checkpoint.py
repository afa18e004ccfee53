"""Checkpoints that survive a kill, and say so when they are damaged or belong to another fit."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import io
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from cloudchamber.atomic import write_atomically
from cloudchamber.jsonable import flat, to_json

CURRENT, PREVIOUS = "checkpoint.pt", "checkpoint-previous.pt"
DIGEST_BYTES = 32


def save_checkpoint(folder: Path, state: Mapping[str, Any]) -> None:
    """Write ``state`` (tensors and plain values); the checkpoint before it is kept as the previous one."""
    buffer = io.BytesIO()
    torch.save(dict(state), buffer)
    content = buffer.getvalue()
    # torch.load does not check what it reads, so a digest goes in front
    new = folder / (CURRENT + ".new")
    write_atomically(new, hashlib.blake2b(content, digest_size=DIGEST_BYTES).digest() + content)
    if (folder / CURRENT).exists():
        (folder / CURRENT).replace(folder / PREVIOUS)
    new.replace(folder / CURRENT)


def load_checkpoint(folder: Path) -> dict[str, Any] | None:
    """The newest whole checkpoint of ``folder``, on the CPU; None where there is none.

    Warns where the newest is damaged and the previous one serves; ValueError where none is whole.
    """
    found = [folder / name for name in (CURRENT, PREVIOUS) if (folder / name).exists()]
    for path in found:
        content = path.read_bytes()
        digest, body = content[:DIGEST_BYTES], content[DIGEST_BYTES:]
        if hashlib.blake2b(body, digest_size=DIGEST_BYTES).digest() == digest:
            if path != found[0]:
                warnings.warn(f"{found[0]} is damaged; using {path.name}, one epoch older", RuntimeWarning, stacklevel=2)
            state: dict[str, Any] = torch.load(io.BytesIO(body), map_location="cpu", weights_only=True)
            return state
    if found:
        raise ValueError(f"damaged: {', '.join(map(str, found))}; delete {'it' if len(found) == 1 else 'both'} to train anew, or give another folder")
    return None


def remove_checkpoints(folder: Path) -> None:
    """Remove what a finished fit needs no more."""
    for name in (CURRENT, PREVIOUS, CURRENT + ".new"):
        (folder / name).unlink(missing_ok=True)


def fingerprint(model: nn.Module, settings: Any, **others: Any) -> dict[str, str]:
    """What a checkpoint must share with the fit that resumes it: the settings, the model's modules, shapes and plain attributes, and ``others``."""
    modules = {f"model.{name}".rstrip("."): type(module).__name__ for name, module in model.named_modules()}
    shapes = {f"model.{name}": f"{tensor.dtype} {tuple(tensor.shape)}".removeprefix("torch.") for name, tensor in model.state_dict().items()}
    plain = {f"model.{name}.{key}": value for name, module in model.named_modules() for key, value in _attributes(module)}
    return modules | shapes | {key: str(value) for key, value in flat({"settings": to_json(settings)} | plain | others).items()}


def _attributes(module: nn.Module) -> Iterator[tuple[str, Any]]:
    """What a module was made with, such as a penalty or the name of a loss, where it can be written down."""
    for key, value in vars(module).items():
        if key.startswith("_") or key == "training":
            continue
        if callable(value) and hasattr(value, "__qualname__"):
            yield key, value.__qualname__
        elif value is None or isinstance(value, (bool, int, float, str, list, tuple, Mapping)) or dataclasses.is_dataclass(value):
            with contextlib.suppress(TypeError):
                yield key, to_json(value)


def check_fingerprint(saved: Mapping[str, str], now: Mapping[str, str], folder: Path) -> None:
    """ValueError that names what differs."""
    keys = [key for key in dict.fromkeys((*now, *saved)) if saved.get(key) != now.get(key)]
    if keys:
        differences = [f"{key} was {saved.get(key, 'absent')}, is now {now.get(key, 'absent')}" for key in keys]
        more = f" (and {len(keys) - 5} more)" if len(keys) > 5 else ""
        raise ValueError(
            f"the checkpoint in {folder} is of another fit: {'; '.join(differences[:5])}{more}. "
            f"Go back to its settings, delete {CURRENT} and {PREVIOUS} to train anew, or give another folder"
        )
