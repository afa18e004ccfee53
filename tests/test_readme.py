"""The Python examples of the READMEs and docs run, and their commands parse."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from cloudchamber.cli import COMMANDS
from cloudchamber.hub import packaged_recipes
from cloudchamber.study import find_study

ROOT = Path(__file__).parents[1]
DOCS = sorted((ROOT / "docs").glob("*.md"))
READMES = [path.read_text(encoding="utf-8") for path in (ROOT / "README.md", *sorted((ROOT / "src/cloudchamber/studies").glob("*/README.md")), *DOCS)]
EXAMPLES = [example for text in READMES for example in re.findall(r"```python\n(.*?)```", text, re.DOTALL)]
BLOCKS = [block for text in READMES for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL)]
SHELL = [line for block in BLOCKS for line in block.replace("\\\n", " ").splitlines() if line.startswith("cloudchamber ")]


def has_packaged_weights() -> bool:
    try:
        return bool(packaged_recipes(find_study("airshower")))
    except AttributeError:
        return False


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_python_examples_run(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if "airshower" in EXAMPLES[number] and not has_packaged_weights():
        pytest.skip("airshower has no packaged weights here")
    monkeypatch.chdir(tmp_path)
    exec(compile(EXAMPLES[number], f"example {number} of the READMEs", "exec", dont_inherit=True), {"__name__": "__main__"})


def test_there_are_examples() -> None:
    assert EXAMPLES and len(SHELL) >= 8


@pytest.mark.parametrize("line", SHELL)
def test_commands_exist_with_these_flags(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from cloudchamber.cli import main

    monkeypatch.chdir(tmp_path)
    Path("my_study.py").write_text(next(example for example in EXAMPLES if example.startswith("# my_study.py")))
    words = shlex.split(line, comments=True)[1:]
    assert words[0] in COMMANDS
    with pytest.raises(SystemExit):
        main([*words, "--help"])
    shown = capsys.readouterr().out
    for flag in re.findall(r"--[a-z][\w.-]*", " ".join(words)):
        assert flag in shown, f"{flag} is no flag of `cloudchamber {words[0]}`"
