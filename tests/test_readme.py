"""The Python examples of the READMEs and docs run, and their commands parse."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from cloudchamber.cli import COMMANDS
from cloudchamber.hub import packaged_recipes
from cloudchamber.study import find_study

ROOT = Path(__file__).parents[1]
DOCS = sorted((ROOT / "docs").glob("*.md"))
READMES = [path.read_text(encoding="utf-8") for path in (ROOT / "README.md", *sorted((ROOT / "src/cloudchamber/studies").glob("*/README.md")), *DOCS)]
EXAMPLES = [example for text in READMES for example in re.findall(r"```python\n(.*?)```", text, re.DOTALL)]
CPP = [example for text in READMES for example in re.findall(r"```cpp\n(.*?)```", text, re.DOTALL)]
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


# what the examples use of other libraries, with its types; real headers are taken in their place
HEADERS = {
    "Randomize.hh": "struct G4RandGauss { static double shoot(); };",
    "G4SystemOfUnits.hh": "using G4double = double; static constexpr double MeV = 1., mm = 1., deg = 1.;",
    "G4ThreeVector.hh": "struct G4ThreeVector { double x() const; double y() const; double theta() const; double phi() const; };",
    "onnxruntime_cxx_api.h": """
#include <cstddef>
#include <cstdint>
#include <vector>
#define ORT_TSTR(text) text
enum OrtLoggingLevel { ORT_LOGGING_LEVEL_WARNING };
enum OrtAllocatorType { OrtArenaAllocator };
enum OrtMemType { OrtMemTypeDefault };
namespace Ort {
struct Env { Env(OrtLoggingLevel, const char*); };
struct SessionOptions { explicit SessionOptions(std::nullptr_t); };
struct RunOptions { explicit RunOptions(std::nullptr_t); };
struct AllocatorWithDefaultOptions {};
struct AllocatedStringPtr { char* get() const; };
struct MemoryInfo { static MemoryInfo CreateCpu(OrtAllocatorType, OrtMemType); };
struct ModelMetadata { AllocatedStringPtr LookupCustomMetadataMapAllocated(const char*, AllocatorWithDefaultOptions&) const; };
struct TensorTypeAndShapeInfo { std::vector<int64_t> GetShape() const; };
struct TypeInfo { TensorTypeAndShapeInfo GetTensorTypeAndShapeInfo() const; };
struct Value {
  template <typename T> static Value CreateTensor(const MemoryInfo&, T*, size_t, const int64_t*, size_t);
  template <typename T> const T* GetTensorData() const;
};
struct Session {
  Session(const Env&, const char*, const SessionOptions&);
  ModelMetadata GetModelMetadata() const;
  TypeInfo GetInputTypeInfo(size_t) const;
  std::vector<Value> Run(const RunOptions&, const char* const*, const Value*, size_t, const char* const*, size_t);
};
}
""",
}


@pytest.mark.skipif(shutil.which("g++") is None, reason="no C++ compiler")
def test_cpp_examples_compile(tmp_path: Path) -> None:
    assert len(CPP) >= 2
    for name, text in HEADERS.items():
        (tmp_path / name).write_text(f"#pragma once\n{text}\n")
    for number, example in enumerate(CPP):
        (tmp_path / f"{number}.cpp").write_text(example)
        words = ("g++", "-std=c++17", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-idirafter", str(tmp_path), str(tmp_path / f"{number}.cpp"))
        done = subprocess.run(words, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
