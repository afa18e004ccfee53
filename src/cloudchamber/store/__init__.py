"""The event store: a folder with ``dataset.json`` and one checked HDF5 file for each block of events, larger than memory and resumable."""

from __future__ import annotations

from cloudchamber.store.read import Store
from cloudchamber.store.stream import stream
from cloudchamber.store.write import StoreWriter

__all__ = ["Store", "StoreWriter", "stream"]
