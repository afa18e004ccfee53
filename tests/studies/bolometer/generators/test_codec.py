"""Windows of power as numbers for a network."""

from __future__ import annotations

import pytest
import torch

from cloudchamber.nn.tensors import to_tensors
from cloudchamber.rng import rng
from cloudchamber.schema import Column
from cloudchamber.studies.bolometer.generators.codec import CUT_SHARE, Scale, WindowPower, WindowPowerCodec
from cloudchamber.studies.bolometer.views.windows import WindowsView

COLUMN = {"power_w": Column((2, 500), unit="W", doc="power")}
POWER = 1e-16 * torch.from_numpy(rng(1).gamma(2.0, 1.0, (80, 2, 500)) ** 1.5).float()


def fitted(to: Scale, power: torch.Tensor = POWER) -> WindowPowerCodec:
    codec = WindowPower(to).build(COLUMN)
    codec.fit({"power_w": power}, {})
    return codec


@pytest.mark.parametrize("to", ["scale", "standard", "normal"])
def test_power_survives(to: Scale) -> None:
    codec = fitted(to)
    flat = codec.encode({"power_w": POWER}, {})
    assert flat.shape == (80, 1000) and codec.size == 1000
    back = codec.decode(flat, {})["power_w"]
    # below the least power logarithms know nothing
    torch.testing.assert_close(back, POWER, rtol=2e-3, atol=2e-3 * POWER.mean().item())
    assert torch.equal(codec.entries(flat)["power_w"].reshape(80, -1), flat)


def test_the_numbers_are_what_they_are_called() -> None:
    moments = {to: fitted(to).encode({"power_w": POWER}, {}).double() for to in ("scale", "standard", "share", "normal")}
    assert moments["scale"].square().mean().item() == pytest.approx(1, abs=1e-4) and moments["scale"].min() > 0
    for to in ("standard", "normal"):
        assert moments[to].mean().item() == pytest.approx(0, abs=0.01) and moments[to].std().item() == pytest.approx(1, abs=0.02)
    assert moments["share"].min() > 0 and moments["share"].max() == 1
    assert (moments["share"] == 1).double().mean().item() == pytest.approx(CUT_SHARE, rel=0.2)
    # quantiles of a normal distribution, as deep as the data go
    levels = torch.tensor([1e-3, 0.1, 0.5, 0.9, 0.999], dtype=torch.float64)
    found = torch.quantile(moments["normal"].flatten()[:16_000_000], levels)
    torch.testing.assert_close(found, torch.special.ndtri(levels), rtol=0, atol=0.05)


def test_densities_are_scaled_or_refused() -> None:
    codec = fitted("standard")
    width = (codec.decode(torch.ones(1, 1000), {})["power_w"] - codec.decode(torch.zeros(1, 1000), {})["power_w"]).log().sum()
    assert codec.log_det({"power_w": POWER[:3]}, {}).tolist() == pytest.approx([-width.item()] * 3, rel=1e-4)
    for to in ("share", "normal"):
        with pytest.raises(ValueError, match=f"no density of 'power_w': its codec '{to}'"):
            fitted(to).log_det({"power_w": POWER[:3]}, {})


def test_real_windows_are_normal_numbers() -> None:
    view = WindowsView(families=("wafer",), samples=200)
    theta = view.prior(30, rng(2))
    columns = view.schema.select(("power_w",))
    tensors = to_tensors({"power_w": view.simulate(theta, rng(3))["power_w"]}, columns)
    codec = WindowPower("normal").build(columns)
    codec.fit(tensors, {})
    flat = codec.encode(tensors, {})
    assert flat.shape == (30, 12 * 200) and flat.std().item() == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize(("power", "message"), [(POWER * torch.nan, "NaN or infinite"), (0 * POWER, "holds no power"), (0 * POWER + 1e-16, "holds no power")])
def test_data_that_are_none_are_refused(power: torch.Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fitted("standard", power)


def test_sets_and_classes_are_refused() -> None:
    with pytest.raises(ValueError, match="holds no power of windows"):
        WindowPower().build({"hit_time_s": Column(ragged=True, doc="times")})
