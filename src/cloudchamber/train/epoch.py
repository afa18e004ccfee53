"""One epoch of training, one pass of validation, on one process or many.

The turns of an adversarial pair do not fit the wrapper of torch's DistributedDataParallel: it counts on one forward and one backward through all parameters.
So the gradients are summed over the processes by hand, in one all-reduce a turn.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from lightning_fabric import Fabric
from torch import Tensor

from cloudchamber.models.base import ConditionalModel
from cloudchamber.models.recipe import Fit, Watch
from cloudchamber.rng import rng
from cloudchamber.train.batches import Batches
from cloudchamber.train.schedule import learning_rate_factor
from cloudchamber.train.trainee import Trainee

ADVICE = "checkpoints of earlier epochs are kept. Try a lower learning_rate or clip_norm, a longer warm-up or 32-true precision, in another folder"


def train_epoch(fabric: Fabric, now: Trainee, batches: Batches, settings: Fit, seed: int) -> dict[str, float]:
    """Train on every batch once; gives each part's mean loss and last learning rate, of parts that rest nothing.

    FloatingPointError names epoch, step and part where a loss or gradient is not finite; that step is not taken.
    """
    model, parts, epoch = now.model, now.parts, now.epochs
    model.train()
    _seed(fabric, seed, "epoch", epoch)
    losses: dict[str, list[float]] = {}
    for step, batch in enumerate(batches.epoch(epoch)):
        if len(batch[0]) < fabric.world_size:
            continue  # the rest of a stream: too few for each process to have one
        target, given, weight = _share(fabric, batch, settings)
        factor = _factor(now, settings, step, batches.steps)
        turns = iter(model.losses(target, given))
        while True:
            with fabric.autocast():
                turn = next(turns, None)
            if turn is None:
                break
            name = parts.name(turn[0])
            if epoch < settings.epochs - 1 and parts.rests(name, epoch):
                continue
            loss, norm = _step(fabric, parts.optimiser(name, factor), turn[1], weight, settings.clip_norm)
            if not math.isfinite(loss + norm):
                what = f"loss is {loss}" if not math.isfinite(loss) else f"gradient has the norm {norm}"
                raise FloatingPointError(f"the {what} in epoch {epoch + 1}, step {step + 1}, part '{name or 'model'}'; {ADVICE}")
            losses.setdefault(name, []).append(loss)
        if now.average:
            now.average.update(model)
    idle = [name for name in settings.optimisers if name and name not in losses and (epoch == settings.epochs - 1 or not parts.rests(name, epoch))]
    if idle:
        raise ValueError(f"optimisers: the part '{idle[0]}' took no turn in epoch {epoch + 1}; losses() yielded: {', '.join(map(repr, losses)) or 'nothing'}")
    _share_buffers(fabric, now)
    rates = {name: parts.optimisers[name].param_groups[0]["lr"] for name in losses}
    return {_column("loss", n): sum(v) / len(v) for n, v in losses.items()} | {_column("learning_rate", n): rate for n, rate in rates.items()}


@torch.no_grad()
def validation_loss(fabric: Fabric, model: ConditionalModel, validation: Batches, settings: Fit, seed: int) -> float:
    """The mean of ``model.validation_loss`` over all events, with the same batches and random numbers at each call."""
    model.eval()
    _seed(fabric, seed, "validation")
    total, events = 0.0, 0.0
    for batch in validation.epoch(0):
        target, given, _ = _share(fabric, batch, settings)
        if len(target):
            with fabric.autocast():
                total += len(target) * float(model.validation_loss(target, given))
            events += len(target)
    sums = torch.tensor([total, events], device=fabric.device)
    fabric.all_reduce(sums, reduce_op="sum")
    return float(sums[0] / sums[1])


@torch.no_grad()
def watched(fabric: Fabric, model: ConditionalModel, validation: Batches, watch: Watch, settings: Fit) -> float:
    """The running figure of the first held-out events, the same ones at each call."""
    model.eval()
    parts: list[tuple[Tensor, Tensor]] = []
    for batch in validation.epoch(0):
        parts.append(batch)
        if sum(len(target) for target, _ in parts) >= watch.events:
            break
    dtype = torch.float64 if settings.precision == "64-true" else torch.float32
    target, given = (torch.cat(each)[: watch.events].to(fabric.device, dtype) for each in zip(*parts, strict=True))
    found: float = fabric.broadcast(watch.figure(model, target, given))
    return found


def _factor(now: Trainee, settings: Fit, step: int, steps: int) -> float:
    """Of the learning rate, in this step of the present epoch's ``steps``."""
    if now.fall is not None:
        first, epochs = now.fall
        return learning_rate_factor("cosine", (now.epochs - first) * steps + step, epochs * steps)
    return learning_rate_factor(settings.schedule, now.epochs * steps + step, settings.epochs * steps, settings.warmup_epochs * steps)


def _seed(fabric: Fabric, seed: int, *block: int | str) -> None:
    torch.manual_seed(int(rng(seed, "fit", *block, fabric.global_rank).integers(2**63)))


def _share(fabric: Fabric, batch: tuple[Tensor, Tensor], settings: Fit) -> tuple[Tensor, Tensor, float]:
    """This process's part of a batch, and the fraction that it is, so that fractions of means add up to the mean of the batch."""
    dtype = torch.float64 if settings.precision == "64-true" else torch.float32
    target, given = (tensor.tensor_split(fabric.world_size)[fabric.global_rank].to(fabric.device, dtype) for tensor in batch)
    return target, given, len(target) / len(batch[0])


def _step(fabric: Fabric, optimiser: torch.optim.Optimizer, loss: Tensor, weight: float, clip_norm: float | None) -> tuple[float, float]:
    """Step one part's optimiser unless something is not finite; gives the loss of the whole batch and the gradient's norm before clipping."""
    parameters = optimiser.param_groups[0]["params"]
    optimiser.zero_grad()
    loss = loss * weight
    fabric.backward(loss, inputs=parameters)
    total = _sum_over_processes(fabric, loss.detach(), [parameter.grad for parameter in parameters if parameter.grad is not None])
    norm = torch.nn.utils.clip_grad_norm_(parameters, clip_norm or math.inf)
    numbers: list[float] = torch.stack([total, norm]).tolist()
    if all(map(math.isfinite, numbers)):
        optimiser.step()
    return numbers[0], numbers[1]


def _sum_over_processes(fabric: Fabric, loss: Tensor, gradients: Sequence[Tensor]) -> Tensor:
    """Replace each gradient with its sum over the processes; gives the sum of the losses."""
    if fabric.world_size == 1:
        return loss
    flat = torch.cat([loss.reshape(1), *(gradient.flatten() for gradient in gradients)])
    fabric.all_reduce(flat, reduce_op="sum")
    for gradient, summed in zip(gradients, torch.split(flat[1:], [gradient.numel() for gradient in gradients]), strict=True):
        gradient.copy_(summed.view_as(gradient))
    return flat[0]


def _share_buffers(fabric: Fabric, now: Trainee) -> None:
    """Average over the processes the float buffers that each has changed by its own events, such as running means."""
    if fabric.world_size == 1:
        return
    averaged = now.average.weights if now.average else {}
    for name, buffer in now.model.named_buffers():
        for tensor in (buffer, averaged.get(name)):
            if tensor is not None and tensor.is_floating_point():
                fabric.all_reduce(tensor, reduce_op="mean")


def _column(quantity: str, part: str) -> str:
    return f"{quantity}_{part}" if part else quantity
