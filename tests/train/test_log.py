import csv

import pytest
from matplotlib.image import imread

from cloudchamber.train.log import columns, plot_log, shown, write_log

PLAIN = [{"epoch": n, "loss": 1 / n, "learning_rate": 1e-3, "validation_loss": 1.1 / n, "seconds": 0.5} for n in range(1, 5)]
PAIR = [{"epoch": n, "loss_critic": 1 / n, "loss_generator": n, "learning_rate_critic": 1e-4, "validation_loss": 2 / n, "seconds": 1.0} for n in range(1, 41)]


def test_rows_read_back(tmp_path):
    write_log(tmp_path / "log.csv", PLAIN)
    write_log(tmp_path / "log.csv", PLAIN[:3])
    with (tmp_path / "log.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["epoch", "loss", "validation_loss", "learning_rate", "seconds"]
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    assert float(rows[2]["loss"]) == pytest.approx(1 / 3, rel=1e-5)


def test_columns_of_a_pair():
    assert columns(PAIR) == ["epoch", "loss_critic", "loss_generator", "validation_loss", "learning_rate_critic", "seconds"]


@pytest.mark.parametrize("rows", [PLAIN, PAIR, PLAIN[:1]])
def test_plot_shows_lines(tmp_path, rows):
    plot_log(tmp_path / "loss.png", rows)
    image = imread(tmp_path / "loss.png")[..., :3]
    coloured = image.max(axis=2) - image.min(axis=2) > 0.3
    assert image.shape[1] == 960
    assert coloured.sum() > 100


WATCHED = [row | {"degrees_of_freedom": 0.5} for row in PAIR]


def test_running_figures_stand_behind_the_losses_and_have_a_panel(tmp_path):
    assert columns(WATCHED)[3:5] == ["validation_loss", "degrees_of_freedom"]
    assert shown(WATCHED[0]) == "loss critic 1, loss generator 1, validation loss 2, degrees of freedom 0.5"
    for rows, name in ((PAIR, "without.png"), (WATCHED, "with.png")):
        plot_log(tmp_path / name, rows)
    assert imread(tmp_path / "with.png").shape[0] > imread(tmp_path / "without.png").shape[0] + 250
