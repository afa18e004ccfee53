"""A study in a file of one's own: the file is executed, in this process and in the workers that need what it defines.

Each such file is a module of this one, by the hexadecimal of its path: whoever unpickles something of it finds the file by that name alone.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import is_dataclass
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from traceback import walk_tb
from types import CodeType, ModuleType
from typing import TypeVar

from cloudchamber.study import Study, find_study, register, registered, restore, study_names

Job = TypeVar("Job")
Result = TypeVar("Result")
__path__: list[str] = []
_FILES: dict[Path, tuple[ModuleType, tuple[Study, ...]]] = {}


def register_file(path: Path | str) -> tuple[Study, ...]:
    """Execute a Python file and register each Study that it defines or registers, which are given back; what was read of it before is forgotten.

    FileNotFoundError without the file; ValueError for one without a Study, one whose study has the name of another, and one that fails, which names its line.
    """
    place = Path(path).resolve()
    if not place.is_file():
        raise FileNotFoundError(f"no file '{path}': a study of your own is defined in a Python file")
    if place.suffix != ".py":
        raise ValueError(f"'{path}' is no Python file (.py), so it defines no study")
    # a script finds what lies beside it
    if str(place.parent) not in sys.path:
        sys.path.append(str(place.parent))
    name = f"{__name__}.{os.fsencode(place).hex()}"
    sys.modules.pop(name, None)
    try:
        importlib.import_module(name)
    except (Exception, SystemExit) as error:
        raise ValueError(f"{path}{_line(error, place)}: {_told(error)}") from error
    return _FILES[place][1]


def known_files() -> tuple[Path, ...]:
    """The files that were registered in this process."""
    return tuple(_FILES)


def knowing(files: Iterable[Path], function: Callable[[Job], Result], job: Job) -> Result:
    """What ``function`` makes of ``job``, in a process that may not know the studies of ``files`` yet."""
    for place in files:
        if place not in _FILES:
            register_file(place)
    return function(job)


def file_parts() -> dict[str, type]:
    """The classes of settings of parts, dataclasses with ``build``, that the registered files define, by name."""
    classes = [value for module, _ in _FILES.values() for value in vars(module).values() if isinstance(value, type) and value.__module__ == module.__name__]
    return {found.__name__: found for found in classes if is_dataclass(found) and hasattr(found, "build")}


def _line(error: BaseException, place: Path) -> str:
    """The last line of the file that had a part in an error."""
    lines = [line for frame, line in walk_tb(error.__traceback__) if frame.f_code.co_filename == str(place)]
    if isinstance(error, SyntaxError) and error.filename == str(place):
        lines.append(error.lineno or 1)
    return f", line {lines[-1]}" if lines else ""


def _told(error: BaseException) -> str:
    if isinstance(error, SystemExit):
        return 'it ends the program; put what it does below `if __name__ == "__main__":`'
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    return text if isinstance(error, _NoStudyError) else f"{type(error).__name__}: {text}"


class _NoStudyError(ValueError):
    """What is wrong with a file that was executed without an error."""


class _Source(SourceFileLoader):
    """Executes the file as it is now: no compiled copy beside it, which may be older. Its studies are registered, wherever it was imported."""

    def get_code(self, fullname: str) -> CodeType:
        code: CodeType = self.source_to_code(self.get_data(self.path), self.path)
        return code

    def exec_module(self, module: ModuleType) -> None:
        before = registered()
        restore({})
        try:
            super().exec_module(module)
            found = registered()
            for value in vars(module).values():
                if isinstance(value, Study) and not _installed(value):
                    if found.setdefault(value.name, value) is not value:
                        raise _NoStudyError(f"two of its studies are called '{value.name}'")
                    register(value)
            if not found:
                raise _NoStudyError("it defines no Study, such as STUDY = cc.Study(name=..., title=..., simulators=..., recipes=...)")
        except BaseException:
            restore(before)
            raise
        restore(before | found)
        _FILES[Path(self.path)] = module, tuple(found.values())


def _installed(study: Study) -> bool:
    """Whether it is a study that was imported from its package."""
    return study.name in study_names() and study.name not in registered() and find_study(study.name) is study


class _Finder(MetaPathFinder):
    """Finds the modules of this one."""

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        parent, _, name = fullname.rpartition(".")
        if parent != __name__:
            return None
        place = os.fsdecode(bytes.fromhex(name))
        return spec_from_file_location(fullname, place, loader=_Source(fullname, place))


sys.meta_path.append(_Finder())
