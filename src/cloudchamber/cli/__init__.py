"""The command line: it parses, calls the function of the same name in ``workflow``, and shows what came of it."""

from __future__ import annotations

import io
import os
import shutil
import sys
from collections.abc import Sequence
from contextlib import nullcontext, redirect_stdout
from typing import Any

from cloudchamber import screen
from cloudchamber.cli.commands import COMMANDS
from cloudchamber.cli.flags import with_settings
from cloudchamber.cli.former import former_words, todays
from cloudchamber.cli.help import first_sentence, tidy
from cloudchamber.cli.own import HELP, own_studies
from cloudchamber.cli.reading import gathered, with_read_help
from cloudchamber.parsing import parse
from cloudchamber.store.dataset import package_version
from cloudchamber.study_file import register_file

__all__ = ["COMMANDS", "main"]

INTRODUCTION = """Learned surrogates and inference for astroparticle physics.

An event is a pair (theta, x): what was, and what the detector saw. A study is one problem: simulators, recipes to learn from them, checks.

$ cloudchamber demo           # a trained model, its figures and plots, in minutes
$ cloudchamber train --help   # each command explains itself

--study FILE after any command names a Python file that defines a study of your own, --traceback shows where an error came from, --version the version.

One thread a process, unless the environment variable OMP_NUM_THREADS says otherwise.
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command; an error becomes one line and exit code 2 (``--traceback`` shows where it came from), an interruption code 130."""
    # torch and BLAS read it when they load: more threads wait for each other where cores are busy, and the networks here are small
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    words = list(sys.argv[1:] if arguments is None else arguments)
    whole = "--traceback" in words
    words = [word for word in words if word != "--traceback"]
    if words[:1] == ["--version"]:
        screen.say(f"cloudchamber {package_version()}")
        return
    for former, today in former_words(words):
        sys.stderr.write(f"note: {former} is {today} now\n")
    try:
        words, files = own_studies(todays(words))
        for file in files:
            register_file(file)
        _parsed(gathered(words) or ["--help"]).run()
    except KeyboardInterrupt:
        screen.complain("interrupted: the same command goes on where a simulation or a training stopped")
        raise SystemExit(130) from None
    except BrokenPipeError:
        # the reader of stdout, such as `head`, has seen enough; Python must not flush what is left
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None
    except Exception as error:
        if whole:
            raise
        screen.complain(_told(error))
        raise SystemExit(2) from None


def _parsed(words: Sequence[str]) -> Any:
    """The command with its options; SystemExit where help was asked for, which is shown, or where a word is wrong."""
    helped, text = bool({"-h", "--help"} & set(words)), io.StringIO()
    # the settings of a recipe load torch
    with screen.working("loading") if words[0] == "train" and not helped else nullcontext():
        commands: dict[str, type[Any]] = {name: with_settings(command, words) if words[0] == name else command for name, command in COMMANDS.items()}
    if helped and words[0] in COMMANDS:
        commands[words[0]] = with_read_help(commands[words[0]], words)
    if words[0] in ("-h", "--help"):
        commands = {name: type(name, (command,), {"__doc__": first_sentence(command.__doc__)}) for name, command in COMMANDS.items()}
    try:
        with redirect_stdout(text):
            return parse(commands, words, introduction=INTRODUCTION)
    finally:
        shown = text.getvalue()
        if helped:
            shown = tidy(shown if words[0] in ("-h", "--help") else f"{shown.rstrip()}\n\n {HELP}", shutil.get_terminal_size().columns, COMMANDS)
        sys.stdout.write(shown)


def _told(error: Exception) -> str:
    """One line on what went wrong, and what to do."""
    if isinstance(error, MemoryError):
        return f"out of memory ({error}): fewer workers, or less at a time" if str(error) else "out of memory: fewer workers, or less at a time"
    if isinstance(error, (ValueError, TypeError, OSError, RuntimeError, ArithmeticError, ImportError)):
        # some libraries tell in several lines
        return " ".join(str(error).split()) or type(error).__name__
    return f"{type(error).__name__}: {error}. This is a fault of cloudchamber: please report it with what --traceback shows"
