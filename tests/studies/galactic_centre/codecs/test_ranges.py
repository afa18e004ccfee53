"""Parameters of a prior that ends, as numbers without ends, and back."""

from __future__ import annotations

from math import log

import pytest
import torch

from cloudchamber.nn.tensors import to_tensors
from cloudchamber.rng import rng
from cloudchamber.schema import Column
from cloudchamber.studies.galactic_centre.codecs.ranges import Ranges, RangesCodec
from cloudchamber.studies.galactic_centre.columns import PARAMETERS, TARGET, theta_columns
from cloudchamber.studies.galactic_centre.sky.random_sky import RandomSky

COLUMNS = {name: theta_columns()[name] for name in TARGET}


def fitted(n: int = 4000, seed: int = 1) -> tuple[RangesCodec, dict[str, torch.Tensor]]:
    drawn = RandomSky().prior(n, rng(seed))
    columns = to_tensors({name: drawn[name] for name in TARGET}, COLUMNS)
    codec = Ranges().build(COLUMNS)
    codec.fit(columns, {})
    return codec, columns


def test_columns_come_back() -> None:
    codec, columns = fitted()
    back = codec.decode(codec.encode(columns, {}), {})
    assert list(back) == list(TARGET) and codec.size == 16
    for name, values in columns.items():
        span = float(values.max() - values.min())
        torch.testing.assert_close(back[name], values, rtol=3e-6, atol=3e-6 * span)


def test_the_prior_has_mean_0_and_variance_1() -> None:
    """A uniform number has a logistic logit, of variance pi^2 / 3."""
    codec, columns = fitted()
    flat = codec.encode(columns, {})
    torch.testing.assert_close(flat.mean(0), torch.zeros(16), atol=5 / 4000**0.5, rtol=0)
    # the kurtosis of a logistic number is 4.2
    torch.testing.assert_close(flat.var(0), torch.ones(16), atol=5 * (3.2 / 4000) ** 0.5, rtol=0)


def test_no_draw_leaves_what_training_showed_or_what_is_possible() -> None:
    codec, columns = fitted()
    for noise in (torch.randn(5000, 16), torch.full((2, 16), 30.0), torch.full((2, 16), -30.0)):
        for name, values in codec.decode(noise, {}).items():
            low, high = torch.tensor(PARAMETERS[name].limits)
            assert bool(values.isfinite().all()) and bool(low <= values.min()) and bool(values.max() <= high), name
            shown = columns[name].log() if PARAMETERS[name].logarithmic else columns[name]
            made = values.log() if PARAMETERS[name].logarithmic else values
            room = 2e-3 * float(shown.max() - shown.min())
            assert float(shown.min()) - room <= float(made.min()) and float(made.max()) <= float(shown.max()) + room, name


def test_the_density_changes_as_the_map_does() -> None:
    codec, columns = fitted()
    few = {name: values[:6].clone().requires_grad_(True) for name, values in columns.items()}
    flat = codec.encode(few, {})
    slopes = torch.stack([torch.autograd.grad(flat[:, number].sum(), few[name], retain_graph=True)[0] for number, name in enumerate(TARGET)], 1)
    with torch.no_grad():
        torch.testing.assert_close(codec.log_det(few, {}), slopes.log().sum(1), rtol=1e-4, atol=1e-3)


def test_each_number_rises_with_its_own_column_alone() -> None:
    codec, columns = fitted()
    flat = codec.encode(columns, {})
    for number, name in enumerate(TARGET):
        order = columns[name].argsort()
        assert bool((flat[order, number].diff() >= 0).all())
    entries = codec.entries(flat)
    assert list(entries) == list(TARGET) and torch.equal(entries["f_src"], flat[:, 0])


def test_equal_logarithms_are_equal_steps() -> None:
    codec = Ranges().build({"source_break_cm2_s": COLUMNS["source_break_cm2_s"]})
    codec.fit({"source_break_cm2_s": torch.logspace(-12, -9, 3001)}, {})
    flat = codec.encode({"source_break_cm2_s": torch.tensor([1e-12, 10**-10.5, 1e-9])}, {})[:, 0]
    assert abs(float(flat[1])) < 1e-3 and float(flat[0]) == pytest.approx(-float(flat[2]), rel=1e-3)
    assert float(flat[2]) > log(1000) / 2


@pytest.mark.parametrize("value", [0.0, 0.3, 1.0])
def test_a_number_that_never_changes_stays(value: float) -> None:
    codec = Ranges().build({"f_src": COLUMNS["f_src"], "disk_flux_cm2_s": COLUMNS["disk_flux_cm2_s"]})
    columns = {"f_src": torch.full((20_000,), value), "disk_flux_cm2_s": torch.full((20_000,), value * 1e-7)}
    codec.fit(columns, {})
    flat = codec.encode(columns, {})
    assert bool(flat.isfinite().all()) and bool(codec.log_det(columns, {}).isfinite().all())
    back = codec.decode(torch.randn(100, 2), {})
    torch.testing.assert_close(back["f_src"], torch.full((100,), value), rtol=3e-5, atol=1e-9)


@pytest.mark.parametrize(
    ("name", "value"), [("f_src", float("nan")), ("excess_slope", float("inf")), ("source_break_cm2_s", -1e-10), ("disk_break_cm2_s", 0.0)]
)
def test_values_that_are_none_are_refused(name: str, value: float) -> None:
    codec, columns = fitted(10)
    columns[name][3] = value
    with pytest.raises(ValueError, match=f"column '{name}' holds NaN, infinite values, or values without a logarithm"):
        codec.fit(columns, {})


@pytest.mark.parametrize("columns", [{"nonsense": Column()}, {"f_src": Column(shape=(2,))}, {"f_src": Column(categories=("a", "b"))}])
def test_columns_that_are_no_parameters_are_refused(columns: dict[str, Column]) -> None:
    with pytest.raises(ValueError, match=f"column '{next(iter(columns))}' is no parameter of this study; those are: f_src, "):
        Ranges().build(columns)
