from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch

from cloudchamber.nn.codec import Tensors
from cloudchamber.nn.tensors import to_tensors
from cloudchamber.rng import rng
from cloudchamber.schema import Table
from cloudchamber.studies.airshower.codecs.profile_codec import PROFILES, SCALARS, energy_gev
from cloudchamber.studies.airshower.codecs.profile_grid import ProfileGrid, ProfileGridCodec
from cloudchamber.studies.airshower.columns import N_DEPTH, THETA, X, depth_grid
from cloudchamber.studies.airshower.observables import closure, muon_number
from cloudchamber.studies.airshower.parametrised import Parametrised

GIVEN = {name: THETA[name] for name in ("primary", "lg_energy_ev", "zenith_deg")}


def showers(n: int, seed: int) -> tuple[Table, Tensors, Tensors]:
    model = Parametrised()
    theta = model.prior(n, rng(seed))
    table = theta | model.simulate(theta, rng(seed, "showers"))
    return table, to_tensors({name: table[name] for name in X}, X), to_tensors({name: table[name] for name in GIVEN}, GIVEN)


@cache
def fitted(step: int = 4) -> ProfileGridCodec:
    codec = ProfileGrid(step=step).build(X)
    codec.fit(*showers(3000, seed=1)[1:])
    return codec


def decoded(codec: ProfileGridCodec, flat: torch.Tensor, given: Tensors) -> Table:
    return {name: column.numpy() for name, column in codec.decode(flat, given).items()}


@pytest.mark.parametrize("step", [1, 4])
def test_showers_survive_the_round_trip(step: int) -> None:
    table, columns, given = showers(500, seed=2)
    back = decoded(fitted(step), fitted(step).encode(columns, given), given)
    for name in ("xmax_g_cm2", "nmax", "ground_energy_gev", "calorimetric_energy_gev"):
        # a shower beyond 5.5 spreads is brought back to them
        assert np.quantile(np.abs(back[name] / table[name] - 1), 0.99) < 1e-3, name
    for name in PROFILES:
        high = table[name] > 0.1 * table[name].max(axis=1, keepdims=True)
        # a rise or a fall between two points of the coarse grid is the worst case, the muon number an ordinary one
        assert np.quantile(np.abs(back[name][high] / table[name][high] - 1), 0.99) < (0.03 if step > 1 else 1e-3), name
    assert np.quantile(np.abs(np.log(muon_number(back) / muon_number(table))), 0.99) < 0.01
    below = depth_grid() > fitted(step).ground(given["zenith_deg"]).numpy()[:, None]
    assert below.any() and all((back[name][below] == 0).all() for name in PROFILES)


def test_the_numbers_are_normal_at_any_condition() -> None:
    _, columns, given = showers(2000, seed=3)
    flat = fitted().encode(columns, given)
    assert flat.shape == (2000, 4 * 62 + len(SCALARS)) and bool(torch.isfinite(flat).all())
    assert flat.mean(0) == pytest.approx(torch.zeros(flat.shape[1]), abs=0.25)
    assert flat.std(0) == pytest.approx(torch.ones(flat.shape[1]), abs=0.25)
    # what is given is taken out: the energy no longer tells the numbers apart
    energy = given["lg_energy_ev"]
    halves = flat[energy > 17.5].mean(0) - flat[energy <= 17.5].mean(0)
    assert halves.abs().max() < 0.5


def test_a_small_error_of_the_numbers_is_a_small_error_of_the_shower() -> None:
    table, columns, given = showers(500, seed=4)
    off = decoded(fitted(), fitted().encode(columns, given) + 0.05, given)
    assert abs(np.log(muon_number(off) / muon_number(table)).mean()) < 0.03
    assert abs(closure(off | {"lg_energy_ev": table["lg_energy_ev"]}).mean() - closure(table).mean()) < 0.02


def test_past_the_ground_a_shower_keeps_its_last_number() -> None:
    _, columns, given = showers(200, seed=5)
    codec = fitted(1)
    numbers = codec._scaled(columns, given)[:, : -len(SCALARS)].view(-1, len(PROFILES), N_DEPTH)
    last = codec._seen(given).sum(1).long() - 1
    for event, end in enumerate(last.tolist()):
        assert bool((numbers[event, :, end:] == numbers[event, :, end : end + 1]).all())


def test_few_showers_and_far_noise_stay_finite() -> None:
    _, columns, given = showers(40, seed=6)
    codec = ProfileGrid().build(X)
    codec.fit(columns, given)
    torch.manual_seed(0)
    energy = energy_gev(given)[:, None]
    for flat in (codec.encode(columns, given), 30 * torch.randn(40, codec.size)):
        back = codec.decode(flat, given)
        assert all(bool(torch.isfinite(column).all()) and float(column.min()) >= 0 for column in back.values())
        for name in PROFILES:
            assert (back[name] / energy).max() <= 1.001 * (columns[name] / energy).max(), name


def test_a_wrong_step_or_missing_column_is_refused() -> None:
    with pytest.raises(ValueError, match="step must lie between 1 and 124 depths, got 0"):
        ProfileGrid(step=0).build(X)
    with pytest.raises(ValueError, match="needs the column 'n_muon'"):
        ProfileGrid().build({name: column for name, column in X.items() if name != "n_muon"})
    with pytest.raises(ValueError, match="a density of whole profiles does not exist"):
        fitted().log_det({}, {})
