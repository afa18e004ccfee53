from __future__ import annotations

import pytest
import torch
from events import COLUMNS, fitted, showers, tensors

from cloudchamber.schema import Column
from cloudchamber.studies.calorimeter.codecs.deposits import THRESHOLD_MEV, Deposits

DEPOSIT = {"deposit_mev": COLUMNS["deposit_mev"]}


def test_showers_come_back() -> None:
    codec = fitted()
    columns, given = tensors(showers())
    deposit, back = columns["deposit_mev"], codec.decode(codec.encode(columns, given), given)["deposit_mev"]
    torch.testing.assert_close(back.sum(1), deposit.sum(1), rtol=1e-5, atol=0.11)
    away = (back - deposit).abs()
    above = deposit >= THRESHOLD_MEV
    # one crystal, mostly the hottest, takes what the threshold cut off, a few times 0.1 MeV
    assert bool((away[above] < 1e-4 * deposit[above] + 25 * THRESHOLD_MEV).all())
    assert float((away > 1e-3 + 1e-4 * deposit).float().mean()) < 0.05
    assert float((back[~above] == 0).float().mean()) > 0.995


def test_any_numbers_make_showers_that_add_up() -> None:
    codec = fitted()
    _, given = tensors(showers())
    flat = 4 * torch.randn(400, 25, generator=torch.Generator().manual_seed(0))
    deposit = codec.decode(flat, given)["deposit_mev"]
    assert bool((deposit >= 0).all() and deposit.isfinite().all())
    assert bool((deposit.sum(1) <= given["energy_mev"] * 1.00001 + 1.1).all())
    other = flat.clone()
    other[:, 1:] = 0.0
    torch.testing.assert_close(deposit.sum(1), codec.decode(other, given)["deposit_mev"].sum(1), rtol=1e-5, atol=1e-3)


def test_alike_showers_are_the_same_numbers() -> None:
    codec = fitted()
    columns, given = tensors(showers())
    image = columns["deposit_mev"].unflatten(1, (5, 5))
    mirrored = {"deposit_mev": image.flip(2).flatten(1)}
    beam = given | {"impact_x_mm": -given["impact_x_mm"], "azimuth_deg": 180 - given["azimuth_deg"]}
    one, two = codec.encode(columns, given), codec.encode(mirrored, beam)
    # below the threshold each image has noise of its own
    there = (one > codec.scale(torch.zeros(25))) & (two > codec.scale(torch.zeros(25)))
    assert there.float().mean() > 0.5
    torch.testing.assert_close(one[there], two[there], atol=1e-4, rtol=1e-4)
    flat = torch.randn(400, 25, generator=torch.Generator().manual_seed(1))
    drawn, other = codec.decode(flat, given)["deposit_mev"], codec.decode(flat, beam)["deposit_mev"]
    torch.testing.assert_close(drawn.unflatten(1, (5, 5)).flip(2).flatten(1), other, atol=1e-4, rtol=1e-4)


def test_log_det_is_the_jacobian_where_every_crystal_has_energy() -> None:
    codec = fitted()
    _, given = tensors(showers())
    one = {name: values[:1] for name, values in given.items()}
    energy = float(one["energy_mev"])
    generator = torch.Generator().manual_seed(2)
    for _ in range(3):
        share = torch.rand(1, 25, generator=generator) + 0.2
        deposit = 0.9 * energy * share / share.sum()
        jacobian = torch.autograd.functional.jacobian(lambda e: codec.encode({"deposit_mev": e}, one)[0], deposit)[:, 0]
        wanted = torch.linalg.slogdet(jacobian.double())[1]
        torch.testing.assert_close(codec.log_det({"deposit_mev": deposit}, one)[0].double(), wanted, atol=2e-3, rtol=1e-4)


def test_empty_and_odd_showers_are_encoded() -> None:
    codec = fitted()
    _, given = tensors(showers())
    given = {name: values[:4] for name, values in given.items()}
    deposit = torch.zeros(4, 25)
    deposit[1, 3] = 50.0
    deposit[2] = 0.01
    deposit[3, 12] = float(given["energy_mev"][3])
    flat = codec.encode({"deposit_mev": deposit}, given)
    assert bool(flat.isfinite().all() and codec.log_det({"deposit_mev": deposit}, given).isfinite().all())
    back = codec.decode(flat, given)["deposit_mev"]
    torch.testing.assert_close(back[[0, 1, 3]], deposit[[0, 1, 3]], atol=0.11, rtol=1e-4)
    assert float(back[2].sum()) == pytest.approx(0.25, abs=0.11)


def test_without_a_fold_any_array_will_do() -> None:
    columns, given = tensors(showers())
    columns = {"deposit_mev": columns["deposit_mev"][:, :24]}
    with pytest.raises(ValueError, match="fold=False"):
        Deposits().build({"deposit_mev": Column((24,), low=0.0)})
    codec = Deposits(fold=False).build({"deposit_mev": Column((24,), low=0.0)})
    codec.fit(columns, given)
    back = codec.decode(codec.encode(columns, given), given)["deposit_mev"]
    assert float(((back - columns["deposit_mev"]).abs() > 0.3).float().mean()) < 0.01


def test_settings_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="threshold_mev must be above 0, got 0"):
        Deposits(threshold_mev=0.0).build(DEPOSIT)
    with pytest.raises(ValueError, match="core must be between 2 and 24 of the 25 cells, got 25"):
        Deposits(core=25).build(DEPOSIT)
    with pytest.raises(ValueError, match="'deposit_mev' alone, got: energy_mev"):
        Deposits().build({"energy_mev": COLUMNS["energy_mev"]})
