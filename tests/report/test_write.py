import json
import math
import re
import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure

from cloudchamber.report.write import metrics, write_report
from cloudchamber.statistics.distances import wasserstein
from cloudchamber.validate.check import Check, run_checks

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FACTS = {"study": "toy", "run": "runs/toy", "n": 12_000, "simulator rate": "31 showers/s"}


def table(seed, shift=0.0, width=1.0):
    return {"kind": np.arange(400) % 4, "x": shift + width * np.random.default_rng(seed).standard_normal(400)}


def groups(rows):
    return {f"{name}, {side}": rows["kind"] == code for code, (name, side) in enumerate([("p", 17), ("p", 18), ("Fe", 17), ("Fe", 18)])}


CHECKS = [
    Check("mean of x", "quoted by everybody", lambda t, a: abs(t["x"].mean() - a["x"].mean()), 0.6, "cm", groups=groups),
    Check("distance of x", "the whole shape", lambda t, a: wasserstein(t["x"], a["x"]), 2.0, "cm", limit_in_floors=True),
    Check("only told", "no <limit>", lambda t, a: abs(t["x"].std() - a["x"].std()), None),
]


@pytest.fixture(scope="module")
def answers():
    tables = {"wgan": table(4, shift=2.0), "flow": table(2)}
    return {name: run_checks(CHECKS, table(1), answer, table(3), seed=1, bootstrap=20) for name, answer in tables.items()}


@pytest.fixture(scope="module")
def page(answers, tmp_path_factory):
    curve, cloud = Figure(label="A curve & its band."), Figure(figsize=(9, 3))
    curve.subplots().plot([0, 1], [0, 1])
    cloud.subplots().plot(*np.random.default_rng(1).random((2, 30_000)), ".")
    return write_report(tmp_path_factory.mktemp("report") / "new", "Toy <study>", answers, {"Curve": curve, "Cloud": cloud}, FACTS, "flow")


def test_nothing_is_loaded_from_elsewhere(page):
    html = page.read_text(encoding="utf-8")
    assert not re.search(r"https?://|//[a-z]+\.[a-z]+/|@import|<link|url\(", re.sub(r"base64,[A-Za-z0-9+/=]+", "", html))
    assert "default-src 'none'" in html


def test_large_figures_become_pixels_and_small_ones_stay_vectors(page):
    html = page.read_text(encoding="utf-8")
    assert html.count("data:image/svg+xml;base64,") == html.count("data:image/png;base64,") == 1
    assert len(html) < 2_000_000


def test_text_is_escaped(page):
    html = page.read_text(encoding="utf-8")
    assert "<h1>Toy &lt;study&gt;</h1>" in html and "no &lt;limit&gt;" in html and "A curve &amp; its band." in html


def test_metrics_are_plain_json(page, answers):
    numbers = json.loads((page.parent / "metrics.json").read_text(encoding="utf-8"), parse_constant=pytest.fail)
    assert {name: numbers[name] for name in FACTS} == FACTS
    assert numbers["default"] == "flow" and numbers["checks"] == numbers["answers"]["flow"]
    first = numbers["checks"][0]
    assert (first["name"], first["group"], first["limit"], first["passed"]) == ("mean of x", "p, 17", 0.6, True)
    assert first["value"] == answers["flow"][0].value and first["floor"] == answers["flow"][0].floor
    assert len(numbers["answers"]["wgan"]) == 6
    assert numbers["answers"]["wgan"][4]["passed"] is False


def test_nan_becomes_null(answers):
    broken = [replace(answers["flow"][0], value=math.nan, limit=math.inf)]
    [listed] = metrics({"flow": broken}, FACTS, "flow")["checks"]
    assert listed["value"] is None and listed["limit"] is None


def test_equal_results_give_equal_pages(answers, tmp_path):
    pages = []
    for folder in ("a", "b"):
        figure = Figure()
        figure.subplots().plot([0, 1])
        pages.append(write_report(tmp_path / folder, "Toy", answers, {"Line": figure}, FACTS, "flow").read_bytes())
    assert pages[0] == pages[1]


def test_missing_facts_and_answers_are_refused(answers, tmp_path):
    with pytest.raises(ValueError, match="facts lack 'run'"):
        write_report(tmp_path / "r", "Toy", answers, {}, {"study": "toy", "n": 1}, "flow")
    with pytest.raises(ValueError, match="default answer 'vae' is not among the answers: wgan, flow"):
        write_report(tmp_path / "r", "Toy", answers, {}, FACTS, "vae")
    assert not (tmp_path / "r").exists()


def browse(page, *options):
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", f"--user-data-dir={page.parent / 'profile'}", *options]
    done = subprocess.run([*command, page.as_uri()], capture_output=True, text=True, timeout=120, check=True)
    # the browser's own complaints about a bare machine are not the page's
    assert not [line for line in done.stderr.splitlines() if ":CONSOLE" in line]
    return done.stdout


@pytest.mark.skipif(BROWSER is None, reason="no chromium or chrome on PATH")
def test_a_real_browser_runs_the_page(page):
    dom = browse(page, "--dump-dom", "--window-size=1280,2000")
    root = re.search(r"<html[^>]*>", dom)[0]
    assert 'data-ready="3"' in root and "data-error" not in root
    assert re.findall(r'data-name="([^"]*)"', dom) == ["mean of x", "distance of x", "only told"]
    # the script folds the groups and shows its tools
    assert re.search(r'<tr class="groups" id="groups-0" hidden', dom) and '<form class="tools">' in dom
    headings = re.findall(r'data-sort="\d"[^>]*><button[^>]*>(\w+)</button>', dom)
    assert headings == ["flow", "wgan"]
    assert dom.count('class="answer best"') == 2, "what only tells ranks nobody without an error"
    assert "✗ failed" in dom and "✓ passed" in dom
    assert dom.count("<img") == 2 and "<b>Cloud.</b>" in dom


@pytest.mark.skipif(BROWSER is None, reason="no chromium or chrome on PATH")
def test_filter_sort_and_unfold_in_a_real_browser(page):
    use = """
    document.querySelector('th[data-sort="1"] button').click();
    document.getElementById("unfold").click();
    const filter = document.getElementById("filter");
    filter.value = "X"; filter.dispatchEvent(new Event("input"));
    const shown = [...document.querySelectorAll("tbody.check")].filter((check) => !check.hidden);
    const pictures = [...document.images];
    addEventListener("load", () => {
      document.documentElement.dataset.drawn = pictures.every((picture) => picture.complete && picture.naturalWidth > 100);
    });
    document.documentElement.dataset.order = shown.map((check) => check.dataset.order).join();
    document.documentElement.dataset.open = document.querySelector("tr.groups").offsetHeight > 50;
    document.documentElement.dataset.overflow = document.documentElement.scrollWidth > innerWidth;
    """
    used = page.with_name("used.html")
    used.write_text(page.read_text(encoding="utf-8").replace("</body>", f"<script>{{{use}}}</script></body>"), encoding="utf-8")
    root = re.search(r"<html[^>]*>", browse(used, "--dump-dom", "--virtual-time-budget=5000"))[0]
    assert 'data-order="1,0"' in root and 'data-open="true"' in root and 'data-drawn="true"' in root
    assert 'data-overflow="false"' in root and "data-error" not in root


@pytest.mark.skipif(BROWSER is None, reason="no chromium or chrome on PATH")
def test_the_page_is_drawn(page):
    shot = page.with_name("shot.png")
    browse(page, f"--screenshot={shot}", "--window-size=1280,1600")
    from matplotlib.image import imread

    pixels = imread(shot)
    assert pixels.shape[:2] == (1600, 1280) and pixels[..., :3].std() > 0.03
