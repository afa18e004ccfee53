"""Every source file has its tests in a file of its own, found by its path."""

from __future__ import annotations

import ast
from pathlib import Path

TESTS = Path(__file__).parent
SOURCE = TESTS.parent / "src" / "cloudchamber"
WITHOUT = {
    "cli/commands.py",
    "cli/flags.py",
    "cli/learning.py",
    "progress.py",
    "report/figures.py",
    "run/parts.py",
    "statistics/measured.py",
    "studies/airshower/hybrid/engine.py",
    "studies/airshower/hybrid/hadron_mc.py",
    "studies/airshower/plots/parts.py",
    "studies/airshower/recipes.py",
    "studies/calorimeter/geant4/world.py",
    "studies/cosmic_ray_sky/recipes.py",
    "studies/cosmic_ray_sky/scans/lr_kernel.py",
    "studies/surface_array/array/kernel.py",
    "studies/surface_array/plots/event.py",
    "studies/surface_array/fit/constants.py",
    "studies/surface_array/formats/events.py",
    "studies/surface_array/formats/stations.py",
    "studies/surface_array/recipes.py",
    "train/trainee.py",
    "workflow/answers_page.py",
}
"""Files that still share the tests of others; none may join them."""


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
    lacking = {path.relative_to(SOURCE).as_posix(): place_of(path) for path in sources if not place_of(path).exists()}
    new = [f"{name}: its tests belong in tests/{place.relative_to(TESTS).as_posix()}" for name, place in sorted(lacking.items()) if name not in WITHOUT]
    assert not new, "\n".join(new)
    assert not WITHOUT - set(lacking), f"these have their test file: take them off WITHOUT: {', '.join(sorted(WITHOUT - set(lacking)))}"
