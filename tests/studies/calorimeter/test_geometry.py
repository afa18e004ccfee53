from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cloudchamber.studies.calorimeter.geometry import Crystals


def test_cells_count_columns_first_then_rows_then_layers() -> None:
    crystals = Crystals(n=3, pitch_mm=20.0, length_mm=100.0, layers=2)
    centres = crystals.centres_mm()
    assert centres.shape == (crystals.cells, 3) == (18, 3)
    layer, row, column = 1, 0, 2
    np.testing.assert_allclose(centres[(layer * 3 + row) * 3 + column], [20.0, -20.0, 75.0])
    np.testing.assert_allclose(centres.mean(axis=0), [0.0, 0.0, 50.0], atol=1e-12)


def test_half_width() -> None:
    crystals = Crystals()
    assert crystals.half_width_mm == 150.0
    assert crystals.centres_mm()[:, 0].max() + 0.5 * crystals.pitch_mm == crystals.half_width_mm


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n": 0}, r"n: 0 .* \[1, 101\]"),
        ({"n": 2.5}, "n: 2.5 is not a whole number"),
        ({"layers": 0}, "layers: 0"),
        ({"pitch_mm": 0.0}, r"pitch_mm: 0.0 .* mm"),
        ({"length_mm": float("nan")}, "length_mm: nan"),
        ({"gap_mm": 31.0}, r"gap_mm: 31.0 .* \[0, 30\] mm"),
        ({"gap_mm": -0.1}, "gap_mm: -0.1"),
        ({"material": "LYSO"}, "material: 'LYSO' is unknown; allowed: CsI"),
    ],
)
def test_bad_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Crystals(**settings)
