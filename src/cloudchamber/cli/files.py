"""The commands that make files of files and of runs: ``convert`` and ``export``."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import tyro

from cloudchamber import screen
from cloudchamber.cli.arguments import MaybeText, Options, Out, ReadOptions, StudyName, Subject


@dataclass(frozen=True)
class Convert:
    """Convert files of the field to an event store (a name without suffix) or to another format.

    For example:
    $ cloudchamber convert airshower conex_*.root --out data/conex
    $ cloudchamber convert airshower data/test --out test.parquet
    $ cloudchamber convert airshower run1.long --out data/one --read.dat DAT000002
    """

    study: StudyName
    """A study's name; `cloudchamber list` shows its formats."""
    source: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="SOURCE...", help_behavior_hint="(required)")]
    """Files or event stores."""
    out: Path
    """File by suffix; no suffix: an event store."""
    format: MaybeText = None
    """The sources' format, where the suffix doesn't tell."""
    read: ReadOptions = field(default_factory=dict)
    """What a file does not tell, by its format, such as --read.primary p; `cloudchamber convert STUDY --help` lists them."""
    like: MaybeText = None
    """A run or an event store with the files' columns, such as the categories and shapes of another simulator."""
    out_format: MaybeText = None
    """The format to write, where the suffix doesn't tell."""
    partial: bool = False
    """Take an event store that lacks blocks as it is."""

    def run(self) -> None:
        with screen.working("converting"):
            from cloudchamber.workflow import convert

            done = convert(
                self.study,
                self.source,
                self.out,
                format=self.format,
                out_format=self.out_format,
                partial=self.partial,
                like=self.like,
                read=self.read,
            )
        screen.say(f"{done.events} events with {len(done.columns)} columns: {done.path}")
        if done.absent:
            screen.say_wrapped("not in the source:", ", ".join(done.absent), 19)
        if done.outside is not None:
            told = f"in_domain, false for {done.outside} of the events: a store has no such column; give OUT a suffix to keep it"
            screen.say_wrapped("left out:", told, 10)


@dataclass(frozen=True)
class Export:
    """Write a trained model as one file for other programs: physical columns and normal noise in, physical columns out.

    The file needs no Python: onnxruntime runs it in C++, in a browser, anywhere. Its inputs are `noise`, standard normal numbers of which other ones make
    another draw, and the columns that the model is given, in the units and the order that the table shows; categories as their codes. Its outputs are the
    model's columns, and `in_domain`: false for each event that the model was not trained for, whose numbers are not to be trusted, and which holds NaN where
    an input is NaN or an unknown code. All of this stands in the file too, with the trained range of each column, the run and its checksum.
    docs/exported.md shows how to use it from Python, C++ and a browser.

    For example:
    $ cloudchamber export airshower airshower.onnx
    $ cloudchamber export airshower fast.onnx --options steps 4          # fewer steps are frozen in
    $ cloudchamber export runs/mine mine.pt --out-format torchscript           # for torch::jit::load
    """

    subject: Subject
    """A study, study/recipe, or a run folder."""
    out: Out
    """The file to write."""
    out_format: Literal["onnx", "torchscript"] = "onnx"
    """ONNX runs anywhere; TorchScript where a model has operations that ONNX lacks."""
    options: Options = field(default_factory=dict)
    """Sampling options to freeze in: name and value, such as: steps 8."""

    def run(self) -> None:
        with screen.working("exporting"):
            from cloudchamber.run.metadata import read_metadata
            from cloudchamber.workflow import export

            path = export(self.subject, self.out, self.out_format, options=self.options)
        screen.show_exported(path, read_metadata(path))
