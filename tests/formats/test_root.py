from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import uproot

from cloudchamber.formats.root import refuse_cut_off


def test_a_file_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.root"
    with uproot.recreate(path) as file:
        file["tree"] = {"x": np.arange(10.0)}
    with uproot.open(path) as file:
        refuse_cut_off(path, file)
    size = path.stat().st_size
    path.write_bytes(path.read_bytes()[:-1])
    with uproot.open(path) as file, pytest.raises(ValueError, match=rf"a.root' is damaged or cut short: it has {size - 1} bytes of {size}"):
        refuse_cut_off(path, file)
