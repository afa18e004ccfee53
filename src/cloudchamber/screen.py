"""What the commands show: progress with rate and remaining time on stderr, results on stdout, errors as one red line."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cloudchamber.progress import Progress
    from cloudchamber.workflow.inference import Inference
    from cloudchamber.workflow.injection import Injected
    from cloudchamber.workflow.listing import Listed
    from cloudchamber.workflow.streaming import Streamed
    from cloudchamber.workflow.tuning import Tuned
    from cloudchamber.workflow.validation import Validation

SHOWN_TRIALS = 20


def say(text: str) -> None:
    """A line on stdout."""
    from rich.console import Console

    Console(soft_wrap=True, highlight=False).print(text, markup=False)


def complain(text: str) -> None:
    """A red line on stderr."""
    from rich.console import Console
    from rich.text import Text

    # a file's own words may hold what moves a terminal's cursor; what other libraries say may have many lines
    text = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in " ".join(text.split()))
    Console(stderr=True, soft_wrap=True, highlight=False).print(Text(f"error: {text}", style="bold red"))


@contextmanager
def progress(what: str, unit: str) -> Iterator[Progress]:
    """A bar with the mean rate and the remaining time; tell it (done, total, text). Where stderr is no terminal: what begins, a line each."""
    import time

    from rich.console import Console, RenderableType
    from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, Task, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars
    from rich.text import Text

    console = Console(stderr=True)
    if not console.is_terminal:
        yield _lines(what)
        return
    began: tuple[float, int] | None = None

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            if began is None or task.completed <= began[1]:
                return Text("")
            return Text(f"{(task.completed - began[1]) / (time.perf_counter() - began[0]):.3g} {unit}/s")

    class Lines(Bars):
        """With the word on a line of its own."""

        def get_renderables(self) -> Iterable[RenderableType]:
            yield self.make_tasks_table(self.tasks)
            for task in self.tasks:
                if task.fields["text"]:
                    yield Text(task.fields["text"], no_wrap=True, overflow="ellipsis")

    columns = (TextColumn("{task.description}"), BarColumn(16), MofNCompleteColumn(), Rate(), TextColumn("left"), TimeRemainingColumn())
    bars = Lines(*columns, console=console)
    bar = bars.add_task(what, total=None, text="")

    def told(done: int, total: int, text: str) -> None:
        nonlocal began
        # what is refused before it begins shows its error alone
        bars.start()
        if total and began is None:
            began = time.perf_counter(), done
        bars.update(bar, completed=done, total=total or None, text=text)

    try:
        yield told
    finally:
        if bars.live.is_started:
            bars.stop()


@contextmanager
def working(what: str) -> Iterator[Progress]:
    """A spinner on stderr, beside what it is told; where stderr is no terminal, what begins, a line each."""
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        yield _lines(what)
        return
    with console.status(what) as status:
        yield lambda done, total, text: status.update(text or f"{what}: {done}")


def _lines(what: str) -> Progress:
    """Tells what begins."""
    last = ""

    def told(done: int, total: int, text: str) -> None:
        nonlocal last
        if text and not total and text != last:
            last = text
            sys.stderr.write(f"{text} ...\n")

    told(0, 0, what)
    return told


def width() -> int:
    """Columns of the terminal, or what COLUMNS says."""
    return shutil.get_terminal_size().columns


def say_wrapped(name: str, value: str, indent: int) -> None:
    """``name``, then ``value`` from column ``indent`` on, in as many lines as it needs; no word is broken."""
    head = f"{name:{indent}}"
    say(textwrap.fill(value, max(width(), 2 * indent), initial_indent=head, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False))


def show_studies(studies: Sequence[Listed]) -> None:
    """A paragraph for each study."""
    for study in studies:
        say(f"{study.name}: {study.title}")
        recipes = ", ".join(f"{name}{' (default)' if name == study.default_recipe else ''}" for name in study.recipes)
        facts = {
            "theta": study.theta,
            "x": study.x,
            "simulators": study.simulators,
            "recipes": (recipes,),
            "trained weights": study.packaged or ("none packaged",),
            "formats": study.formats,
        } | {name: told for name, told in (("streams", study.streams), ("protocols", study.protocols), ("read options", study.read_options)) if told}
        for name, values in facts.items():
            say_wrapped(f"  {name}:", ", ".join(values), 19)


_COLOURS = {"passed": "green", "open": "yellow", "failed": "red"}


def show_validation(found: Validation) -> None:
    """The summary of the checks, worst group first, as a table, and in a sentence."""
    from rich.console import Console
    from rich.table import Table

    from cloudchamber.report.summary import outcome, sentence, worst

    table = Table(title=f"{found.run}: {found.n} events compared", title_justify="left")
    for head in ("check", "group", "value", "floor", "limit", ""):
        numbers_of = head in ("value", "floor", "limit")
        table.add_column(head, justify="right" if numbers_of else "left", no_wrap=numbers_of)
    for name in dict.fromkeys(check.name for check in found.checks):
        named = [check for check in found.checks if check.name == name]
        shown, all_groups = worst(named), outcome(named)
        beyond = all_groups.failed if all_groups.failed else all_groups.open
        share = f" {beyond}/{all_groups.groups}" if beyond and all_groups.groups > 1 else ""
        verdict = "" if all_groups.verdict is None else f"[{_COLOURS[all_groups.verdict]}]{all_groups.verdict}{share}[/]"
        numbers = [f"{number:.3g}" if number is not None else "" for number in (shown.value, shown.floor, shown.limit)]
        table.add_row(f"{name}{f' / {shown.unit}' if shown.unit else ''}", shown.group, *numbers, verdict)
    Console().print(table)
    say_wrapped("", sentence(found.run, found.checks, found.n), 0)
    say(f"report: {found.report}")


def show_inference(found: Inference) -> None:
    """The facts, and where the answers are."""
    indent = max(map(len, found.facts)) + 2
    for name, value in found.facts.items():
        say_wrapped(f"{name}:", str(value), indent)
    say(f"answers: {found.table}")
    if found.posterior:
        say(f"draws: {found.posterior}")
    say(f"report: {found.report}")


def show_streamed(done: Streamed) -> None:
    """What was made, how fast beside the length of the data, and what a user must know of it."""
    for remark in done.remarks:
        say(f"note: {remark}")
    there = done.contents.samples - done.new_samples
    had = f", {there} were there" if there else ""
    ratio = f", {done.seconds / done.seconds_made:.2g} of their length" if done.new_samples else ""
    say(f"{done.new_samples} samples of {len(done.contents.names)} channels in {done.seconds:.1f} s{ratio}{had}: {done.path}")
    if done.report:
        say(f"report: {done.report}")


def tell_json(told: Any) -> None:
    """One JSON object, for programs: as it is, and no NaN, which JSON has not."""
    print(json.dumps(told, allow_nan=False))  # noqa: T201 (rich would wrap it)


def show_injected(done: Injected) -> None:
    """What was added to an observation, and what a user must know of it."""
    for remark in done.remarks:
        say(f"note: {remark}")
    added = f", and in '{done.origin['added_to']}'" if done.origin["added_to"] else ""
    say(f"{done.samples} samples of {done.detectors} detectors in {done.unit}, in {done.seconds:.1f} s, in '{done.field}'{added}: {done.path}")


def show_exported(path: Path, told: Mapping[str, Any]) -> None:
    """The inputs and outputs of an exported file in their order, in a table that fits into 80 columns."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"{told['study']}/{told['recipe']['name']}", title_justify="left", box=None, padding=(0, 1, 0, 0))
    for head in ("", "column", "shape", "unit", "trained on, or codes"):
        table.add_column(head, overflow="fold")
    for side in ("input", "output"):
        for entry in told[f"{side}s"]:
            shape = " x ".join(map(str, entry["shape"]))
            table.add_row(side, entry["name"], f"{entry['dtype']} {shape}", entry["unit"], _values_told(entry))
    Console(highlight=False).print(table)
    say(f"in_domain is false where an event leaves what the model was trained on; the file says all this itself: docs/exported.md\nwritten: {path}")


def _values_told(entry: Mapping[str, Any]) -> str:
    if "categories" in entry:
        codes = {name: f"{code}={name}" for name, code in entry["categories"].items()}
        return ", ".join(codes[name] for name in entry.get("domain", codes))
    if "domain" in entry:
        low, high = entry["domain"]
        elements = f", {entry['elements'][0]} to {entry['elements'][1]} elements" if "elements" in entry else ""
        return f"{low:.6g} to {high:.6g}{elements}"
    return "standard normal" if entry["name"] == "noise" else ""


def show_trials(found: Tuned) -> None:
    """The best trials of a search as a table."""
    from rich.console import Console
    from rich.table import Table

    from cloudchamber.workflow.tuning import trial_rows

    heads, rows = trial_rows(found.trials, list(dict.fromkeys(name for trial in found.trials for name in trial.settings)))
    more = f", the best {SHOWN_TRIALS} of {len(rows)} trials" if len(rows) > SHOWN_TRIALS else f", {len(rows)} trials"
    table = Table(title=f"{found.study}/{found.recipe}{more}", title_justify="left")
    for head in ("trial", "state", "loss", "settings"):
        table.add_column(head, no_wrap=head != "settings")
    for row in rows[:SHOWN_TRIALS]:
        table.add_row(*row[:3], "\n".join(f"{name} {value}" for name, value in zip(heads[3:], row[3:], strict=True) if value != ""))
    Console().print(table)
    for trial in found.trials:
        if trial.error:
            say(f"trial {trial.number} failed: {trial.error}")
    say(f"best settings: {found.best_file}")
    say(f"report: {found.report}")
