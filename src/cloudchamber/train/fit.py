"""One training loop for every model: flow, autoencoder, adversarial pair or classifier."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric

from cloudchamber.models.base import ConditionalModel
from cloudchamber.models.recipe import Fit, Watch
from cloudchamber.progress import Progress, quiet
from cloudchamber.train.advice import advice_of
from cloudchamber.train.average import Average, copied
from cloudchamber.train.batches import Batches
from cloudchamber.train.checkpoint import check_fingerprint, fingerprint, load_checkpoint, save_checkpoint
from cloudchamber.train.epoch import ADVICE, train_epoch, validation_loss, watched
from cloudchamber.train.log import plot_log, shown, write_log
from cloudchamber.train.parts import Parts
from cloudchamber.train.processes import check_launched
from cloudchamber.train.schedule import fall_epochs
from cloudchamber.train.trainee import Trainee


@dataclass(frozen=True)
class Hardware:
    """Where to train, in lightning-fabric's words. Under torchrun or SLURM, ``devices`` (of one node) and ``num_nodes`` must be what was launched."""

    accelerator: str = "auto"
    devices: int | str = 1
    strategy: str = "auto"
    num_nodes: int = 1


@dataclass(frozen=True)
class FitResult:
    """How a fit went: the best validation loss (NaN without validation) and its epoch, epochs done, seconds over all runs, the log, and
    what more epochs or events promise."""

    validation_loss: float
    best_epoch: int
    epochs: int
    seconds: float
    log: Path
    advice: str


class HopelessError(RuntimeError):
    """A fit that is stopped, since a running figure says that it will not get better."""


def fit(
    model: ConditionalModel,
    batches: Batches,
    validation: Batches | None,
    settings: Fit,
    folder: Path,
    seed: int,
    progress: Progress = quiet,
    hardware: Hardware | None = None,
    identity: Mapping[str, Any] | None = None,
    watch: Watch | None = None,
) -> FitResult:
    """Train ``model`` and leave the best weights in it: those of the lowest validation loss, or the last ones without ``validation``.

    ``folder`` gets a checkpoint after each epoch, log.csv and at the end loss.png. An interrupted fit is resumed from its checkpoint, bit for bit where the
    device computes reproducibly; so whatever a model changes while it trains must be a parameter or a buffer. A fit that is done returns at once.
    ``identity`` is what else decides the weights, such as codecs and data: a checkpoint of another one is refused.
    With several processes each takes its share of every batch; ``folder`` must be the same for all. ``watch`` is a running figure of the held-out events.

    Raises ValueError for a checkpoint that is damaged or of another fit, FloatingPointError where a loss or gradient is not finite, HopelessError where
    ``watch`` says that the fit is.
    """
    check_fit(settings)
    if settings.patience is not None and validation is None:
        raise ValueError(f"patience={settings.patience}: it counts epochs without a lower validation loss, so it needs validation")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    fabric = fabric_on(hardware or Hardware(), settings)
    train = partial(_train, model=model, batches=batches, validation=validation, settings=settings, folder=folder, seed=seed, progress=progress)
    train = partial(train, identity=dict(identity or {}), watch=watch)
    fabric.launch(train)
    # through the file, because spawned processes cannot hand tensors back
    saved = load_checkpoint(folder)
    assert saved is not None
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        # the first process removes the checkpoints of a finished run
        torch.distributed.barrier()
    model.load_state_dict(saved["best"])
    rows, best_loss = saved["rows"], saved["best_loss"] if validation else math.nan
    # a normal density's log varies by 1/2 a number
    chance = math.sqrt(model.target_size / (2 * validation.steps * settings.batch_size)) if validation else 0.0
    advice = advice_of(rows, saved["best_epoch"], saved.get("fall"), settings, chance)
    return FitResult(best_loss, saved["best_epoch"], len(rows), sum(row["seconds"] for row in rows), folder / "log.csv", advice)


def fabric_on(where: Hardware, settings: Fit) -> Fabric:
    """Lightning's fabric; an error for a name that it does not know, and for hardware that is not there."""
    fabric = Fabric(accelerator=where.accelerator, devices=where.devices, strategy=where.strategy, num_nodes=where.num_nodes, precision=settings.precision)
    check_launched(fabric.world_size)
    return fabric


def check_fit(settings: Fit) -> None:
    """ValueError names the setting that no fit can have."""
    if settings.epochs < 1:
        raise ValueError(f"epochs must be at least 1, got {settings.epochs}")
    if settings.clip_norm is not None and not settings.clip_norm > 0:
        raise ValueError(f"clip_norm must be positive or None, got {settings.clip_norm}")
    if not 0 <= settings.warmup_epochs <= settings.epochs:
        raise ValueError(f"warmup_epochs must lie between 0 and epochs={settings.epochs}, got {settings.warmup_epochs}")
    if settings.batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, got {settings.batch_size}")
    if not 0 <= settings.validation_fraction < 1:
        raise ValueError(f"validation_fraction must be at least 0 and below 1, got {settings.validation_fraction}")
    if settings.average_decay is not None and not 0 < settings.average_decay < 1:
        raise ValueError(f"average_decay must lie between 0 and 1, got {settings.average_decay}")
    for part, each in settings.optimisers.items():
        if each.rest_epochs < 0:
            raise ValueError(f"optimiser '{part}': rest_epochs must be at least 0, got {each.rest_epochs}")
        if not (each.learning_rate > 0 and each.weight_decay >= 0 and all(0 <= beta < 1 for beta in each.betas)):
            told = f"got {each.learning_rate}, {each.weight_decay}, {each.betas}"
            raise ValueError(f"optimiser '{part}': learning_rate must be above 0, weight_decay at least 0, betas from 0 to below 1; {told}")
    if settings.schedule == "anneal" and settings.patience is None:
        raise ValueError("the schedule 'anneal' waits for a plateau: patience must say how many epochs make one")
    if settings.patience is not None and (settings.patience < 1 or not settings.validation_fraction):
        raise ValueError(f"patience={settings.patience}: it counts epochs without a lower validation loss, so it must be at least 1 and needs validation")


def _train(
    fabric: Fabric,
    model: ConditionalModel,
    batches: Batches,
    validation: Batches | None,
    settings: Fit,
    folder: Path,
    seed: int,
    progress: Progress,
    identity: Mapping[str, Any],
    watch: Watch | None,
) -> None:
    # a copy, so that a fit that fails leaves the caller's model as it was
    model = copy.deepcopy(model)
    model.load_state_dict(fabric.broadcast(model.state_dict()))
    marks = fingerprint(model, settings, seed=seed, steps=batches.steps, validation_steps=validation.steps if validation else None, identity=identity)
    fabric.to_device(model.double() if settings.precision == "64-true" else model)
    average = Average(model, settings.average_decay) if settings.average_decay is not None else None
    now = Trainee(model, Parts(model, settings.optimisers), average)
    saved = load_checkpoint(folder)
    if saved is not None:
        check_fingerprint(saved["fingerprint"], marks, folder)
        now.load(saved)
        _report(fabric, now, settings, folder, progress)
    elif fabric.is_global_zero:
        progress(0, settings.epochs, "")
    with torch.random.fork_rng(devices=[fabric.device] if fabric.device.type == "cuda" else []):
        while _goes_on(now, settings):
            _refuse_hopeless(now, watch)
            _epoch(fabric, now, batches, validation, settings, seed, watch)
            if fabric.is_global_zero:
                save_checkpoint(folder, now.state() | {"fingerprint": marks})
            _report(fabric, now, settings, folder, progress)
    _refuse_hopeless(now, watch)
    if fabric.is_global_zero:
        plot_log(folder / "loss.png", now.rows)
    fabric.barrier()


def _refuse_hopeless(now: Trainee, watch: Watch | None) -> None:
    """HopelessError where the running figure says that more epochs are lost."""
    if watch is not None and (advice := watch.advice([row[watch.name] for row in now.rows if watch.name in row])):
        raise HopelessError(f"stopped after epoch {now.epochs}: {advice}")


def _goes_on(now: Trainee, settings: Fit) -> bool:
    """Whether another epoch is due; where a plateau asks for it, ``now`` goes back to its best weights for the learning rate to fall from there."""
    stands = settings.patience is not None and now.epochs - now.best_epoch >= settings.patience
    if settings.schedule != "anneal":
        return now.epochs < settings.epochs and not stands
    assert settings.patience is not None
    if now.fall is None:
        left, due = settings.epochs - now.epochs, fall_epochs(now.best_epoch, settings.patience)
        if left > 0 and (stands or left <= due):
            now.fall = now.epochs, min(left, due)
            if now.best:
                now.back_to_best()
        return left > 0
    return now.epochs < sum(now.fall)


def _epoch(fabric: Fabric, now: Trainee, batches: Batches, validation: Batches | None, settings: Fit, seed: int, watch: Watch | None) -> None:
    """Train one epoch, validate, watch, keep the weights if they are the best, and note it all in ``now``."""
    start, number = time.perf_counter(), now.epochs + 1
    row = {"epoch": number} | train_epoch(fabric, now, batches, settings, seed)
    with now.average.placed_in(now.model) if now.average else nullcontext():
        if validation:
            row["validation_loss"] = loss = validation_loss(fabric, now.model, validation, settings, seed)
            if not math.isfinite(loss):
                raise FloatingPointError(f"the validation loss is {loss} in epoch {number}; {ADVICE}")
            if watch is not None:
                row[watch.name] = watched(fabric, now.model, validation, watch, settings)
        if not validation or loss < now.best_loss:
            now.best, now.best_epoch = copied(now.model.state_dict(), "cpu"), number
            now.best_loss = row.get("validation_loss", math.inf)
    now.rows.append(row | {"seconds": time.perf_counter() - start})


def _report(fabric: Fabric, now: Trainee, settings: Fit, folder: Path, progress: Progress) -> None:
    if fabric.is_global_zero:
        write_log(folder / "log.csv", now.rows)
        progress(now.epochs, settings.epochs, shown(now.rows[-1]))
