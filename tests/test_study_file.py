"""A study in a file of one's own, through the command line: the example of docs/extending.md."""

from __future__ import annotations

import json
import pickle
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import cloudchamber as cc
from cloudchamber import workflow
from cloudchamber.cli import main
from cloudchamber.parallel.executors import run as run_jobs
from cloudchamber.store.read import Store
from cloudchamber.study import find_study, registered
from cloudchamber.study_file import file_parts, knowing, known_files, register_file
from dask_cluster import Cluster

TEXT = (Path(__file__).parents[1] / "docs/extending.md").read_text()
EXAMPLE = next(example for example in re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL) if example.startswith("# my_study.py"))
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL) for line in block.splitlines()]
LEAST = "import cloudchamber as cc\nSTUDY = cc.Study({name!r}, 'Mine', {{}}, {{}})\n"


def command(*words: object) -> None:
    """One of a fresh process, which knows no study of its own."""
    from cloudchamber import study, study_file

    study.restore({})
    study_file._FILES.clear()
    main([str(word) for word in words])


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which the commands of the docs ran."""
    folder = tmp_path_factory.mktemp("study")
    (folder / "my_study.py").write_text(EXAMPLE)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for line in COMMANDS:
            command(*shlex.split(line)[1:])
    return folder


def test_the_docs_commands_make_a_run_with_default_checks_and_figures(trained: Path) -> None:
    assert len(COMMANDS) == 3
    metrics = json.loads((trained / "runs/decays/report/metrics.json").read_text())
    checks = {check["name"]: check for check in metrics["checks"]}
    wanted = {"68% coverage of lifetime_us", "ranks of lifetime_us", "pull width of lifetime_us", "joint 90% coverage", "joint ranks", "log score"}
    assert wanted <= set(checks) and all(check["floor"] is not None for check in checks.values())
    assert checks["log score"]["passed"] and checks["log score"]["value"] < 0
    page = (trained / "runs/decays/report/index.html").read_text()
    assert all(f"<h3>{name}</h3>" in page or name in page for name in ("One event", "Coverage", "Ranks"))


def test_without_the_file_what_is_missing_is_said(trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = trained / "runs/decays"
    for words in (["sample", run, tmp_path / "a.csv"], ["infer", run, trained / "data/decays", "--out", tmp_path / "o"]):
        with pytest.raises(SystemExit):
            command(*words)
        assert "is of the study 'decays', which is not known here: give --study FILE" in capsys.readouterr().err
    with pytest.raises(ValueError, match=r"study 'decays', which is not known here.*no part 'Peaks' is registered"):
        cc.load(trained / "runs/decays")
    register_file(trained / "my_study.py")
    assert cc.load(trained / "runs/decays").target == ("lifetime_us",)


def test_workers_read_the_file_too(trained: Path, tmp_path: Path) -> None:
    """Classes of the file come out of a pickle, and the study is found by its name, in new processes."""
    file = trained / "my_study.py"
    command("simulate", "decays", tmp_path / "d", "--n", 20, "--block-events", 10, "--workers", 2, "--settings.resolution-us", 0.1, f"--study={file}")
    register_file(file)
    alone = workflow.simulate("decays", tmp_path / "one", n=20, block_events=10, settings={"resolution_us": 0.1})
    np.testing.assert_array_equal(Store(tmp_path / "d").read()["decay_time_us"], Store(alone.folder).read()["decay_time_us"])
    words = ("infer", trained / "runs/decays", tmp_path / "d", "--study", file)
    command(*words, "--out", tmp_path / "both", "--workers", 2)
    command(*words, "--out", tmp_path / "single")
    assert (tmp_path / "both/answers.csv").read_bytes() == (tmp_path / "single/answers.csv").read_bytes()


def test_workers_of_a_cluster_read_it_too(trained: Path, tmp_path: Path, cluster: Cluster) -> None:
    words = ("simulate", "decays", tmp_path / "d", "--n", 20, "--block-events", 10, "--study", trained / "my_study.py")
    command(*words, "--executor", f"dask://{cluster.address}")
    assert Store(tmp_path / "d").n_events == 20


def test_the_table_and_the_page_of_a_run(trained: Path, tmp_path: Path) -> None:
    command("infer", trained / "runs/decays", trained / "data/decays", "--out", tmp_path, "--study", trained / "my_study.py")
    head, first = (tmp_path / "answers.csv").read_text().splitlines()[:2]
    assert head == "event,lifetime_us_mean,lifetime_us_std,lifetime_us_q16,lifetime_us_q50,lifetime_us_q84,lifetime_us_modes"
    low, middle, high, modes = map(float, first.split(",")[3:])
    assert 1 < low < middle < high < 4 and modes >= 1


def test_list_and_help_know_it(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command("list", "--json", "--study", trained / "my_study.py")
    assert {"name": "decays", "title": "Decays of stopped particles"}.items() <= json.loads(capsys.readouterr().out)[-1].items()
    with pytest.raises(SystemExit):
        command("train", "decays", "--study", trained / "my_study.py", "--help")
    shown = capsys.readouterr().out
    assert "--model.components INT" in shown and "--study FILE" in shown


def test_a_file_is_read_again_and_what_it_defines_is_found_by_its_name(tmp_path: Path) -> None:
    file = tmp_path / "it's a study.py"
    file.write_text(EXAMPLE)
    [study] = register_file(file)
    assert study is find_study("decays") and known_files() == (file,) and set(file_parts()) == {"Peaks"}
    assert pickle.loads(pickle.dumps(study.simulator)) == study.simulator
    file.write_text(EXAMPLE.replace("0.05", "0.5"))
    register_file(file)
    assert find_study("decays").simulator.resolution_us == 0.5 and not list(tmp_path.glob("__pycache__"))  # type: ignore[attr-defined]


def test_a_process_that_does_not_know_it_yet_reads_it_before_the_job(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(LEAST.format(name="mine"))
    assert knowing([file], find_study, "mine").title == "Mine" and knowing([file], find_study, "mine") is registered()["mine"]


def test_what_lies_beside_the_file_is_imported_and_installed_studies_are_not_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "beside_it.py").write_text("NAME = 'mine'\n")
    file = tmp_path / "mine.py"
    file.write_text("from beside_it import NAME\nfrom cloudchamber.studies.airshower import STUDY as OTHER\n" + LEAST.format(name="x").replace("'x'", "NAME"))
    monkeypatch.setattr(sys, "path", list(sys.path))
    assert [study.name for study in register_file(file)] == ["mine"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a = 1\n", "defines no Study, such as"),
        ("a = 1\nb = a / 0\n", r"mine\.py, line 2: ZeroDivisionError"),
        ("a = (\n", r"mine\.py, line 1: SyntaxError: '\(' was never closed"),
        ("import nothing_such\n", r"line 1: ModuleNotFoundError: No module named 'nothing_such'"),
        ("import sys\nsys.exit(3)\n", r"line 2: it ends the program"),
        (LEAST.format(name="airshower"), r"there is a study 'airshower' already, built in: give yours another name"),
        (LEAST.format(name="toy"), r"there is a study 'toy' already, installed"),
        (LEAST.format(name="own"), r"cannot be called 'own'"),
        (LEAST.format(name="a/b"), r"cannot be called 'a/b'"),
        (LEAST.format(name="mine") + LEAST.format(name="mine").replace("STUDY", "OTHER"), "two of its studies are called 'mine'"),
    ],
)
def test_a_file_that_will_not_do(text: str, told: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(text)
    with pytest.raises(ValueError, match=told):
        register_file(file)
    assert not registered() and not known_files()


def test_what_a_notebook_defines_no_worker_can_read(tmp_path: Path) -> None:
    text = f"""
import sys
{EXAMPLE}
from cloudchamber import workflow
workflow.simulate("decays", {str(tmp_path / "one")!r}, n=20, block_events=10)
workflow.simulate("decays", {str(tmp_path / "two")!r}, n=20, block_events=10, workers=2)
"""
    environment = {"PYTHONPATH": ":".join(sys.path), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-"], input=text, capture_output=True, text=True, timeout=300, env=environment)
    assert done.returncode and "'Decays' is defined in a notebook or an interactive session, which worker processes cannot read" in done.stderr
    assert Store(tmp_path / "one").n_events == 20


def test_jobs_without_files_are_done_as_ever() -> None:
    assert not known_files() and [result for _, result in run_jobs(abs, [-1, -2], workers=1)] == [1, 2]
