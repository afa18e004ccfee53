from __future__ import annotations

import pytest

from cloudchamber.formats.hidden import is_visible


@pytest.mark.parametrize(
    ("parts", "seen"),
    [(("a", "b.json"), True), (("__MACOSX", "b.json"), False), (("a", "._b.json"), False), ((".ipynb_checkpoints", "b-checkpoint.json"), False)],
)
def test_what_programs_leave_is_no_event(parts: tuple[str, ...], seen: bool) -> None:
    assert is_visible(parts) == seen
