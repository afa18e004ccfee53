from __future__ import annotations

from math import cos, radians, sin, tan

import pytest
import torch

from cloudchamber.studies.calorimeter.codecs.symmetry import SHOWER_DEPTH_MM, fold, square_side, turns

Beam = dict[str, torch.Tensor]


def beam(events: int, seed: int = 0) -> Beam:
    generator = torch.Generator().manual_seed(seed)
    uniform = torch.rand(4, events, generator=generator)
    return {
        "impact_x_mm": 60 * uniform[0] - 30,
        "impact_y_mm": 60 * uniform[1] - 30,
        "polar_deg": 20 * uniform[2],
        "azimuth_deg": 360 * uniform[3] - 180,
    }


def turned(given: Beam, number: int) -> Beam:
    """One of the eight alike beams, by its vectors: columns mirrored, rows mirrored, both exchanged."""
    azimuth = torch.deg2rad(given["azimuth_deg"])
    x, y, a, b = given["impact_x_mm"], given["impact_y_mm"], azimuth.cos(), azimuth.sin()
    if number & 1:
        x, a = -x, -a
    if number & 2:
        y, b = -y, -b
    if number & 4:
        x, y, a, b = y, x, b, a
    return {"impact_x_mm": x, "impact_y_mm": y, "polar_deg": given["polar_deg"], "azimuth_deg": torch.rad2deg(torch.atan2(b, a))}


def turned_image(deposit: torch.Tensor, number: int) -> torch.Tensor:
    """The same of images (events, rows, columns)."""
    if number & 1:
        deposit = deposit.flip(2)
    if number & 2:
        deposit = deposit.flip(1)
    return deposit.transpose(1, 2) if number & 4 else deposit


@pytest.mark.parametrize("number", range(8))
def test_the_eight_alike_beams_become_one_and_the_same(number: int) -> None:
    given = beam(500)
    one, two = fold(given), fold(turned(given, number))
    for first, second in zip(one[1:], two[1:], strict=True):
        torch.testing.assert_close(first, second, atol=2e-4, rtol=1e-4)
    image = torch.rand(500, 5, 5)
    table = turns(5)
    folded = image.flatten(1).gather(1, table[one.turn])
    again = turned_image(image, number).flatten(1).gather(1, table[two.turn])
    torch.testing.assert_close(folded, again, atol=0, rtol=0)


def test_the_axis_lies_in_the_octant_where_the_array_says() -> None:
    given = beam(500)
    found = fold(given)
    assert bool((found.axis_x_mm >= found.axis_y_mm).all() and (found.axis_y_mm >= 0).all())
    polar, azimuth = radians(float(given["polar_deg"][0])), radians(float(given["azimuth_deg"][0]))
    away = SHOWER_DEPTH_MM * tan(polar)
    axis = sorted(abs(float(given[f"impact_{name}_mm"][0]) + away * part) for name, part in (("x", cos(azimuth)), ("y", sin(azimuth))))
    assert [float(found.axis_y_mm[0]), float(found.axis_x_mm[0])] == pytest.approx(axis, abs=1e-3)


def test_the_crystal_that_the_axis_passes_moves_with_it() -> None:
    given = {name: values[:, None][:, 0] for name, values in beam(300).items()} | {"polar_deg": torch.zeros(300)}
    given["impact_x_mm"], given["impact_y_mm"] = 5 * given["impact_x_mm"], 5 * given["impact_y_mm"]
    column, row = (((given[f"impact_{name}_mm"] + 150) / 60).floor().long() for name in ("x", "y"))
    found = fold(given)
    folded = torch.nn.functional.one_hot(5 * row + column, 25).gather(1, turns(5)[found.turn])
    place = 5 * ((found.axis_y_mm + 150) / 60).floor().long() + ((found.axis_x_mm + 150) / 60).floor().long()
    torch.testing.assert_close(folded.argmax(1), place)


@pytest.mark.parametrize(("n", "layers"), [(4, 1), (5, 1), (3, 2)])
def test_turns_are_permutations_within_layers(n: int, layers: int) -> None:
    table = turns(n, layers)
    assert table.shape == (8, layers * n * n)
    assert all(row.sort().values.tolist() == list(range(layers * n * n)) for row in table)
    assert bool((table // (n * n) == torch.arange(layers).repeat_interleave(n * n)).all())
    assert square_side(layers * n * n, layers) == n


def test_an_array_that_is_not_square_is_refused() -> None:
    with pytest.raises(ValueError, match=r"24 cells are not 1 layer\(s\) of n x n crystals; set layers, or fold=False"):
        square_side(24, 1)
