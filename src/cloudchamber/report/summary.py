"""Check results of several answers as the rows of one table: the worst group of each check, the best answer, a map of the groups; and in one sentence."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from cloudchamber.validate.check import CheckResult
from cloudchamber.validate.verdict import MOST_TIMES, Verdict

RANKED = 2.0
"""Standard deviations by which an answer must be ahead of the next one to be called the best."""
_GRAVE = {None: 0, "passed": 1, "open": 2, "failed": 3}


@dataclass(frozen=True)
class Outcome:
    """A check over its groups: failed where one group is, open where one is and none failed; ``times`` as many events decide the open ones."""

    verdict: Verdict | None = None
    passed: int = 0
    failed: int = 0
    open: int = 0
    times: float = 1.0

    @property
    def groups(self) -> int:
        """Groups that are judged."""
        return self.passed + self.failed + self.open


@dataclass(frozen=True)
class Cell:
    """One answer's result of one check, ready to print; of grouped checks the worst group's, and the outcome of all."""

    value: str = "—"
    short: str = "—"
    error: str = ""
    floor: str = "—"
    group: str = ""
    verdict: Verdict | None = None
    score: float = math.nan
    score_error: float = math.nan
    bar: float | None = None
    floor_bar: float | None = None
    shade: str = ""
    outcome: Outcome = Outcome()
    best: bool = False


@dataclass(frozen=True)
class GroupMap:
    """The groups of one check for one answer: ``rows`` of (name, cells), under ``columns`` where group names have two parts."""

    answer: str
    columns: list[str]
    rows: list[tuple[str, list[Cell]]]


@dataclass(frozen=True)
class Row:
    """One check over all answers."""

    name: str
    why: str
    unit: str
    limit: str
    cells: list[Cell]
    maps: list[GroupMap]


def summarise(answers: Mapping[str, Sequence[CheckResult]]) -> list[Row]:
    """One row a check, in the order of the first answer that has it."""
    names = dict.fromkeys(result.name for results in answers.values() for result in results)
    return [_row({answer: [r for r in results if r.name == name] for answer, results in answers.items()}) for name in names]


def number(value: float, digits: int = 3) -> str:
    """A number to so many significant digits, powers of ten written out; a dash for NaN."""
    if math.isnan(value):
        return "—"
    if value == 0 or not math.isfinite(value):
        return str(value).replace("0.0", "0").replace("inf", "∞")
    power = math.floor(math.log10(abs(value)))
    if -4 <= power < 6:
        return f"{value:,.{max(digits - 1 - power, 0)}f}"
    return f"{value / 10.0**power:.{digits - 1}f}×10" + str(power).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def value_and_error(value: float, error: float) -> tuple[str, str]:
    """Both rounded to the error's two leading digits."""
    if not math.isfinite(error) or error <= 0 or not math.isfinite(value) or not 1e-4 <= error < 1e6:
        return number(value), "" if math.isnan(error) else number(error, 2)
    decimals = max(1 - math.floor(math.log10(error)), 0)
    return f"{value:,.{decimals}f}", f"{error:,.{decimals}f}"


def score(result: CheckResult) -> float:
    """How bad a result is: over its limit, else over its floor; infinite for a failure without a value, NaN for no statement."""
    if math.isnan(result.value):
        return math.inf if result.passed is False else math.nan
    return result.value / _scale(result)


def _scale(result: CheckResult) -> float:
    return next((scale for scale in (result.limit, result.floor) if scale is not None and scale > 0), 1.0)


def worst(results: Sequence[CheckResult]) -> CheckResult:
    """The result that stands for a check: of the gravest verdict the one furthest beyond its limit."""
    said = [result for result in results if not math.isnan(score(result))] or results
    return max(said, key=lambda result: (_GRAVE[result.verdict], score(result)))


def outcome(results: Sequence[CheckResult]) -> Outcome:
    """What the results of one check say together."""
    verdicts = [result.verdict for result in results if result.verdict is not None]
    if not verdicts:
        return Outcome()
    times = [math.inf if result.events_needed is None else result.events_needed / result.events for result in results if result.verdict == "open"]
    counts = verdicts.count("passed"), verdicts.count("failed"), verdicts.count("open")
    return Outcome(max(verdicts, key=_GRAVE.__getitem__), *counts, max(times, default=1.0))


def more_events(times: float, n: int) -> str:
    """How many events would decide, of ``n`` compared, rounded up to two digits."""
    if not math.isfinite(times):
        return f"more than {MOST_TIMES * n:,} events would be needed"
    step = 10 ** max(math.floor(math.log10(times * n)) - 1, 0)
    return f"about {math.ceil(times * n / step) * step:,} events would decide"


def sentence(run: str, results: Sequence[CheckResult], n: int) -> str:
    """What a physicist may quote of a run's checks on ``n`` events."""
    named = {name: [result for result in results if result.name == name] for name in dict.fromkeys(result.name for result in results)}
    found = {name: outcome(results) for name, results in named.items()}
    judged = {name: each for name, each in found.items() if each.verdict}
    if not judged:
        return f"{run} was compared with {n:,} events that it has not seen; nothing here has a limit to keep."
    failed, unsure, kept = ([name for name, each in judged.items() if each.verdict == verdict] for verdict in ("failed", "open", "passed"))
    shares = "all" if len(kept) == len(judged) > 1 else f"{len(kept)} of"
    said = f"On {n:,} events that it has not seen, {run} keeps the limits of {shares} {len(judged)} check{'s' * (len(judged) > 1)}"
    if unsure:
        said += f"; {len(unsure)} stay{'s' * (len(unsure) == 1)} open ({_deciding([judged[name].times for name in unsure], n)})"
    if failed:
        gravest = max((worst(named[name]) for name in failed), key=score)
        said += f"; it fails {f'{_listed(failed)}. Worst is ' if len(failed) > 1 else ''}{_told(gravest)}"
    return said + "."


def _deciding(times: Sequence[float], n: int) -> str:
    near = sum(not math.isfinite(each) for each in times)
    if not near or near == len(times):
        return more_events(max(times), n)
    return f"{more_events(max(filter(math.isfinite, times)), n)} all but {near}, for which {more_events(math.inf, n)}"


def _listed(names: Sequence[str], most: int = 4) -> str:
    shown = names if len(names) <= most else [*names[: most - 1], f"{len(names) - most + 1} more"]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def _told(result: CheckResult) -> str:
    place = f"{result.name}{f' ({result.group})' if result.group else ''}"
    if math.isnan(result.value):
        return f"{place}, where it gives no value"
    value, error = value_and_error(result.value, result.error)
    floor = "" if math.isnan(result.floor) else f", and {'the answer itself promises' if result.promised else 'truth itself reaches'} {number(result.floor, 2)}"
    measured = f"{value}{f' ± {error}' if error else ''}{f' {result.unit}' if result.unit else ''}"
    return f"{place}: {measured} where {number(result.limit or 0.0)} is allowed{floor}"


def _row(found: Mapping[str, Sequence[CheckResult]]) -> Row:
    cells = [_summed(results) for results in found.values()]
    ranked = sorted((place for place, cell in enumerate(cells) if not math.isnan(cell.score)), key=lambda place: cells[place].score)
    if len(ranked) > 1 and _ahead(cells[ranked[0]], cells[ranked[1]]):
        cells[ranked[0]] = replace(cells[ranked[0]], best=True)
    first = next(result for results in found.values() for result in results)
    maps = [_map(answer, results) for answer, results in found.items() if any(result.group for result in results)]
    return Row(first.name, first.why, first.unit, _limit(first), cells, maps)


def _ahead(first: Cell, second: Cell) -> bool:
    """Whether the smaller score is so by more than chance; without errors nobody knows."""
    return second.score - first.score > RANKED * math.hypot(first.score_error, second.score_error)


def _limit(result: CheckResult) -> str:
    if result.floors is not None:
        return f"≤ {result.floors:g} × floor"
    return "" if result.limit is None else f"≤ {result.limit:g} {result.unit}".strip()


def _summed(results: Sequence[CheckResult]) -> Cell:
    if not any(not math.isnan(score(result)) for result in results):
        return Cell()
    return replace(_cell(worst(results)), outcome=outcome(results))


def _cell(result: CheckResult) -> Cell:
    value, error = value_and_error(result.value, result.error)
    limited = result.limit is not None and result.limit > 0 and math.isfinite(result.value)
    bar = min(max(50 * result.value / result.limit, 0), 100) if limited and result.limit else None
    floor_bar = min(max(50 * result.floor / result.limit, 0), 100) if limited and result.limit and math.isfinite(result.floor) else None
    graded = score(result), result.error / _scale(result)
    return Cell(
        value, number(result.value, 2), error, number(result.floor, 2), result.group, result.verdict, *graded, bar, floor_bar, _shade(result), outcome([result])
    )


def _shade(result: CheckResult) -> str:
    """The colour class of a group: four steps up to the limit, four beyond, one for what is open; none where nothing is limited."""
    if result.verdict is None:
        return ""
    if result.verdict == "open":
        return "o"
    bad = score(result)
    if result.verdict == "passed":
        return f"p{sum(bad > edge for edge in (0.25, 0.5, 0.75)) + 1}"
    return f"f{sum(bad > edge for edge in (1.5, 2, 4)) + 1}"


def _map(answer: str, results: Sequence[CheckResult]) -> GroupMap:
    parts = [result.group.split(", ") for result in results]
    cells = {result.group: _cell(result) for result in results}
    if all(len(part) == 2 for part in parts):
        lines, columns = list(dict.fromkeys(part[0] for part in parts)), list(dict.fromkeys(part[1] for part in parts))
        return GroupMap(answer, columns, [(line, [cells.get(f"{line}, {column}", Cell()) for column in columns]) for line in lines])
    return GroupMap(answer, [], [(group, [cell]) for group, cell in cells.items()])
