from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch

from cloudchamber.nn.codec import Tensors
from cloudchamber.nn.tensors import to_tensors
from cloudchamber.rng import rng
from cloudchamber.schema import Table
from cloudchamber.studies.airshower.codecs.profile_codec import PROFILES, SCALARS, ProfileCodec, Profiles, _depths_of_points, _points_at
from cloudchamber.studies.airshower.columns import DEPTH_STEP_G_CM2, THETA, X, depth_grid
from cloudchamber.studies.airshower.observables import closure, muon_number
from cloudchamber.studies.airshower.parametrised import Parametrised

GIVEN = {name: THETA[name] for name in ("primary", "lg_energy_ev", "zenith_deg")}


def showers(n: int, seed: int) -> tuple[Table, Tensors, Tensors]:
    model = Parametrised()
    theta = model.prior(n, rng(seed))
    table = theta | model.simulate(theta, rng(seed, "showers"))
    return table, to_tensors({name: table[name] for name in X}, X), to_tensors({name: table[name] for name in GIVEN}, GIVEN)


@cache
def fitted(components: int = 40) -> ProfileCodec:
    codec = Profiles(components=components).build(X)
    codec.fit(*showers(2500, seed=1)[1:])
    return codec


def decoded(codec: ProfileCodec, flat: torch.Tensor, given: Tensors) -> Table:
    return {name: column.numpy() for name, column in codec.decode(flat, given).items()}


def test_showers_survive_the_round_trip() -> None:
    table, columns, given = showers(500, seed=2)
    back = decoded(fitted(), fitted().encode(columns, given), given)
    for name in ("xmax_g_cm2", "nmax", "first_interaction_g_cm2", "ground_energy_gev", "invisible_energy_gev", "xmax_deposit_g_cm2"):
        # a shower beyond 5.5 spreads is brought back to them
        assert np.quantile(np.abs(back[name] / table[name] - 1), 0.99) < 2e-3, name
    for name in PROFILES:
        high = table[name] > 0.1 * table[name].max(axis=1, keepdims=True)
        assert np.quantile(np.abs(back[name][high] / table[name][high] - 1), 0.99) < 0.01, name
    assert np.quantile(np.abs(np.log(muon_number(back) / muon_number(table))), 0.99) < 0.01
    assert abs(closure(back | {"lg_energy_ev": table["lg_energy_ev"]}).mean() - closure(table).mean()) < 1e-3


def test_more_components_keep_more() -> None:
    table, columns, given = showers(300, seed=3)
    misfit = []
    for components in (2, 8, 40):
        back = decoded(fitted(components), fitted(components).encode(columns, given), given)
        misfit.append(np.median(np.abs(back["n_electron"] - table["n_electron"]).max(axis=1) / table["nmax"]))
    assert misfit[0] > 2 * misfit[1] > 4 * misfit[2]


def test_first_interaction_and_maximum_of_all_showers_meet() -> None:
    first, xmax = torch.tensor([3.0, 60.0, 400.0]), torch.tensor([650.0, 700.0, 1150.0])
    depth = torch.from_numpy(depth_grid()).float()
    for special in (first, xmax):
        at = torch.stack([_points_at(special[i : i + 1], first[i : i + 1], xmax[i : i + 1])[0, 0] for i in range(3)])
        torch.testing.assert_close(at, at[:1].expand(3), atol=1e-3, rtol=0)
    points = _points_at(depth, first, xmax)
    depths = _depths_of_points(first, xmax)
    assert bool((points.diff(dim=1) > 0).all()) and bool((depths.diff(dim=1) > 0).all())
    for event in range(3):
        again = np.interp(points[event], np.arange(depths.shape[1]), depths[event])
        known = (points[event] >= 0) & (points[event] <= depths.shape[1] - 1)
        assert known.sum() > 150
        np.testing.assert_allclose(again[known], depth[known], atol=1e-2)


def test_a_maximum_at_the_first_interaction_is_no_division_by_zero() -> None:
    places = _points_at(torch.from_numpy(depth_grid()).float(), torch.tensor([100.0, 100.0]), torch.tensor([100.0, 40.0]))
    assert bool(torch.isfinite(places).all()) and bool((places.diff(dim=1) > 0).all())


def test_nothing_before_the_first_interaction_nor_below_the_ground() -> None:
    _, _, given = showers(200, seed=4)
    codec = fitted()
    back = decoded(codec, torch.randn(200, codec.size, generator=torch.Generator().manual_seed(0)), given)
    outside = depth_grid() < back["first_interaction_g_cm2"][:, None] - DEPTH_STEP_G_CM2
    outside |= depth_grid() > codec.ground(given["zenith_deg"]).numpy()[:, None]
    assert outside.any() and all((back[name][outside] == 0).all() for name in PROFILES)


def test_the_numbers_are_normal_at_any_condition() -> None:
    _, columns, given = showers(2000, seed=5)
    flat = fitted().encode(columns, given)
    assert flat.shape == (2000, len(SCALARS) + 40) and bool(torch.isfinite(flat).all())
    assert flat.mean(0) == pytest.approx(torch.zeros(flat.shape[1]), abs=0.25)
    assert flat.std(0) == pytest.approx(torch.ones(flat.shape[1]), abs=0.25)


def test_any_numbers_give_a_shower_of_no_more_than_the_primary_brought() -> None:
    table, _, given = showers(40, seed=6)
    back = decoded(fitted(), 30 * torch.randn(40, fitted().size, generator=torch.Generator().manual_seed(1)), given)
    assert all(bool(np.isfinite(column).all()) and float(column.min()) >= 0 for column in back.values())
    parts = back["ground_energy_gev"] + back["invisible_energy_gev"] + back["calorimetric_energy_gev"]
    np.testing.assert_allclose(parts, 10 ** (table["lg_energy_ev"] - 9), rtol=1e-4)


def test_no_density_and_missing_columns_are_refused() -> None:
    _, columns, given = showers(5, seed=7)
    with pytest.raises(ValueError, match="density of whole profiles"):
        fitted().log_det(columns, given)
    with pytest.raises(ValueError, match="needs the column 'n_muon'"):
        Profiles().build({name: column for name, column in X.items() if name != "n_muon"})
