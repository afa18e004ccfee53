"""The C2ST of sbibm, for many observations and folds at once.

The benchmark trains scikit-learn's ``MLPClassifier`` five times for each observation. These are the same networks with the same training, as one batch of
matrices: up to twice as fast on a processor, and all observations of a task in less than a minute on a GPU. Both, on draws of two normal distributions:

    python benchmarks/c2st.py                                             # needs scikit-learn

References: Lueckmann et al. (2021), Benchmarking simulation-based inference, AISTATS 130, 343; scikit-learn's MLPClassifier and its defaults.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from itertools import pairwise

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from tables import markdown
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

FOLDS, BATCH, TOLERANCE, PATIENCE, DECAY = 5, 200, 1e-4, 10, 1e-4


def c2st(draws: Sequence[np.ndarray], references: Sequence[np.ndarray], seed: int = 1) -> list[float]:
    """For each observation the accuracy, over five folds, of a network that tells its draws from its reference, both (draws, numbers)."""
    seen, sides, held, answers = [], [], [], []
    for mine, reference in zip(draws, references, strict=True):
        both = (np.concatenate((reference, mine)) - reference.mean(0)) / reference.std(0, ddof=1)
        kinds = np.repeat([0.0, 1.0], [len(reference), len(mine)])
        for fold in np.array_split(np.random.default_rng(seed).permutation(len(both)), FOLDS):
            rest = np.setdiff1d(np.arange(len(both)), fold)
            seen.append(both[rest])
            sides.append(kinds[rest])
            held.append(both[fold])
            answers.append(kinds[fold])
    device = "cuda" if torch.cuda.is_available() else "cpu"
    found = accuracies(*(torch.as_tensor(np.stack(part), dtype=torch.float32, device=device) for part in (seen, sides, held, answers)), seed)
    return [float(each) for each in found.reshape(-1, FOLDS).mean(1)]


def accuracies(x: Tensor, y: Tensor, held_x: Tensor, held_y: Tensor, seed: int) -> np.ndarray:
    """Accuracy on the held-out events of each of so many networks, (networks,); x: (networks, events, numbers), y: (networks, events)."""
    networks, events, numbers = x.shape
    # of each network its own: others beside it change nothing
    random = [torch.Generator().manual_seed(seed * FOLDS + network % FOLDS) for network in range(networks)]
    weights, biases = [], []
    for before, after in pairwise((numbers, 10 * numbers, 10 * numbers, 1)):
        bound = (6 / (before + after)) ** 0.5
        start = torch.stack([torch.rand(before + 1, after, generator=each) for each in random]).mul_(2).sub_(1).mul_(bound).to(x.device)
        weights.append(start[:, :-1].clone().requires_grad_())
        biases.append(start[:, -1:].clone().requires_grad_())
    optimiser = torch.optim.Adam([{"params": weights, "weight_decay": DECAY / BATCH}, {"params": biases}], lr=1e-3, fused=True)
    alive, found = torch.arange(networks), np.zeros(networks)
    least, waited = torch.full((networks,), torch.inf, device=x.device), torch.zeros(networks, device=x.device)
    while len(alive):
        order = torch.stack([torch.rand(events, generator=random[network]) for network in alive.tolist()]).to(x.device).argsort()
        shuffled, kinds = torch.take_along_dim(x, order[..., None], 1), torch.take_along_dim(y, order, 1)
        total = torch.zeros(len(alive), device=x.device)
        for start in range(0, events, BATCH):
            part = slice(start, start + BATCH)
            losses = binary_cross_entropy_with_logits(logits(shuffled[:, part], weights, biases), kinds[:, part], reduction="none").mean(1)
            optimiser.zero_grad()
            losses.sum().backward()
            optimiser.step()
            total += losses.detach() * kinds[:, part].shape[1]
        loss = total / events
        waited = torch.where(loss > least - TOLERANCE, waited + 1, 0)
        least = torch.minimum(least, loss)
        done = waited > PATIENCE
        if done.any():
            with torch.no_grad():
                right = ((logits(held_x, weights, biases) > 0) == (held_y > 0.5)).float().mean(1)
            found[alive[done.cpu()].numpy()] = right[done].cpu().numpy()
            keep = ~done
            alive = alive[keep.cpu()]
            x, y, held_x, held_y, least, waited = (each[keep] for each in (x, y, held_x, held_y, least, waited))
            weights, biases = narrow(optimiser, keep)
    return found


def narrow(optimiser: torch.optim.Optimizer, keep: Tensor) -> list[list[Tensor]]:
    """Leave the networks that are done out of the parameters, by group, and of what the optimiser knows of them."""
    for group in optimiser.param_groups:
        for place, parameter in enumerate(group["params"]):
            state = optimiser.state.pop(parameter)
            group["params"][place] = parameter.detach()[keep].requires_grad_()
            optimiser.state[group["params"][place]] = state | {name: state[name][keep] for name in ("exp_avg", "exp_avg_sq")}
    return [group["params"] for group in optimiser.param_groups]


def logits(x: Tensor, weights: list[Tensor], biases: list[Tensor]) -> Tensor:
    """(networks, events)."""
    for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
        x = torch.baddbmm(bias, x, weight).relu()
    return torch.baddbmm(biases[-1], x, weights[-1])[..., 0]


def by_sklearn(draws: np.ndarray, reference: np.ndarray) -> float:
    """The same as sbibm makes it."""
    from sklearn.model_selection import KFold, cross_val_score
    from sklearn.neural_network import MLPClassifier

    both = (np.concatenate((reference, draws)) - reference.mean(0)) / reference.std(0, ddof=1)
    judge = MLPClassifier((10 * draws.shape[1],) * 2, activation="relu", solver="adam", max_iter=10_000, random_state=1)
    sides = np.repeat([0.0, 1.0], [len(reference), len(draws)])
    return float(cross_val_score(judge, both.astype(np.float32), sides, cv=KFold(5, shuffle=True, random_state=1), scoring="accuracy").mean())


def main() -> None:
    torch.set_num_threads(1)
    rows = []
    for numbers, shift in ((2, 0.0), (2, 0.5), (5, 0.3)):
        random = np.random.default_rng(numbers)
        draws, reference = random.normal(shift, 1.0, (4000, numbers)), random.normal(0.0, 1.0, (4000, numbers))
        times = [time.process_time()]
        known = by_sklearn(draws, reference)
        times.append(time.process_time())
        (found,) = c2st([draws], [reference])
        times.append(time.process_time())
        theirs, ours = np.diff(times)
        rows.append([f"{numbers}", f"{shift}", f"{known:.3f}", f"{theirs:.0f}", f"{found:.3f}", f"{ours:.0f}"])
    print(markdown(["numbers", "shift", "scikit-learn", "s", "here", "s"], rows))


if __name__ == "__main__":
    main()
