"""How good the posteriors of ``cc.fit`` are beside those of ``sbi``, on seven tasks of the public benchmark sbibm.

    pip install -e '.[bench]'                                             # with sbi
    pip download --no-deps sbibm==1.1.0 && unzip sbibm-1.1.0-*.whl -d references
    python benchmarks/posteriors.py --references references --sizes 1000 10000
    python benchmarks/posteriors.py --page docs/posteriors.md             # the table of what is there

Both learn from the same simulations, with no settings, on one thread. The measure is the benchmark's C2ST: the accuracy, in five-fold cross-validation, of a
network that tells 10,000 draws of the posterior from 10,000 of the reference; 0.5 is perfect, 1 is useless. Beside it stands a measure that needs no reference:
the mean log density of the true parameters of 2,000 other events. Each fit and each C2ST is kept as soon as it is done; the same command goes on.
"""

from __future__ import annotations

import argparse
import json
import os
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from c2st import c2st
from filelock import FileLock
from posterior_tasks import OBSERVATIONS, TASKS, Box, LogNormal, Normal, Task, observation
from tables import markdown

SIZES = (1000, 10_000, 100_000)
DRAWS, SCORED, SEED = 10_000, 2000, 1
Fitted = tuple[Callable[[np.ndarray], np.ndarray], Callable[[np.ndarray, np.ndarray], np.ndarray], dict[str, Any]]
"""Draws of theta for one x, the log density of many theta for their x, and what is noted of the fit."""


def by_cloudchamber(task: Task, theta: np.ndarray, x: np.ndarray) -> Fitted:
    """``cc.fit`` with the arrays, and the bounds of the prior."""
    import torch

    import cloudchamber as cc

    start = time.process_time()
    run = cc.fit(theta, x, bounds=task.bounds(), seed=SEED)
    seconds = time.process_time() - start
    names = list(run.model.schema.theta)

    def draw(seen: np.ndarray) -> np.ndarray:
        # no observation is refused for an entry that no simulation reached
        found = run.posterior({"x": seen}, DRAWS, outside="flag")
        return np.stack([found[name] for name in names], 1)

    def score(theta: np.ndarray, x: np.ndarray) -> np.ndarray:
        # all events count, those that the run would refuse too
        with torch.no_grad():
            said = run.model.said({"x": torch.as_tensor(x, dtype=torch.float32)})
            return said.log_prob({name: torch.as_tensor(theta[:, number], dtype=torch.float32) for number, name in enumerate(names)}).numpy()

    return draw, score, {"seconds": seconds, "recipe": run.model.recipe.to_json()}


def by_sbi(task: Task, theta: np.ndarray, x: np.ndarray) -> Fitted:
    """sbi's NPE as it comes."""
    import sbi
    import torch
    from sbi.inference import NPE

    start = time.process_time()
    torch.manual_seed(SEED)
    numbers = torch.as_tensor(theta, dtype=torch.float32), torch.as_tensor(x, dtype=torch.float32)
    inference = NPE(torch_prior(task.prior), show_progress_bars=False)
    network = inference.append_simulations(*numbers).train()
    posterior = inference.build_posterior(network)
    seconds = time.process_time() - start

    def draw(seen: np.ndarray) -> np.ndarray:
        found = posterior.sample((DRAWS,), x=torch.as_tensor(seen, dtype=torch.float32)[None], show_progress_bars=False)
        return found.detach().numpy()

    def score(theta: np.ndarray, x: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            pairs = torch.as_tensor(theta, dtype=torch.float32)[None], torch.as_tensor(x, dtype=torch.float32)
            return network.log_prob(pairs[0], condition=pairs[1])[0].numpy()

    return draw, score, {"seconds": seconds, "version": sbi.__version__, "epochs": inference.summary["epochs_trained"][-1]}


def torch_prior(prior: Box | Normal | LogNormal) -> Any:
    """The same prior as one of torch's distributions."""
    import torch
    from torch import distributions

    if isinstance(prior, Normal):
        return distributions.MultivariateNormal(torch.zeros(prior.size), torch.as_tensor(prior.covariance, dtype=torch.float32))
    if isinstance(prior, Box):
        return distributions.Independent(distributions.Uniform(-prior.edge * torch.ones(prior.size), prior.edge * torch.ones(prior.size)), 1)
    return distributions.Independent(distributions.LogNormal(torch.tensor(prior.mean).float(), torch.tensor(prior.deviation).float()), 1)


METHODS = {"cc": by_cloudchamber, "sbi": by_sbi}


class Results:
    """All cells in one JSON file, which several processes may write, and the draws of each beside it."""

    def __init__(self, path: Path) -> None:
        self.path, self.folder = path, path.with_suffix("")
        self.cells: dict[str, dict[str, Any]] = json.loads(path.read_text()) if path.exists() else {}

    def save(self) -> None:
        """Write all cells, with what others have added meanwhile."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(self.path.with_suffix(".lock")):
            for key, cell in Results(self.path).cells.items():
                mine = self.cells.setdefault(key, cell)
                mine["c2st"] = cell["c2st"] | mine["c2st"]
            part = self.path.with_suffix(".part")
            part.write_text(json.dumps(self.cells, indent=1) + "\n")
            part.replace(self.path)


def fit_cell(results: Results, references: Path, name: str, size: int, method: str) -> None:
    key, task = f"{name}/{size}/{method}", TASKS[name]
    if key in results.cells:
        return
    seed = np.random.SeedSequence([SEED, list(TASKS).index(name)])
    random = np.random.default_rng(seed)
    theta = task.prior(max(SIZES), random)[:size]
    x = task.simulate(theta, random)
    others = task.prior(SCORED, random)
    seen = task.simulate(others, random)
    print(f"{key}: fit", flush=True)
    draw, score, noted = METHODS[method](task, theta, x)
    observed = [observation(references, name, number)[0] for number in OBSERVATIONS]
    results.folder.mkdir(parents=True, exist_ok=True)
    np.savez(results.folder / f"{key.replace('/', '-')}.npz", *[draw(each) for each in observed])
    results.cells[key] = {"task": name, "size": size, "method": method, "log_score": float(score(others, seen).mean()), "c2st": {}} | noted
    results.save()
    print(f"{key}: {noted['seconds']:.0f} s, log score {results.cells[key]['log_score']:.3f}", flush=True)


def compare(results: Results, references: Path, keys: Sequence[str], numbers: Sequence[int]) -> None:
    """The C2ST of cells of one task at these observations, all together, where it is not known yet."""
    wanted = [(key, number) for key in keys for number in numbers if str(number) not in results.cells[key]["c2st"]]
    if not wanted:
        return
    draws = {key: np.load(results.folder / f"{key.replace('/', '-')}.npz") for key, _ in wanted}
    pairs = [(draws[key][f"arr_{number - 1}"], observation(references, results.cells[key]["task"], number)[1]) for key, number in wanted]
    for (key, number), value in zip(wanted, c2st(*zip(*pairs, strict=True)), strict=True):
        results.cells[key]["c2st"][str(number)] = value
    results.save()
    for key in draws:
        print(f"{key}: C2ST {', '.join(f'{value:.3f}' for value in results.cells[key]['c2st'].values())}", flush=True)


def keys(options: argparse.Namespace) -> Iterator[tuple[str, int, str]]:
    return ((name, size, method) for size in options.sizes for name in options.tasks for method in options.method)


def published(path: Path | None) -> dict[tuple[str, int], float]:
    """The median C2ST of NPE by task and size, from a table of results as sbibm's authors publish them (github.com/sbi-benchmark/results)."""
    if path is None:
        return {}
    import pandas as pd

    table = pd.read_csv(path)
    found = table[table.algorithm == "NPE"].groupby(["task", "num_simulations"]).C2ST.median()
    return {(str(task), int(size)): float(value) for (task, size), value in found.items()}


def page(results: Results, known: dict[tuple[str, int], float]) -> str:
    """The table of all cells."""
    rows = []
    for name in TASKS:
        for size in SIZES:
            cells = {method: results.cells.get(f"{name}/{size}/{method}") for method in METHODS}
            if not any(cells.values()):
                continue
            row = [name, f"{size:,}"]
            row += [_median(cells[method]) for method in METHODS]
            row.append(f"{known[name, size]:.2f}" if (name, size) in known else "")
            row += ["" if (cell := cells[method]) is None else f"{cell['log_score']:.2f}" for method in METHODS]
            row += ["" if (cell := cells[method]) is None else f"{cell['seconds']:.0f}" for method in METHODS]
            rows.append(row)
    heads = ["task", "simulations", "C2ST `cc.fit`", "C2ST sbi", "C2ST published", "log score `cc.fit`", "log score sbi", "s `cc.fit`", "s sbi"]
    return markdown(heads, rows)


def _median(cell: dict[str, Any] | None) -> str:
    if cell is None or not cell["c2st"]:
        return ""
    values = list(cell["c2st"].values())
    return f"{np.median(values):.3f}" + ("" if len(values) == len(OBSERVATIONS) else f" ({len(values)})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--references", type=Path, help="the unpacked package sbibm")
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument("--sizes", nargs="+", type=int, choices=SIZES, default=SIZES[:2])
    parser.add_argument("--method", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument(
        "--observations", nargs="*", type=int, choices=OBSERVATIONS, default=list(OBSERVATIONS), help="which to compare; none after the flag: fits only"
    )
    parser.add_argument("--results", type=Path, default=Path("reports/posteriors.json"))
    parser.add_argument("--published", type=Path, help="a CSV of github.com/sbi-benchmark/results, for a column of its NPE")
    parser.add_argument("--page", type=Path, help="only write the table of what is there, into this file")
    options = parser.parse_args()
    results = Results(options.results)
    if options.page is None:
        if options.references is None:
            parser.error("--references FOLDER is needed: the unpacked package sbibm (pip download --no-deps sbibm==1.1.0, then unzip it into FOLDER)")
        import torch

        torch.set_num_threads(1)
        observation(options.references, options.tasks[0], 1)
        for cell in keys(options):
            fit_cell(results, options.references, *cell)
        for name in options.tasks:
            compare(results, options.references, [f"{name}/{size}/{method}" for size in options.sizes for method in options.method], options.observations)
    text = page(results, published(options.published))
    print(text)
    if options.page is not None:
        note = "Medians over the ten observations, or over as many as stand in brackets; what is empty has not been run."
        options.page.write_text(f"# Posteriors beside sbi\n\n{__doc__.strip()}\n\n{note}\n\n{text}\n", encoding="utf-8")


if __name__ == "__main__":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        main()
