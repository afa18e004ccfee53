"""Options of readers: what a signature tells, and what becomes of words."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

import pytest

from cloudchamber.formats.options import chosen_options, need_file, options_of, stated_options, told
from cloudchamber.schema import Table
from cloudchamber.study import Format, find_study, study_names


def read(
    path: Path,
    plain: int = 3,
    *,
    primary: Annotated[str | None, "the primary"] = None,
    zenith_deg: Annotated[float | Sequence[float] | None, "zenith angle / deg"] = None,
    events: Annotated[int, "how many"] = 1,
    dat: Annotated[Path | None, "the file beside it"] = None,
) -> Table:
    raise AssertionError("only its signature counts")


FORMAT = Format("long", (".long",), read)


def test_words_become_what_the_reader_takes() -> None:
    assert list(options_of(FORMAT)) == ["primary", "zenith_deg", "events", "dat"]
    found = chosen_options(FORMAT, {"primary": "p,He", "zenith-deg": "30, 60", "events": "7", "dat": "DAT000002"})
    assert found == {"primary": "p,He", "zenith_deg": [30.0, 60.0], "events": 7, "dat": Path("DAT000002")}
    assert chosen_options(FORMAT, {"zenith_deg": [1.0, 2.0], "events": 2}) == {"zenith_deg": [1.0, 2.0], "events": 2}
    assert chosen_options(FORMAT, {"zenith_deg": "30"}) == {"zenith_deg": 30.0}
    assert told(options_of(FORMAT).values()) == "--read.primary (text), --read.zenith-deg (number), --read.events (whole number), --read.dat (file)"
    assert stated_options({"zenith-deg": "30", "dat": "D"}) == "dat D, zenith_deg 30"


def test_what_a_format_has_settled_is_no_option() -> None:
    assert list(options_of(Format("fixed", (), partial(partial(read, primary="p"), dat=None)))) == ["zenith_deg", "events"]
    assert options_of(Format("writes", (), None)) == {} and told([]) == "none"


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"primry": "p"}, r"the format 'long' has no read option 'primry' \(did you mean 'primary'\?\); it has: --read.primary \(text\)"),
        ({"zenith_deg": "steep"}, "--read.zenith-deg: 'steep' is no number; it is zenith angle / deg"),
        ({"zenith_deg": "1,,2"}, "--read.zenith-deg: '' is no number"),
        ({"zenith_deg": "nan"}, "'nan' is no number"),
        ({"events": "1.5"}, "--read.events: '1.5' is no whole number"),
    ],
)
def test_other_words_are_refused(asked: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        chosen_options(FORMAT, asked)


def test_options_without_a_file_are_refused() -> None:
    need_file({}, None)
    need_file({"primary": "p"}, Path("a.long"))
    with pytest.raises(ValueError, match=r"--read\.primary is an option of a file's format: give the file too"):
        need_file({"primary": "p"}, None)


def test_an_option_without_type_or_words_is_the_studys_fault() -> None:
    def bare(path: Path, *, height: float = 0.0) -> Table:
        raise AssertionError

    with pytest.raises(TypeError, match=r"the option 'height' of the format 'bare' needs a type of str, float, int, Path, and words"):
        options_of(Format("bare", (), bare))


@pytest.mark.parametrize("study", study_names())
def test_every_studys_options_can_be_told(study: str) -> None:
    for format in find_study(study).formats:
        assert all(option.doc for option in options_of(format).values())
