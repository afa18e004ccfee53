"""The log of a fit: one row an epoch as CSV, and its plot."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from cloudchamber.atomic import replacing, write_atomically

Row = Mapping[str, float]
ORDER = ("epoch", "loss", "validation_loss", "", "learning_rate", "seconds")
"""How the columns begin; running figures have names of their own."""


def write_log(path: Path, rows: Sequence[Row]) -> None:
    """Write all ``rows`` as CSV: the whole file at once, so that it never holds an epoch that a resumed fit does again."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns(rows), lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: value if isinstance(value, int) else f"{value:.6g}" for name, value in row.items()} for row in rows)
    write_atomically(path, text.getvalue().encode())


def columns(rows: Sequence[Row]) -> list[str]:
    """All columns: epoch, losses, running figures, learning rates, seconds."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    return sorted(names, key=lambda name: ORDER.index(_kind(name)))


def shown(row: Row) -> str:
    """The losses and running figures of an epoch, for whoever waits."""
    return ", ".join(f"{name.replace('_', ' ')} {row[name]:.4g}" for name in columns([row]) if _kind(name) in ("loss", "validation_loss", ""))


def _kind(name: str) -> str:
    """That of ``ORDER`` which a column is of."""
    return next(kind for kind in sorted(ORDER, key=len, reverse=True) if name.startswith(kind))


def plot_log(path: Path, rows: Sequence[Row]) -> None:
    """Draw the losses over the epochs; parts that play against each other get a panel each, and so do running figures."""
    from matplotlib.figure import Figure

    losses = [name for name in columns(rows) if name.startswith("loss")]
    validation = [name for name in columns(rows) if name == "validation_loss"]
    panels = [losses + validation] if len(losses) == 1 else [[name] for name in losses + validation]
    panels += [[name] for name in columns(rows) if not _kind(name)]
    figure = Figure(figsize=(6.4, 1.2 + 2.2 * len(panels)), layout="constrained")
    axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    for axis, names in zip(axes, panels, strict=True):
        for name in names:
            points = [(row["epoch"], row[name]) for row in rows if name in row]
            axis.plot(*zip(*points, strict=True), marker="." if len(points) < 30 else "", label=name.replace("_", " "))
        axis.set_ylabel("loss" if _kind(names[0]) else "")
        axis.legend(frameon=False)
        axis.grid(alpha=0.3)
    axes[-1].set_xlabel("epoch")
    axes[-1].xaxis.get_major_locator().set_params(integer=True)
    with replacing(path) as part:
        figure.savefig(part, dpi=150)
