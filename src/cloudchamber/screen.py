"""What the commands show: progress with rate and remaining time on stderr, results on stdout, errors as one red line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cloudchamber.progress import Progress
    from cloudchamber.workflow.inference import Inference
    from cloudchamber.workflow.listing import Listed
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
    """A bar with rate and remaining time; tell it (done, total, text)."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, Task, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(f"{task.speed:.3g} {unit}/s" if task.speed else "")

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Rate(), TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn())
    bars = Bars(*columns, TextColumn("{task.fields[text]}"), console=Console(stderr=True), speed_estimate_period=60.0)
    bar = bars.add_task(what, total=None, text="")

    def told(done: int, total: int, text: str) -> None:
        # what is refused before it begins shows its error alone
        bars.start()
        bars.update(bar, completed=done, total=total or None, text=text)

    try:
        yield told
    finally:
        if bars.live.is_started:
            bars.stop()


@contextmanager
def working(what: str) -> Iterator[Progress]:
    """A spinner on stderr, beside what it is told."""
    from rich.console import Console

    with Console(stderr=True).status(what) as status:
        yield lambda done, total, text: status.update(text or f"{what}: {done}")


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
        } | ({"protocols": study.protocols} if study.protocols else {})
        for name, values in facts.items():
            say(f"  {name + ':':17}{', '.join(values)}")


def show_validation(found: Validation) -> None:
    """The summary of the checks, worst group first, as a table."""
    from rich.console import Console
    from rich.table import Table

    from cloudchamber.report.summary import floors_passed, undecided

    table = Table(title=f"{found.run}: {found.n} events compared", title_justify="left")
    for head in ("check", "group", "value", "floor", "limit", ""):
        table.add_column(head, justify="right" if head in ("value", "floor", "limit") else "left")
    for name in dict.fromkeys(check.name for check in found.checks):
        named = [check for check in found.checks if check.name == name]
        mine = [check for check in named if check.value == check.value] or named[:1]
        worst = max(mine, key=lambda check: (check.passed is False, check.value / check.limit if check.limit else check.value))
        judged = [check for check in mine if check.passed is not None]
        failed = sum(not check.passed for check in judged)
        share = f" {failed}/{len(judged)} (truth itself {len(judged) - floors_passed(judged)})" if len(judged) > 1 else ""
        word = f"[yellow]open{share}[/]" if undecided(judged) else f"[red]failed{share}[/]" if failed else "[green]passed[/]"
        verdict = "" if worst.passed is None else word
        numbers = [f"{number:.3g}" if number is not None else "" for number in (worst.value, worst.floor, worst.limit)]
        table.add_row(f"{name}{f' / {worst.unit}' if worst.unit else ''}", worst.group, *numbers, verdict)
    Console().print(table)
    if any(undecided([check for check in found.checks if check.name == name]) for name in {check.name for check in found.checks}):
        say("open: truth misses the limit against itself with so few events; more events (--n) can tell")
    say(f"report: {found.report}")


def show_inference(found: Inference) -> None:
    """The facts, and where the answers are."""
    width = max(map(len, found.facts)) + 2
    for name, value in found.facts.items():
        say(f"{name + ':':{width}}{value}")
    say(f"answers: {found.table}")
    if found.posterior:
        say(f"draws: {found.posterior}")
    say(f"report: {found.report}")


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
    for head in heads:
        table.add_column(head, justify="right", overflow="fold")
    for row in rows[:SHOWN_TRIALS]:
        table.add_row(*row)
    Console().print(table)
    for trial in found.trials:
        if trial.error:
            say(f"trial {trial.number} failed: {trial.error}")
    say(f"best settings: {found.best_file}")
    say(f"report: {found.report}")
