from __future__ import annotations

import numpy as np
import torch

from cloudchamber.models.marginals import Marginals
from cloudchamber.nn.codec import Columns
from cloudchamber.run.spread import spread_of_draws, spread_of_mixture
from cloudchamber.schema import Column

COLUMNS = {"kind": Column(categories=("p", "Fe")), "a": Column(), "b": Column(shape=(2,), low=0.0, high=10.0)}


def mixture(events: int = 4) -> Marginals:
    """Five flat numbers, two of them a class; the first real one of two peaks in every other event."""
    mean = torch.zeros(events, 2, 5)
    mean[::2, :, 2] = torch.tensor([-4.0, 4.0])
    return Marginals(torch.tensor([0.5, 0.5]).log().expand(events, 2), mean, torch.full((events, 2, 5), 1.0))


def test_a_mixture_tells_what_its_draws_would() -> None:
    codec, found = Columns({"b": "logit"}).build(COLUMNS), mixture()
    table = {"kind": torch.zeros(100, dtype=torch.int64), "a": torch.linspace(0, 9, 100), "b": torch.linspace(1, 9, 200).reshape(100, 2)}
    codec.fit(table, {})
    told = spread_of_mixture(COLUMNS, codec, found)
    assert set(told) == {f"{name}_{word}" for name in ("a", "b") for word in ("q16", "q50", "q84", "modes")}
    assert told["a_modes"].tolist() == [2, 1, 2, 1] and told["b_modes"].shape == (4, 2) and (told["b_modes"] == 1).all()
    random = torch.Generator().manual_seed(1)
    pick = torch.randint(0, 2, (20_000, 4), generator=random)
    peaks = found.mean.expand(20_000, -1, -1, -1).gather(2, pick[..., None, None].expand(-1, -1, 1, 5))[:, :, 0]
    flat = peaks + torch.randn(20_000, 4, 5, generator=random)
    drawn = codec.decode(flat.reshape(-1, 5), {})
    for name in ("a", "b"):
        draws = drawn[name].reshape(20_000, *told[f"{name}_q16"].shape).swapaxes(0, 1).numpy()
        counted = spread_of_draws(name, COLUMNS[name], draws)
        np.testing.assert_array_equal(counted[f"{name}_modes"], told[f"{name}_modes"])
        for word in ("q16", "q84"):
            np.testing.assert_allclose(counted[f"{name}_{word}"], told[f"{name}_{word}"], rtol=0.03, atol=0.06)


def test_what_is_no_mixture_or_too_much_tells_nothing() -> None:
    codec = Columns().build(COLUMNS)
    assert spread_of_mixture(COLUMNS, codec, None) == {}
    assert spread_of_draws("kind", COLUMNS["kind"], np.zeros((3, 4), int)) == {}
    assert spread_of_draws("image", Column(shape=(65,)), np.zeros((3, 4, 65))) == {}


def test_quantiles_of_draws_and_peaks_of_whole_numbers() -> None:
    random = np.random.default_rng(1)
    draws = random.poisson(3, (200, 100))
    told = spread_of_draws("n", Column(dtype="int64"), draws)
    np.testing.assert_allclose(told["n_q50"], np.median(draws, axis=1))
    assert (told["n_modes"] == 1).all() and told["n_modes"].dtype.kind == "i"
