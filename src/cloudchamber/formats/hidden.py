"""Files that programs leave beside a user's own: no events."""

from __future__ import annotations

from collections.abc import Sequence

GENERATED = ("__MACOSX", "__pycache__")


def is_visible(parts: Sequence[str]) -> bool:
    """Whether a path's ``parts`` below the folder that was given name neither hidden files (``._event.json``, ``.ipynb_checkpoints``) nor generated ones."""
    return not any(part.startswith(".") or part in GENERATED for part in parts)
