"""Files of observations in the layout of litebird_sim 0.18, written without it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np

MJD = "63414.0007715555555556"
"""66.6624 s after the midnight of 2032-07-01."""


def write_observation(path: Path, count: int = 4, samples: int = 600, first: int = 0, **changed: Any) -> Path:
    """An observation with random numbers in tod; ``changed`` are attributes of tod, or what every detector says (``name`` is called with its number)."""
    keys = ("name", "wafer", "bandcenter_ghz", "bandwidth_ghz")
    usual = {"name": lambda number: f"000_{number:03d}_QA_140_T", "wafer": "L02", "bandcenter_ghz": 140.0, "bandwidth_ghz": 42.0} | {
        key: value for key, value in changed.items() if key in keys
    }
    told = [{key: value(number) if callable(value) else value for key, value in usual.items()} for number in range(first, first + count)]
    attributes = {"units": "K_CMB", "sampling_rate_hz": 31.25, "start_time": MJD, "mjd_time": True, "description": "Signal", "detectors": json.dumps(told)}
    attributes |= {key: value for key, value in changed.items() if key not in keys}
    with h5py.File(path, "w") as file:
        file["tod"] = np.random.default_rng(1).normal(scale=1e-4, size=(count, samples)).astype(np.float32)
        file["tod"].attrs.update({key: value for key, value in attributes.items() if value is not None})
        file["rot_quaternion_0000"] = np.array([[0.0, 0.0, 0.0, 1.0]])
        file.attrs.update({"det_idx": json.dumps(list(range(first, first + count))), "mpi_rank": 0, "mpi_size": 1})
    return path
