"""How figures look: panels where they belong, a legend over no data, colours that everybody tells apart."""

from __future__ import annotations

import io
from itertools import combinations

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from cloudchamber.report import figures
from cloudchamber.report.figures import BLUE, DASHED, PAGE_INCHES, VERMILION, finish, legend, line, new_figure, panels, patch, short_names

PALETTE = ("VERMILION", "ORANGE", "GREEN", "SKY_BLUE", "BLUE", "PINK")
# of linear RGB, what somebody without red or green cones sees (H. Brettel, F. Vienot, J. Mollon 1997, as simplified by Vienot et al. 1999)
SEEN = {
    "protanopia": np.array([[0.11238, 0.88762, 0.0], [0.11238, 0.88762, 0.0], [0.00401, -0.00401, 1.0]]),
    "deuteranopia": np.array([[0.29275, 0.70725, 0.0], [0.29275, 0.70725, 0.0], [-0.02234, 0.02234, 1.0]]),
}


@pytest.mark.parametrize("eyes", ["all cones", *SEEN])
def test_colours_are_told_apart_by_all_eyes(eyes: str) -> None:
    linear = {name: np.array(to_rgb(getattr(figures, name))) ** 2.2 for name in PALETTE}
    seen = {name: np.clip(SEEN.get(eyes, np.eye(3)) @ colour, 0, 1) ** (1 / 2.2) for name, colour in linear.items()}
    for one, other in combinations(PALETTE, 2):
        assert np.linalg.norm(seen[one] - seen[other]) > 0.12, f"{one} and {other}"


@pytest.mark.parametrize("n", range(1, 8))
def test_as_many_panels_as_asked_for(n: int) -> None:
    figure, axes = panels(n)
    assert len(axes) == n == len(figure.axes)
    figure.draw_without_rendering()
    places = [axis.get_position() for axis in axes]
    assert len({round(place.y0, 3) for place in places}) == -(-n // 3) and len({round(place.x0, 2) for place in places}) <= 3
    assert (figure.get_figwidth() == PAGE_INCHES) == (n >= 3)
    # read row by row
    assert sorted(range(n), key=lambda i: (-round(places[i].y0, 2), places[i].x0)) == list(range(n))


def test_a_figure_belongs_to_no_window() -> None:
    import matplotlib.pyplot as plt

    before = plt.get_fignums()
    figure = new_figure(3.0, 2.0)
    assert plt.get_fignums() == before and tuple(figure.get_size_inches()) == (3.0, 2.0)


@pytest.mark.parametrize("entries", [1, 4, 12])
def test_the_legend_hides_no_data(entries: int) -> None:
    figure, axes = panels(3)
    for axis in axes:
        axis.plot([0, 1], [0, 1])
    legend(figure, [line(BLUE, f"an entry of some words {i}") for i in range(entries)])
    finish(figure, "A caption.")
    figure.draw_without_rendering()
    box = figure.legends[0].get_window_extent()
    assert all(box.y0 >= axis.get_window_extent().y1 for axis in axes)
    assert box.x0 >= 0 and box.x1 <= figure.bbox.x1, "all of it is on the page"
    assert len(figure.legends[0].texts) == entries


def test_no_handles_no_legend() -> None:
    figure, _ = panels(1)
    legend(figure, [])
    assert figure.legends == []


def test_lines_and_patches_look_as_they_are_drawn() -> None:
    handle = line(VERMILION, "fit", DASHED, 2.0, "o", "white")
    assert (handle.get_color(), handle.get_label(), handle.get_linewidth(), handle.get_marker()) == (VERMILION, "fit", 2.0, "o")
    assert handle.get_markerfacecolor() == "white" and line(VERMILION, "fit", marker="o").get_markerfacecolor() == VERMILION
    assert handle.is_dashed() and not line(VERMILION, "fit").is_dashed()
    assert patch("band", BLUE, 0.3).get_alpha() == 0.3 and to_rgb(patch("band", BLUE).get_facecolor()[:3]) == to_rgb(BLUE)


def test_a_finished_figure_has_its_caption_and_grid() -> None:
    for grid in (True, False):
        figure, axes = panels(2)
        axes[0].set_xlabel("energy / GeV")
        assert finish(figure, "What is seen.", grid) is figure and figure.get_label() == "What is seen."
        figure.savefig(io.BytesIO(), format="svg")
        assert all(any(mark.get_visible() for mark in axis.get_xgridlines()) is grid for axis in axes)
        assert axes[0].xaxis.label.get_fontsize() == 10.5


def test_long_names_are_told_by_their_ends() -> None:
    one, two = "/data/somebody/runs/of/last/year/airshower/flow", "/data/else/where/runs/of/last/year/airshower/flow"
    shown = short_names(["flow", one, two, one + "2"], 24)
    assert shown["flow"] == "flow" and shown[one] == "…" + one[-23:]
    assert shown[two] == f"{shown[one]} (2)" and len(set(shown.values())) == 4
