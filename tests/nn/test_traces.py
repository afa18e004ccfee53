from __future__ import annotations

import pytest
import torch

from cloudchamber.nn.traces import TraceSet

SMALL = TraceSet(traces=2, samples=32, channels=(4, 8), code=8, width=16, heads=2, blocks=2, planes=3, size=20)
PLAIN = 7
SIZE = PLAIN + 2 * 32


def events(n: int, stations: int, absent: int, seed: int = 0) -> torch.Tensor:
    """(n, stations + absent, numbers), the last ones absent."""
    given = torch.randn(n, stations + absent, SIZE, generator=torch.Generator().manual_seed(seed))
    given[..., 0] = 1
    given[..., 1] = (torch.arange(stations + absent) % 3 > 0).float()
    given[:, stations:] = 0
    return given


def test_neither_order_nor_absent_elements_matter() -> None:
    torch.manual_seed(0)
    body = SMALL.build(SIZE).double()
    given = events(5, 6, 2).double()
    found = body(given.flatten(1))
    assert found.shape == (5, body.size)
    shuffled = given[:, torch.randperm(8)]
    torch.testing.assert_close(body(shuffled.flatten(1)), found)
    torch.testing.assert_close(body(given[:, :6].flatten(1)), found)


def test_traces_count_only_where_there_is_a_record() -> None:
    torch.manual_seed(0)
    body = SMALL.build(SIZE)
    given = events(4, 6, 0)
    other = given.clone()
    other[:, 0, PLAIN:] += 1.0
    assert float(given[0, 0, 1]) == 0 and float(given[0, 1, 1]) == 1
    torch.testing.assert_close(body(other.flatten(1)), body(given.flatten(1)))
    other[:, 1, PLAIN:] += 1.0
    assert not torch.allclose(body(other.flatten(1)), body(given.flatten(1)))


def test_planes_through_the_recorded_heights_have_their_slopes() -> None:
    """Without corrections and weights the last numbers are slopes of least squares."""
    torch.manual_seed(0)
    body = SMALL.build(SIZE)
    torch.nn.init.zeros_(body.heights.weight)
    torch.nn.init.zeros_(body.heights.bias)
    given = events(3, 9, 1)
    given[..., 4] = 5 + 0.7 * given[..., 2] - 1.3 * given[..., 3]
    # what has no record must not pull the plane
    given[:, 0, 4] = 1e3
    given[:, 9] = 0
    slopes = body(given.flatten(1))[:, -6:]
    torch.testing.assert_close(slopes[:, :3], torch.full((3, 3), 0.7), atol=0.01, rtol=0.02)
    torch.testing.assert_close(slopes[:, 3:], torch.full((3, 3), -1.3), atol=0.01, rtol=0.02)


def test_an_event_without_stations_stays_finite() -> None:
    torch.manual_seed(0)
    body = SMALL.build(SIZE)
    assert torch.isfinite(body(torch.zeros(2, 3 * SIZE))).all()


def test_settings_are_checked() -> None:
    with pytest.raises(ValueError, match="no room for 2 traces of 32"):
        SMALL.build(60)
    with pytest.raises(ValueError, match="multiple of heads"):
        TraceSet(width=10, heads=4).build(300)
    with pytest.raises(ValueError, match="too short"):
        TraceSet(samples=8, channels=(4, 8, 8)).build(40)
