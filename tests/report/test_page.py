from __future__ import annotations

import re
from pathlib import Path

from matplotlib.figure import Figure

from cloudchamber.report.page import write_rows


def test_a_page_with_a_table_needs_nothing_else(tmp_path: Path) -> None:
    figure = Figure(label="A line & its caption.")
    figure.subplots().plot([0, 1])
    facts = {"events": 12_000, "share": 0.123456789, "file": "<mine>.csv"}
    rows = [["1", "<b>"], ["2", "x"]]
    page = write_rows(tmp_path / "new/index.html", "Toy <study>", "All well.", facts, {"Line": figure}, "Answers", ["event", "kind"], rows, "First.", "Last.")
    html = page.read_text(encoding="utf-8")
    words = ("<h1>Toy &lt;study&gt;</h1>", "12,000", "0.123457", "&lt;mine&gt;.csv", "<td>&lt;b&gt;</td>", "A line &amp; its caption.")
    assert all(word in html for word in (*words, "All well.", "First.", "Last."))
    assert html.count("data:image/svg+xml;base64,") == 1 and html.count("<tr>") == 3
    assert not re.search(r"https?://|@import|<link|<script|url\(", re.sub(r"base64,[A-Za-z0-9+/=]+", "", html))


def test_many_panels_take_the_width_and_small_figures_keep_theirs(tmp_path: Path) -> None:
    small, many, wide = Figure(figsize=(4, 3)), Figure(figsize=(6, 6)), Figure(figsize=(12, 3))
    small.colorbar(small.subplots().imshow([[0, 1]]))
    many.subplots(2, 2)
    wide.subplots()
    html = write_rows(tmp_path / "index.html", "T", "V", {}, {"small": small, "many": many, "wide": wide}, "H", [], []).read_text(encoding="utf-8")
    kinds = re.findall(r'<figure class="plot( broad)?">.*?width="(\d+)"', html, re.DOTALL)
    assert kinds == [("", "384"), (" broad", "576"), (" broad", "1152")]
