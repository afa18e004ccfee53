from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.table import Table as AstropyTable

from cloudchamber.formats import astronomy
from cloudchamber.schema import Column


def test_chunks_of_the_wanted_columns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    AstropyTable({"a": np.arange(5.0), "note": ["x"] * 5}).write(tmp_path / "a.fits")
    monkeypatch.setattr(astronomy, "CHUNK_EVENTS", 2)
    chunks = list(astronomy.read_astropy(tmp_path / "a.fits", {"a": Column()}, "fits"))
    assert [chunk["a"].tolist() for chunk in chunks] == [[0, 1], [2, 3], [4]] and all(list(chunk) == ["a"] for chunk in chunks)
    [other] = astronomy.read_astropy(tmp_path / "a.fits", {"b": Column()}, "fits")
    assert list(other) == ["a", "note"]


@pytest.mark.parametrize("format", ["fits", "votable"])
def test_a_broken_file_is_named(format: str, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"no table")
    with pytest.raises(ValueError, match=rf"a' is not a readable {format.upper()} file with a table"):
        list(astronomy.read_astropy(tmp_path / "a", {"a": Column()}, format))  # type: ignore[arg-type]
