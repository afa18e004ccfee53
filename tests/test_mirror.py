"""Every source file has its tests in a file of its own, found by its path."""

from __future__ import annotations

import ast
from pathlib import Path

TESTS = Path(__file__).parent
SOURCE = TESTS.parent / "src" / "cloudchamber"


def defines(path: Path) -> bool:
    """Whether a source file has a function or class of its own."""
    return any(isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) for node in ast.parse(path.read_text()).body)


def place_of(path: Path) -> Path:
    """Where the tests of a source file belong: run/load.py in run/test_load.py, cli/__init__.py in test_cli.py."""
    inside = path.relative_to(SOURCE.parent)
    inside = inside.parent if inside.name == "__init__.py" else inside.with_suffix("")
    return TESTS / Path(*inside.parts[1:-1]) / f"test_{inside.name}.py"


def test_places() -> None:
    places = [place_of(SOURCE / name).relative_to(TESTS).as_posix() for name in ("run/load.py", "cli/__init__.py", "__init__.py")]
    assert places == ["run/test_load.py", "test_cli.py", "test_cloudchamber.py"]


def test_every_source_file_has_its_test_file() -> None:
    sources = [path for path in SOURCE.rglob("*.py") if path.name != "__main__.py" and defines(path)]
    assert len(sources) > 200
    lacking = {path.relative_to(SOURCE).as_posix(): place_of(path).relative_to(TESTS).as_posix() for path in sources if not place_of(path).exists()}
    assert not lacking, "\n".join(f"{name}: its tests belong in tests/{place}" for name, place in sorted(lacking.items()))
