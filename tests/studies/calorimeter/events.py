"""A few GFlash showers, and codecs fitted to them."""

from __future__ import annotations

from functools import cache

import torch

from cloudchamber.nn.tensors import to_tensors
from cloudchamber.rng import rng
from cloudchamber.schema import Table
from cloudchamber.studies.calorimeter.codecs.beam import GIVEN
from cloudchamber.studies.calorimeter.codecs.deposits import Deposits, DepositsCodec
from cloudchamber.studies.calorimeter.gflash.simulator import Gflash

SIMULATOR = Gflash()
COLUMNS = SIMULATOR.schema.columns


@cache
def showers(n: int = 400, seed: int = 1) -> Table:
    """Theta and x."""
    theta = SIMULATOR.prior(n, rng(seed, "theta"))
    return theta | SIMULATOR.simulate(theta, rng(seed, "x"))


def tensors(table: Table) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """(target columns, given columns)."""
    every = to_tensors(table, COLUMNS)
    return {"deposit_mev": every["deposit_mev"]}, {name: every[name] for name in GIVEN}


def fitted(settings: Deposits = Deposits()) -> DepositsCodec:
    """The codec of these showers."""
    codec = settings.build({"deposit_mev": COLUMNS["deposit_mev"]})
    codec.fit(*tensors(showers()))
    return codec
