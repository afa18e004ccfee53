"""Tables of text as people write them: byte-order marks, quotes, comments, separators, a row of units, names in the last comment.

What a table leaves open is refused by name: a column given twice, a line of another length.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from cloudchamber.units import UNSAID, parsed

SEPARATORS = ",;\t|"


@dataclass(frozen=True)
class TextTable:
    """The columns' names, the units that the file states, and its rows: number of the line, and a cell for each name."""

    names: tuple[str, ...]
    units: dict[str, str]
    rows: Iterator[tuple[int, list[str]]]


def read_text(path: Path, lines: Iterable[str]) -> TextTable:
    """The table in the ``lines`` of the file ``path``, opened with encoding "utf-8-sig"; ValueError names line and column."""
    comments: list[str] = []
    content = _content(path, lines, comments)
    number, first = next(content, (0, ""))
    comment = comments[-1].lstrip("#").strip() if comments else ""
    if not first:
        raise ValueError(f"'{path}' is empty: a table starts with the names of its columns, such as ra_deg,dec_deg,energy_eev")
    separator = _separator(first)
    head = _cells(first, separator)
    rows = _split(content, separator)
    if any(map(is_number, head)):
        commented = _cells(comment, separator if separator in comment else _separator(comment))
        if len(commented) != len(head) or any(map(is_number, commented)):
            raise ValueError(f"'{path}', line {number}: '{first.strip()[:60]}' holds numbers, not the columns' names")
        head, rows = commented, chain([(number, head)], rows)
    titles = [_name_and_unit(title) for title in head]
    names, units = tuple(name for name, _ in titles), tuple(unit for _, unit in titles)
    if twice := [name for index, name in enumerate(names) if name and name in names[:index]]:
        raise ValueError(f"'{path}' gives the column '{twice[0]}' twice: which one counts?")
    stated = {name: unit for name, unit in zip(names, units, strict=True) if unit}
    if comments and comments[0].startswith("%ECSV"):
        return TextTable(names, stated | _units_of_ecsv(path, comments), _whole_lines(path, names, rows))
    below, rows = _units_below(names, _whole_lines(path, names, rows))
    return TextTable(names, below | stated, rows)


def read_rows(path: Path, lines: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
    """Number and cells of each line of a table without a header."""
    content = _content(path, lines, [])
    first = next(content, None)
    if first is not None:
        separator = _separator(first[1])
        yield from _split(chain([first], content), separator)


def is_number(text: str) -> bool:
    """Whether a cell holds one, NaN among them."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def _content(path: Path, lines: Iterable[str], comments: list[str]) -> Iterator[tuple[int, str]]:
    """Number and text of each line that is neither empty nor a comment; ``comments`` gathers those before the first one."""
    begun = False
    try:
        for number, line in enumerate(lines, 1):
            if line.lstrip().startswith("#"):
                # the indent of what follows the mark has a meaning in ECSV
                text = line.lstrip()[1:].rstrip().removeprefix(" ")
                if text and not begun:
                    comments.append(text)
            elif line.strip():
                begun = True
                yield number, line
    except UnicodeDecodeError:
        raise ValueError(f"'{path}' is not text in UTF-8") from None


def _units_of_ecsv(path: Path, comments: list[str]) -> dict[str, str]:
    """References: Robitaille et al., Astropy Proposal for Enhancement 6."""
    from astropy.table.meta import YamlParseError, get_header_from_yaml

    try:
        columns = get_header_from_yaml(comments[1:])["datatype"]
    except (YamlParseError, KeyError, TypeError) as error:
        raise ValueError(f"'{path}' starts as an ECSV file, whose head cannot be read: {error}") from None
    if nested := [column["name"] for column in columns if "subtype" in column]:
        raise ValueError(f"'{path}': the column '{nested[0]}' holds lists in its cells: give columns 'name[0]', 'name[1]', ..., or HDF5, FITS or parquet")
    return {column["name"]: str(column["unit"]) for column in columns if "unit" in column}


def _separator(line: str) -> str:
    """What cuts the line into most cells; white space where nothing else does."""
    plain = re.sub(r'"[^"]*"', "", line)
    best = max(SEPARATORS, key=plain.count)
    return best if best in plain else " "


def _cells(line: str, separator: str) -> list[str]:
    text = line.strip() if separator == " " else line.strip("\r\n")
    text = re.sub(r"\s+", " ", text) if separator == " " and '"' not in text else text
    return [cell.strip() for cell in next(csv.reader([text], delimiter=separator, skipinitialspace=True), [])]


def _split(content: Iterator[tuple[int, str]], separator: str) -> Iterator[tuple[int, list[str]]]:
    return ((number, _cells(line, separator)) for number, line in content)


def _name_and_unit(title: str) -> tuple[str, str]:
    """``energy [GeV]`` and ``energy (GeV)`` state a unit, ``deposit[3]`` an entry."""
    match = re.fullmatch(r"(.+?)\s*(?:\[([^\]]*[^\d,\s\]][^\]]*)\]|\(([^)]*[A-Za-z%°][^)]*)\))", title)
    return (match[1], match[2] or match[3]) if match else (title, "")


def _whole_lines(path: Path, names: tuple[str, ...], rows: Iterator[tuple[int, list[str]]]) -> Iterator[tuple[int, list[str]]]:
    for number, cells in rows:
        if len(cells) != len(names):
            raise ValueError(f"'{path}', line {number}: {len(cells)} cells, the header has {len(names)} ({', '.join(names[:8])}): is the file cut off?")
        yield number, cells


def _units_below(names: tuple[str, ...], rows: Iterator[tuple[int, list[str]]]) -> tuple[dict[str, str], Iterator[tuple[int, list[str]]]]:
    """A row of units: the first one, where it holds no number, the next one does below one of its words, and that word is a unit."""
    two = [row for _, row in zip(range(2), rows, strict=False)]
    if len(two) == 2 and not any(is_number(cell) for cell in two[0][1]):
        words = {name: cell.strip("[]()") for name, cell, below in zip(names, two[0][1], two[1][1], strict=True) if is_number(below)}
        stated = {name: unit for name, unit in words.items() if unit.lower() not in UNSAID}
        if words and all(_is_unit(unit) for unit in stated.values()):
            return stated, chain(two[1:], rows)
    return {}, chain(two, rows)


def _is_unit(text: str) -> bool:
    return parsed(text) is not None
