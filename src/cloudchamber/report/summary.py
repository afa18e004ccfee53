"""Check results of several answers as the rows of one table: the worst group of each check, the best answer, a map of the groups."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from cloudchamber.validate.check import CheckResult


@dataclass(frozen=True)
class Cell:
    """One answer's result of one check, ready to print; of grouped checks the worst group's, how many groups passed, and in how many the floor would."""

    value: str = "—"
    short: str = "—"
    error: str = ""
    floor: str = "—"
    group: str = ""
    passed: bool | None = None
    score: float = math.nan
    bar: float | None = None
    floor_bar: float | None = None
    shade: str = ""
    groups_passed: int = 0
    groups: int = 0
    floors_passed: int = 0
    undecided: bool = False
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
    for scale in (result.limit, result.floor):
        if scale is not None and scale > 0:
            return result.value / scale
    return result.value


def _row(found: Mapping[str, Sequence[CheckResult]]) -> Row:
    cells = [_worst(results) for results in found.values()]
    scores = [cell.score for cell in cells if not math.isnan(cell.score)]
    if len(scores) > 1 and math.isfinite(min(scores)):
        cells = [replace(cell, best=cell.score == min(scores)) for cell in cells]
    first = next(result for results in found.values() for result in results)
    maps = [_map(answer, results) for answer, results in found.items() if any(result.group for result in results)]
    return Row(first.name, first.why, first.unit, _limit(first), cells, maps)


def _limit(result: CheckResult) -> str:
    if result.floors is not None:
        return f"≤ {result.floors:g} × floor"
    return "" if result.limit is None else f"≤ {result.limit:g} {result.unit}".strip()


def _worst(results: Sequence[CheckResult]) -> Cell:
    said = [result for result in results if not math.isnan(score(result))]
    if not said:
        return Cell()
    cell = _cell(max(said, key=score))
    judged = [result.passed for result in results if result.passed is not None]
    # the worst group decides, but no group may fail unseen where scores tie
    passed = all(judged) if judged else None
    return replace(
        cell,
        passed=passed,
        groups=len(judged) if cell.group else 0,
        groups_passed=sum(judged),
        floors_passed=floors_passed(results),
        undecided=undecided(results),
    )


def floors_passed(results: Sequence[CheckResult]) -> int:
    """In how many groups truth against truth keeps the limit: where it does not, the sample is too small for the limit."""
    return sum(result.limit is not None and result.floor <= result.limit for result in results if result.passed is not None)


def undecided(results: Sequence[CheckResult]) -> bool:
    """Whether the answer fails in some group, but truth against truth in as many or more: only a larger sample can tell."""
    judged = [result.passed for result in results if result.passed is not None]
    return not all(judged) and floors_passed(results) <= sum(judged)


def _cell(result: CheckResult) -> Cell:
    value, error = value_and_error(result.value, result.error)
    limited = result.limit is not None and result.limit > 0 and math.isfinite(result.value)
    bar = min(max(50 * result.value / result.limit, 0), 100) if limited and result.limit else None
    floor_bar = min(max(50 * result.floor / result.limit, 0), 100) if limited and result.limit and math.isfinite(result.floor) else None
    return Cell(value, number(result.value, 2), error, number(result.floor, 2), result.group, result.passed, score(result), bar, floor_bar, _shade(result))


def _shade(result: CheckResult) -> str:
    """The colour class of a group: four steps up to the limit, four beyond; none where nothing is limited."""
    if result.passed is None:
        return ""
    bad = score(result)
    if result.passed:
        return f"p{sum(bad > edge for edge in (0.25, 0.5, 0.75)) + 1}"
    return f"f{sum(bad > edge for edge in (1.5, 2, 4)) + 1}"


def _map(answer: str, results: Sequence[CheckResult]) -> GroupMap:
    parts = [result.group.split(", ") for result in results]
    cells = {result.group: _cell(result) for result in results}
    if all(len(part) == 2 for part in parts):
        lines, columns = list(dict.fromkeys(part[0] for part in parts)), list(dict.fromkeys(part[1] for part in parts))
        return GroupMap(answer, columns, [(line, [cells.get(f"{line}, {column}", Cell()) for column in columns]) for line in lines])
    return GroupMap(answer, [], [(group, [cell]) for group, cell in cells.items()])
