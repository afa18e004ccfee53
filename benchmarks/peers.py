"""What others do at the same task: zuko's coupling flow, a bare torch loop, h5py."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import torch
import zuko

from cloudchamber import workflow
from cloudchamber.models.flow import Flow
from cloudchamber.schema import Ragged
from cloudchamber.store.read import Store

SIZE, GIVEN, TRANSFORMS, BINS, HIDDEN = 24, 8, 5, 8, 96
Call = Callable[[Callable[[], object], int], float]


def zuko_rates(events: int, rate: Call) -> dict[str, tuple[float, float]]:
    """Events a second of sampling and of one step of learning: ours and zuko's, spline couplings of the same sizes."""
    ours = Flow(transforms=TRANSFORMS, bins=BINS, hidden=HIDDEN, layers=1, passes=2).build(SIZE, GIVEN)
    theirs = zuko.flows.NSF(SIZE, GIVEN, transforms=TRANSFORMS, bins=BINS, hidden_features=(HIDDEN, HIDDEN), passes=2)
    draw = torch.Generator().manual_seed(1)
    target, given = torch.randn(2048, SIZE, generator=draw), torch.randn(2048, GIVEN, generator=draw)
    batches = max(events // 2048, 1)

    def sample_ours() -> None:
        with torch.no_grad():
            for _ in range(batches):
                ours.generate(torch.randn(2048, ours.noise_size), given)

    def sample_theirs() -> None:
        with torch.no_grad():
            for _ in range(batches):
                theirs(given).sample()

    def learn_ours() -> None:
        for _ in range(batches):
            [(_, loss)] = ours.losses(target, given)
            loss.backward()

    def learn_theirs() -> None:
        for _ in range(batches):
            (-theirs(given).log_prob(target).mean()).backward()

    ours.eval()
    sampled = rate(sample_ours, batches * 2048), rate(sample_theirs, batches * 2048)
    ours.train()
    return {"sampled": sampled, "learned": (rate(learn_ours, batches * 2048), rate(learn_theirs, batches * 2048))}


def adam_loop(store: Path, run: Path, epochs: int = 3) -> tuple[float, float]:
    """Events a second that a bare loop over the same encoded events and the same network learns from, and that ``train`` does, its validation included."""
    start = time.process_time()
    overrides = {"fit": {"epochs": epochs}}
    trained = workflow.train("airshower", store, run, "flow", overrides=overrides)
    seconds = time.process_time() - start
    workflow.train("airshower", store, run.with_name("one"), "flow", overrides={"fit": {"epochs": 1}})
    once = time.process_time() - start - seconds
    ours = trained.events * (epochs - 1) / (seconds - once)
    model, target, given = alike(run)
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3)
    model.train()
    start = time.process_time()
    for part in torch.randperm(len(target)).split(512):
        [(_, loss)] = model.losses(target[part], given[part])
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
    return len(target) / (time.process_time() - start), ours


def alike(run: Path):  # type: ignore[no-untyped-def]
    """The network of a run, and numbers of the sizes that it learned from."""
    import cloudchamber as cc

    trained = cc.load(run)
    draw = torch.Generator().manual_seed(1)
    return trained.model, torch.randn(38_000, trained.target_codec.size, generator=draw), torch.randn(38_000, trained.given_codec.size, generator=draw)


def h5py_read(store: Path, plain: Path, rate: Call) -> tuple[float, float]:
    """MB a second of processor time from a warm cache: the same columns through h5py in datasets compressed alike, and from the store, checksums compared."""
    table = {name: values for name, values in Store(store).read().items() if not isinstance(values, Ragged)}
    with h5py.File(plain, "w") as file:
        for name, values in table.items():
            file.create_dataset(name, data=np.asarray(values), compression="lzf", shuffle=True)
    megabytes = sum(np.asarray(values).nbytes for values in table.values()) / 1e6

    def read() -> None:
        with h5py.File(plain) as file:
            for name in table:
                file[name][:]

    return rate(read, 1) * megabytes, rate(lambda: Store(store).read(list(table)), 1) * megabytes
