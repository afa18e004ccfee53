"""An HTML page that needs nothing else: title, facts, what a template adds, and figures."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TEMPLATES = Path(__file__).parent / "templates"
LARGEST_SVG_BYTES = 600_000


def write_page(path: Path, template: str, title: str, facts: Mapping[str, str | int | float], figures: Mapping[str, Figure], **more: Any) -> Path:
    """Write the page and return its path; ``more`` is what the template asks for besides. Nothing on it is loaded from anywhere else.

    A figure's name is its heading, its label (``figure.set_label``) its caption.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    pictures = [
        {"name": name, "caption": figure.get_label(), "source": _picture(figure), "broad": _broad(figure), "pixels": round(96 * figure.get_figwidth())}
        for name, figure in figures.items()
    ]
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    page = environment.get_template(template).render(
        title=title,
        facts={name: f"{value:,}" if isinstance(value, int) else f"{value:.6g}" if isinstance(value, float) else value for name, value in facts.items()},
        figures=pictures,
        style=(TEMPLATES / "report.css").read_text(encoding="utf-8"),
        **more,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}-{os.getpid()}")
    part.write_text(page, encoding="utf-8")
    return part.replace(path)


def write_rows(
    path: Path,
    title: str,
    verdict: str,
    facts: Mapping[str, str | int | float],
    figures: Mapping[str, Figure],
    heading: str,
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    lead: str = "",
    closing: str = "",
) -> Path:
    """A page with one table: a ``verdict`` in a sentence, then ``rows`` of words under ``heads``."""
    words = {"verdict": verdict, "heading": heading, "heads": heads, "rows": rows, "lead": lead, "closing": closing}
    return write_page(path, "rows.html", title, facts, figures, **words)


def _broad(figure: Figure) -> bool:
    """Whether a figure takes the page's width: one of many panels or of many inches; others keep their own size."""
    panels = sum(axes.get_label() != "<colorbar>" for axes in figure.axes)
    return panels > 3 or figure.get_figwidth() > 8


def _picture(figure: Figure) -> str:
    """The figure as a data address: vector where that is small, else pixels. Both without a date, so that equal figures give equal pages."""
    import matplotlib as mpl

    with mpl.rc_context({"svg.hashsalt": "cloudchamber"}):
        drawn = io.BytesIO()
        figure.savefig(drawn, format="svg", bbox_inches="tight", metadata={"Date": None})
    if len(drawn.getvalue()) <= LARGEST_SVG_BYTES:
        return "data:image/svg+xml;base64," + base64.b64encode(drawn.getvalue()).decode()
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", bbox_inches="tight", dpi=180)
    return "data:image/png;base64," + base64.b64encode(drawn.getvalue()).decode()
