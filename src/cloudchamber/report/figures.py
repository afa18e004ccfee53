"""How figures of reports look: colours, panels, legends, axes.

References: Okabe and Ito, Color Universal Design (2008), jfly.uni-koeln.de/color (a palette that colour-blind readers tell apart).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

Linestyle = Literal["-", ""] | tuple[float, tuple[float, ...]]

VERMILION, ORANGE, GREEN, SKY_BLUE, BLUE, PINK = "#D55E00", "#E69F00", "#009E73", "#56B4E9", "#0072B2", "#CC79A7"
INK, QUIET = "#1b1f24", "#6b7480"
DASHED, DOTTED = (0, (4, 1.6)), (0, (1, 1.4))
PAGE_INCHES = 12.4


def new_figure(width: float, height: float) -> Figure:
    """An empty figure, in inches, that belongs to no window."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def panels(n: int) -> tuple[Figure, list[Axes]]:
    """A figure of ``n`` panels, up to three in a row; from three on it spans the page."""
    rows, columns = -(-n // 3), min(n, 3)
    figure = new_figure({1: 5.6, 2: 7.6, 3: PAGE_INCHES}[columns], 0.8 + (3.4 if rows == 1 else 2.6 * rows))
    axes = figure.subplots(rows, columns, squeeze=False)
    for spare in axes.flat[n:]:
        spare.remove()
    return figure, list(axes.flat[:n])


def line(colour: str, label: str, linestyle: Linestyle = "-", linewidth: float = 1.4, marker: str = "", face: str | None = None) -> Line2D:
    """A line or a marker for a legend."""
    from matplotlib.lines import Line2D

    return Line2D([], [], color=colour, label=label, linestyle=linestyle, linewidth=linewidth, marker=marker, markerfacecolor=face or colour, markersize=5.5)


def patch(label: str, colour: str = QUIET, alpha: float = 0.4) -> Patch:
    """A filled area for a legend."""
    from matplotlib.patches import Patch

    return Patch(color=colour, alpha=alpha, linewidth=0, label=label)


def legend(figure: Figure, handles: Sequence[Line2D | Patch]) -> None:
    """A legend above the panels, where it hides no data, in as many rows as its width asks for."""
    if handles:
        inches = sum(0.75 + 0.08 * len(str(handle.get_label())) for handle in handles)
        columns = -(-len(handles) // max(1, round(inches / figure.get_figwidth() + 0.4)))
        figure.legend(handles=handles, loc="outside upper center", ncols=columns, frameon=False, fontsize=9.5, handlelength=2.4, columnspacing=1.6)


def short_names(names: Iterable[str], most: int = 32) -> dict[str, str]:
    """What stands for each name in a figure: of a long path its end, with a number where two end alike."""
    shown: dict[str, str] = {}
    for name in names:
        short = name if len(name) <= most else "…" + name[1 - most :]
        again = sum(other == short or other.startswith(f"{short} (") for other in shown.values())
        shown[name] = f"{short} ({again + 1})" if again else short
    return shown


def finish(figure: Figure, caption: str, grid: bool = True) -> Figure:
    """Ticks, grid and sizes of all panels, and the caption."""
    for axis in figure.axes:
        axis.tick_params(which="both", direction="in", top=grid, right=grid, labelsize=9, color=QUIET)
        if grid:
            axis.grid(color="#c9d0d8", alpha=0.45, linewidth=0.6)
            axis.set_axisbelow(True)
        axis.xaxis.label.set_fontsize(10.5)
        axis.yaxis.label.set_fontsize(10.5)
        for spine in axis.spines.values():
            spine.set(color=QUIET, linewidth=0.8)
    figure.set_label(caption)
    return figure
