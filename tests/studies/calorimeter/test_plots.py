from __future__ import annotations

import numpy as np
import pytest
from events import showers

from cloudchamber.schema import Table, take
from cloudchamber.studies.calorimeter.plots import plots

HEADINGS = ["Total energy", "Shower shapes", "Single crystals", "Mean image", "Correlations", "Single showers"]


def drawn(table: Table, answers: dict[str, Table]) -> dict[str, object]:
    figures = plots(table, answers)
    for figure in figures.values():
        figure.draw_without_rendering()
        assert figure.get_label()
    return dict(figures)


@pytest.mark.parametrize("answers", [0, 1, 3])
def test_all_figures_are_drawn(answers: int) -> None:
    truth = take(showers(), slice(0, 200))
    assert list(drawn(truth, {f"answer {i}": take(showers(), slice(200, 400)) for i in range(answers)})) == HEADINGS


def test_few_and_empty_showers_at_fixed_energies() -> None:
    truth = take(showers(), slice(0, 12)) | {"energy_mev": np.repeat(np.float32([500.0, 2000.0]), 6)}
    answer = truth | {"deposit_mev": np.zeros((12, 25), np.float32)}
    assert list(drawn(truth, {"nothing": answer})) == HEADINGS


def test_other_arrays_have_their_total_energy() -> None:
    truth = take(showers(), slice(0, 100))
    truth = truth | {"deposit_mev": truth["deposit_mev"][:, :24]}
    assert list(drawn(truth, {"itself": truth})) == ["Total energy"]


def test_the_images_are_where_the_array_has_them() -> None:
    truth = take(showers(), slice(0, 100))
    only = np.zeros((100, 25), np.float32)
    only[:, 3] = truth["energy_mev"]
    image = plots(truth | {"deposit_mev": only}, {"itself": truth})["Mean image"].axes[0].images[0].get_array()
    assert float(image[0, 3]) == pytest.approx(1.0) and float(image.sum()) == pytest.approx(1.0)
