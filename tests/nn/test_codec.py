from __future__ import annotations

import pytest
import torch
from torch import Tensor

from cloudchamber.nn.codec import Columns
from cloudchamber.schema import Column

COLUMNS = {
    "profile": Column(shape=(2, 3), low=0.0),
    "share": Column(low=-1.0, high=3.0),
    "primary": Column(categories=("p", "He", "Fe")),
    "depth": Column(shape=(2,)),
}
TRANSFORMS = {"profile": "log", "share": "logit"}


def events(n: int = 500) -> dict[str, Tensor]:
    torch.manual_seed(0)
    return {
        "profile": torch.randn(n, 2, 3).mul(2).exp(),
        "share": torch.rand(n) * 4 - 1,
        "primary": torch.randint(0, 3, (n,)),
        "depth": torch.randn(n, 2) * 60 + 700,
    }


def test_encode_is_standardised_and_decode_comes_back() -> None:
    codec, table = Columns(TRANSFORMS).build(COLUMNS), events()
    codec.fit(table, {})
    flat = codec.encode(table, {})
    assert flat.shape == (500, codec.size) == (500, 6 + 1 + 3 + 2)
    numbers = [*range(7), 10, 11]
    torch.testing.assert_close(flat[:, numbers].mean(0), torch.zeros(9), atol=1e-4, rtol=0)
    torch.testing.assert_close(flat[:, numbers].std(0), torch.ones(9), atol=2e-3, rtol=0)
    assert torch.equal(flat[:, 7:10].argmax(1), table["primary"]) and torch.equal(flat[:, 7:10].sum(1), torch.ones(500))
    back = codec.decode(flat, {})
    assert list(back) == list(COLUMNS)
    for name, values in table.items():
        torch.testing.assert_close(back[name], values, rtol=2e-5, atol=2e-5)


def test_nothing_turns_into_nan() -> None:
    codec, table = Columns(TRANSFORMS).build(COLUMNS), events()
    codec.fit(table, {})
    edge = {name: values[:2].clone() for name, values in table.items()}
    edge["share"] = torch.tensor([-1.0, 3.0])
    edge["profile"][0] = 0.0
    assert bool(torch.isfinite(codec.encode(edge, {})).all())
    for flat in (torch.full((2, codec.size), 1e4), torch.full((2, codec.size), -1e4)):
        for name, values in codec.decode(flat, {}).items():
            assert bool(torch.isfinite(values.float()).all()), name


def test_decoded_values_keep_to_the_schema() -> None:
    columns = {"share": Column(low=-1.0, high=3.0)}
    codec = Columns().build(columns)
    codec.fit({"share": torch.linspace(-1, 3, 50)}, {})
    decoded = codec.decode(torch.tensor([[-9.0], [0.0], [9.0]]), {})["share"]
    torch.testing.assert_close(decoded, torch.tensor([-1.0, 1.0, 3.0]))


def test_log_det_is_that_of_the_jacobian() -> None:
    columns = {name: column for name, column in COLUMNS.items() if name != "primary"}
    table = {name: values.double() for name, values in events().items() if name in columns}
    codec = Columns(TRANSFORMS).build(columns)
    codec.fit(table, {})
    some = {name: values[:4].float() for name, values in table.items()}
    log_det = codec.log_det(some, {})
    for event in range(4):
        parts = tuple(values[event : event + 1] for values in some.values())
        jacobian = torch.autograd.functional.jacobian(lambda *parts: codec.encode(dict(zip(columns, parts, strict=True)), {})[0], parts)
        matrix = torch.cat([part.reshape(codec.size, -1) for part in jacobian], 1)
        torch.testing.assert_close(log_det[event], torch.linalg.slogdet(matrix.double())[1].float(), rtol=1e-4, atol=1e-4)


def test_categories_alone_have_probabilities_and_mixed_with_numbers_no_density() -> None:
    table = events(5)
    alone = Columns().build({"primary": COLUMNS["primary"]})
    alone.fit(table, {})
    assert torch.equal(alone.log_det(table, {}), torch.zeros(5))
    mixed = Columns().build(COLUMNS)
    mixed.fit(table, {})
    with pytest.raises(ValueError, match="no joint density"):
        mixed.log_det(table, {})


def test_bad_columns_and_values_are_named() -> None:
    with pytest.raises(ValueError, match="'hits' is ragged"):
        Columns().build({"hits": Column(ragged=True)})
    with pytest.raises(ValueError, match="unknown column 'depht'; the columns are: depth"):
        Columns({"depht": "log"}).build({"depth": Column()})
    with pytest.raises(ValueError, match="'depth': the transform 'logit' needs low < high"):
        Columns({"depth": "logit"}).build({"depth": Column()})
    with pytest.raises(ValueError, match="'primary' holds categories"):
        Columns({"primary": "log"}).build({"primary": COLUMNS["primary"]})
    with pytest.raises(ValueError, match="'depth': 0 has no logarithm"):
        Columns({"depth": "log"}).build({"depth": Column()}).fit({"depth": torch.tensor([0.0, 1.0])}, {})
    with pytest.raises(ValueError, match="'depth' holds NaN"):
        Columns().build({"depth": Column()}).fit({"depth": torch.tensor([float("nan"), 1.0])}, {})
    with pytest.raises(ValueError, match="missing column 'depth'"):
        Columns().build({"depth": Column()}).encode({}, {})


def test_a_clamped_column_has_no_density() -> None:
    columns = {"share": torch.rand(200), "far": torch.rand(200)}
    codec = Columns().build({"share": Column(low=0, high=1), "far": Column(low=-50, high=50)})
    codec.fit(columns, {})
    with pytest.raises(ValueError, match=r"column 'share': draws beyond its bound 0 .* use the transform 'logit'"):
        codec.log_det(columns, {})
    codec = Columns({"share": "logit"}).build({"share": Column(low=0, high=1), "far": Column(low=-50, high=50)})
    codec.fit(columns, {})
    assert torch.isfinite(codec.log_det(columns, {})).all()
