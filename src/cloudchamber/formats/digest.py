"""A digest of a table that comes in chunks."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np

from cloudchamber.schema import Ragged, Table, events_in


class TableDigest:
    """Of all numbers of all events, the same however they come in chunks; and how many events there were."""

    def __init__(self) -> None:
        self.events = 0
        self._marks: dict[str, Any] = {}

    def update(self, table: Table) -> None:
        """Go on with the events of ``table``."""
        self.events += events_in(table)
        for name, values in table.items():
            parts = (values.values, np.diff(values.offsets)) if isinstance(values, Ragged) else (values,)
            for place, part in enumerate(parts):
                self._marks.setdefault(f"{name} {place}", hashlib.blake2s(digest_size=8)).update(np.ascontiguousarray(part).tobytes())

    def hexdigest(self) -> str:
        """16 hexadecimal digits."""
        told = json.dumps({name: mark.hexdigest() for name, mark in sorted(self._marks.items())})
        return hashlib.blake2s(told.encode(), digest_size=8).hexdigest()
