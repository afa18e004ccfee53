from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from cloudchamber.cli import COMMANDS, main


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    with pytest.raises(SystemExit) as exit:
        main(words)
    assert exit.value.code == 2
    return capsys.readouterr().err


def test_no_words_show_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit:
        main([])
    assert exit.value.code == 0
    out = capsys.readouterr().out
    assert all(command in out for command in COMMANDS)


@pytest.mark.parametrize("statement", ["import cloudchamber", "import cloudchamber.cli", "import cloudchamber as cc; cc.find_study, cc.Schema, cc.Store"])
def test_starting_loads_nothing_heavy(statement: str) -> None:
    heavy = ("torch", "matplotlib", "scipy", "numba", "chromo", "optuna", "astropy")
    found = f"{statement}; import sys; print([name for name in {heavy} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", found], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_errors_are_one_red_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    error = refused(capsys, "simulate", "toj", str(tmp_path / "d"), "--n", "3")
    assert error.strip().splitlines()[-1] == f"error: unknown study 'toj' (did you mean 'toy'?); there are: {', '.join(names())}"
    assert "Traceback" not in error
    assert "is not an event store" in refused(capsys, "train", "toy", str(tmp_path / "absent"), str(tmp_path / "run"))
    assert "no packaged weights for 'toy/flow'" in refused(capsys, "sample", "toy", str(tmp_path / "s.h5"), "--n", "3")
    assert "unknown recipe 'flwo' (did you mean 'flow'?)" in refused(capsys, "train", "toy", "d", "r", "--recipe", "flwo")
    assert "--fit.epoch" in refused(capsys, "train", "toy", "d", "r", "--fit.epoch", "3")


def names() -> tuple[str, ...]:
    from cloudchamber.study import study_names

    return study_names()


def test_debug_shows_where_an_error_came_from(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="unknown study 'toj'"):
        main(["--traceback", "simulate", "toj", str(tmp_path / "d"), "--n", "3"])


def test_a_reader_that_leaves_is_no_error() -> None:
    script = "from cloudchamber.cli import main; main(['list'])"
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    error = process.stderr.read()
    process.stderr.close()
    process.wait()
    assert "Traceback" not in error and "Broken pipe" not in error


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--version"])
    assert re.fullmatch(r"cloudchamber \d+\.\d+\.\d+\s*", capsys.readouterr().out)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (KeyError("a"), "fault of cloudchamber"),
        (MemoryError(), "out of memory"),
        (ValueError("a\x1b[2Jb"), "a\ufffd[2Jb"),
        (ValueError("one\n\n  two"), "one two"),
    ],
)
def test_every_error_is_one_line(error: Exception, told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(*words: object, **options: object) -> None:
        raise error

    monkeypatch.setattr("cloudchamber.workflow.list_studies", fail)
    with pytest.raises(SystemExit) as ended:
        main(["list"])
    shown = capsys.readouterr().err
    assert ended.value.code == 2 and told in shown and "Traceback" not in shown
    with pytest.raises(type(error)):
        main(["list", "--traceback"])
