"""Seven tasks of the public benchmark sbibm: priors and simulators, vectorised; observations and reference posteriors come from its files.

References: Lueckmann et al. (2021), Benchmarking simulation-based inference, AISTATS 130, 343.
"""

from __future__ import annotations

import bz2
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

Draw = Callable[[int, np.random.Generator], np.ndarray]
Simulate = Callable[[np.ndarray, np.random.Generator], np.ndarray]
OBSERVATIONS = range(1, 11)


@dataclass(frozen=True)
class Box:
    """A flat prior between -``edge`` and ``edge`` in ``size`` numbers."""

    size: int
    edge: float

    def __call__(self, n: int, random: np.random.Generator) -> np.ndarray:
        return random.uniform(-self.edge, self.edge, (n, self.size))


@dataclass(frozen=True)
class Normal:
    """A normal prior around zero."""

    covariance: np.ndarray

    @property
    def size(self) -> int:
        return len(self.covariance)

    def __call__(self, n: int, random: np.random.Generator) -> np.ndarray:
        return random.multivariate_normal(np.zeros(self.size), self.covariance, n)


@dataclass(frozen=True)
class LogNormal:
    """Positive numbers whose logarithms are normal."""

    mean: tuple[float, ...]
    deviation: tuple[float, ...]

    @property
    def size(self) -> int:
        return len(self.mean)

    def __call__(self, n: int, random: np.random.Generator) -> np.ndarray:
        return random.lognormal(self.mean, self.deviation, (n, self.size))


@dataclass(frozen=True)
class Task:
    """A prior and a simulator: theta (events, numbers) to x (events, numbers)."""

    name: str
    prior: Box | Normal | LogNormal
    simulate: Simulate

    def bounds(self) -> dict[str, tuple[float | None, float | None]]:
        """Of the columns theta_0, theta_1 ..., where the prior has some."""
        if isinstance(self.prior, Normal):
            return {}
        edges = (-self.prior.edge, self.prior.edge) if isinstance(self.prior, Box) else (0.0, None)
        return {f"theta_{number}": edges for number in range(self.prior.size)}


def gaussian_linear(theta: np.ndarray, random: np.random.Generator) -> np.ndarray:
    return theta + 0.1**0.5 * random.normal(size=theta.shape)


def gaussian_mixture(theta: np.ndarray, random: np.random.Generator) -> np.ndarray:
    width = random.choice([1.0, 0.1], (len(theta), 1))
    return theta + width * random.normal(size=theta.shape)


def two_moons(theta: np.ndarray, random: np.random.Generator) -> np.ndarray:
    angle, radius = random.uniform(-np.pi / 2, np.pi / 2, len(theta)), random.normal(0.1, 0.01, len(theta))
    moon = np.stack((radius * np.cos(angle) + 0.25, radius * np.sin(angle)), 1)
    return moon + np.stack((-np.abs(theta[:, 0] + theta[:, 1]), theta[:, 1] - theta[:, 0]), 1) / 2**0.5


def slcp(theta: np.ndarray, random: np.random.Generator) -> np.ndarray:
    first, second, rho = theta[:, 2] ** 2, theta[:, 3] ** 2, np.tanh(theta[:, 4])
    covariance = np.stack((first**2 + 1e-6, rho * first * second, rho * first * second, second**2 + 1e-6), 1).reshape(-1, 2, 2)
    noise = np.linalg.cholesky(covariance)[:, None] @ random.normal(size=(len(theta), 4, 2, 1))
    return (theta[:, None, :2] + noise[..., 0]).reshape(-1, 8)


STIMULUS = np.random.RandomState(42).randn(100)
DESIGN = np.stack([np.ones(100), *(np.concatenate((np.zeros(lag), STIMULUS[: 100 - lag])) for lag in range(9))], 1)


def glm_covariance() -> np.ndarray:
    """Of the prior of the generalised linear model: a smooth filter after an offset."""
    step = np.eye(9) - np.diag(np.ones(8), -1)
    filtered = step @ step + np.diag(np.arange(9) / 9) ** 0.5
    precision = np.zeros((10, 10))
    precision[0, 0], precision[1:, 1:] = 0.5, filtered.T @ filtered
    return np.linalg.inv(precision)


def bernoulli_glm(theta: np.ndarray, random: np.random.Generator) -> np.ndarray:
    spikes = random.uniform(size=(len(theta), 100)) < 1 / (1 + np.exp(-theta @ DESIGN.T))
    return spikes @ DESIGN


def sir(theta: np.ndarray, random: np.random.Generator) -> np.ndarray:
    people = 1e6

    def rate(state: np.ndarray) -> np.ndarray:
        new, healed = theta[:, 0] * state[0] * state[1] / people, theta[:, 1] * state[1]
        return np.stack((-new, new - healed))

    infected = integrate(rate, np.stack((np.full(len(theta), people - 1), np.ones(len(theta)))), 0.1, 1530, 170)[:, 1]
    return random.binomial(1000, np.clip(infected.T / people, 0, 1)).astype(float)


def lotka_volterra(theta: np.ndarray, random: np.random.Generator) -> np.ndarray:
    a, b, c, d = theta.T

    def rate(log: np.ndarray) -> np.ndarray:
        prey, predators = np.exp(log)
        return np.stack((a - b * predators, d * prey - c))

    log = integrate(rate, np.log(np.array([30.0, 1.0]))[:, None] * np.ones(len(theta)), 0.005, 3780, 420)
    seen = np.clip(log, np.log(1e-10), np.log(1e4)).transpose(2, 1, 0).reshape(len(theta), 20)
    return np.exp(seen + 0.1 * random.normal(size=seen.shape))


def integrate(rate: Callable[[np.ndarray], np.ndarray], state: np.ndarray, step: float, steps: int, every: int) -> np.ndarray:
    """The state at the start and after each ``every`` steps, by the classical Runge-Kutta method of fourth order."""
    kept = [state]
    for number in range(1, steps + 1):
        first = rate(state)
        second = rate(state + step / 2 * first)
        third = rate(state + step / 2 * second)
        fourth = rate(state + step * third)
        state = state + step / 6 * (first + 2 * second + 2 * third + fourth)
        if number % every == 0:
            kept.append(state)
    return np.stack(kept)


TASKS = {
    task.name: task
    for task in (
        Task("gaussian_linear", Normal(0.1 * np.eye(10)), gaussian_linear),
        Task("gaussian_mixture", Box(2, 10.0), gaussian_mixture),
        Task("two_moons", Box(2, 1.0), two_moons),
        Task("slcp", Box(5, 3.0), slcp),
        Task("bernoulli_glm", Normal(glm_covariance()), bernoulli_glm),
        Task("sir", LogNormal((np.log(0.4), np.log(0.125)), (0.5, 0.2)), sir),
        Task("lotka_volterra", LogNormal((-0.125, -3.0, -0.125, -3.0), (0.5,) * 4), lotka_volterra),
    )
}


def observation(references: Path, task: str, number: int) -> tuple[np.ndarray, np.ndarray]:
    """What was seen, (numbers,), and draws of the reference posterior, (10000, numbers)."""
    folder = references / "sbibm" / "tasks" / task / "files" / f"num_observation_{number}"
    if not folder.exists():
        raise SystemExit(
            f"'{folder}' is not there: --references takes the unpacked package sbibm, for its observations and reference posteriors. "
            "Get it with: pip download --no-deps sbibm==1.1.0 && unzip sbibm-1.1.0-py2.py3-none-any.whl -d FOLDER"
        )
    with bz2.open(folder / "reference_posterior_samples.csv.bz2", "rt") as file:
        draws = np.loadtxt(file, delimiter=",", skiprows=1)
    return np.loadtxt(folder / "observation.csv", delimiter=",", skiprows=1), draws
