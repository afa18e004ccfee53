"""The patch of a grid about the fitted core."""

from __future__ import annotations

import pytest
import torch

from cloudchamber.nn.tensors import to_tensors
from cloudchamber.rng import rng
from cloudchamber.schema import Schema
from cloudchamber.studies.surface_array.array.simulator import SurfaceArray
from cloudchamber.studies.surface_array.codecs.patch import Patch
from cloudchamber.studies.surface_array.codecs.stations import GIVEN, PLAIN
from cloudchamber.studies.surface_array.columns import FIT, HITS, PULSES, SILENT, THETA

SCHEMA = Schema(THETA, {**HITS, **SILENT, **PULSES, **FIT})


def test_a_patch_has_each_station_in_its_place() -> None:
    codec = Patch(side=6, samples=64).build(SCHEMA.select(GIVEN))
    simulator = SurfaceArray()
    columns = to_tensors(simulator.simulate(simulator.prior(60, rng(1)), rng(2)), SCHEMA.select(GIVEN))
    image = codec.encode(columns, {}).unflatten(1, (36, -1))
    assert image.shape == (60, 36, PLAIN + 128) and codec.size == 36 * (PLAIN + 128)
    for event in range(60):
        row, column = divmod(int(image[event, :, 1].argmax()), 6)
        x = columns["fit_core_x_m"][event] + 1200 * (column + 0.5 - 3)
        y = columns["fit_core_y_m"][event] + 1200 * (row + 0.5 - 3)
        hits = torch.stack((columns["station_x_m"][event], columns["station_y_m"][event]))
        assert float((hits - torch.stack((x, y))[:, None]).abs().amax(0).nan_to_num(1e9).min()) <= 600.5
    # a grid of 1200 m has one station in each place
    alive = (image[..., 0] > 0).sum(1)
    assert int(alive.max()) <= 36 and float(alive.float().mean()) > 30


@pytest.mark.parametrize("settings", [Patch(side=0), Patch(samples=100), Patch(spacing_m=float("nan"))])
def test_settings_are_checked(settings: Patch) -> None:
    with pytest.raises(ValueError, match=r"side and spacing_m must be above 0 and samples divide the 256 of a record, got Patch\("):
        settings.build(SCHEMA.select(GIVEN))
