"""The view of windows, and both through the command line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cloudchamber import workflow
from cloudchamber.cli import main
from cloudchamber.models.heads import Gaussian
from cloudchamber.models.recipe import Fit, Recipe
from cloudchamber.nn.codec import Columns
from cloudchamber.rng import rng
from cloudchamber.schema import take
from cloudchamber.store.read import Store
from cloudchamber.studies.bolometer.detector import Detector
from cloudchamber.studies.bolometer.observables import window_checks
from cloudchamber.studies.bolometer.views.windows import WindowsView
from cloudchamber.study import Study, find_study


def test_windows_are_in_balance_from_the_first_sample_on() -> None:
    view = WindowsView(families=("wafer",), samples=20)
    theta = view.prior(600, rng(1))
    power = view.simulate(theta, rng(2))["power_w"]
    # of rare large values the median is told better
    first, last = np.median(power[:, 0, 0]), np.median(power[:, 0, -1])
    assert first == pytest.approx(last, rel=0.25) and power.min() >= 0


def test_hits_are_those_of_the_window() -> None:
    view = WindowsView(samples=200)
    x = view.simulate({"phi_mv": np.array([300.0, 900.0]), "thickness_um": np.array([500.0, 500.0])}, rng(1))
    counts = np.diff(x["hit_time_s"].offsets)
    rate = counts / (200 / 156.25)
    assert rate[0] > 1.5 * rate[1] and x["hit_time_s"].values.min() >= 0 and x["hit_time_s"].values.max() <= 200 / 156.25
    assert all(np.array_equal(x[name].offsets, x["hit_time_s"].offsets) for name in ("hit_deposit_kev", "hit_family", "hit_bolometer"))


def test_decimated_windows_follow_the_full_ones() -> None:
    full, kept = (WindowsView(detector=replace(Detector(), decimation=factor, saturation_w=0.0), samples=samples) for factor, samples in ((1, 2000), (8, 250)))
    one, two = (np.median([view.window(400.0, 500.0, rng(1, i))[0].mean() for i in range(12)]) for view in (full, kept))
    assert two == pytest.approx(one, rel=0.25)
    assert kept.window(400.0, 500.0, rng(1))[0].shape == (12, 250)


def test_no_windows_are_an_empty_table() -> None:
    x = WindowsView(samples=5).simulate({"phi_mv": np.empty(0), "thickness_um": np.empty(0)}, rng(1))
    assert x["power_w"].shape == (0, 12, 5) and len(x["hit_time_s"]) == 0


def test_bad_lengths_are_refused() -> None:
    for samples in (0, 10**9):
        with pytest.raises(ValueError, match=rf"samples: {samples} is outside the allowed \[1, 1000000\]"):
            WindowsView(samples=samples)


@pytest.mark.parametrize(("simulator", "column"), [("hits", "amplitude_w"), ("planck_windows", "power_w")])
def test_the_command_line_simulates(simulator: str, column: str, tmp_path: Path) -> None:
    settings = ["--settings.samples", "50"] if "windows" in simulator else []
    main(["simulate", "bolometer", str(tmp_path / "s"), "--n", "3", "--simulator", simulator, "--workers", "1", *settings])
    store = Store(tmp_path / "s")
    assert store.n_events == 3 and np.all(store.read()[column] >= 0)
    # phi means nothing without its spectrum: a store says both
    assert store.settings["rays"]["interstellar"] == "corti_2019"


@pytest.fixture
def study(monkeypatch: pytest.MonkeyPatch) -> Study:
    """The study with a recipe of windows, as anybody may add one."""

    def gaussian() -> Recipe:
        return Recipe("gaussian", "windows", ("power_w",), ("phi_mv",), Columns({}), Columns({}), Gaussian("constant", 8, 1), Fit(epochs=1, batch_size=30))

    made = replace(find_study("bolometer"), name="windows_of_bolometers", recipes={"gaussian": gaussian}, default_recipe="gaussian")
    monkeypatch.setattr("cloudchamber.study._REGISTERED", {made.name: made})
    return made


def test_a_run_on_windows_is_validated_by_the_checks_of_windows(study: Study, tmp_path: Path) -> None:
    settings = {"samples": 64, "families": ["wafer"]}
    for name, seed in (("train", 1), ("test", 2)):
        workflow.simulate(study, tmp_path / name, 120, simulator="windows", settings=settings, seed=seed)
    workflow.train(study, tmp_path / "train", tmp_path / "run")
    for data in ({"data": tmp_path / "test"}, {}):
        found = workflow.validate(tmp_path / "run", n=40, out=tmp_path / "report", **data)
        assert [check.name for check in found.checks] == [check.name for check in window_checks()]
        assert {check.name: check.verdict for check in found.checks}["bolometer correlation, rms"] == "failed"


def test_general_files_of_windows_keep_all_their_columns(tmp_path: Path) -> None:
    workflow.simulate("bolometer", tmp_path / "store", 6, simulator="windows", settings={"samples": 20})
    workflow.convert("bolometer", tmp_path / "store", tmp_path / "windows.h5")
    back = workflow.convert("bolometer", tmp_path / "windows.h5", tmp_path / "again")
    one, two = (Store(tmp_path / name).read() for name in ("store", "again"))
    assert set(back.columns) == set(one) == set(two) and not back.absent
    one, two = (take(table, np.argsort(table["phi_mv"])) for table in (one, two))
    np.testing.assert_array_equal(one["power_w"], two["power_w"])
    np.testing.assert_array_equal(one["hit_family"].values, two["hit_family"].values)


def test_noise_is_added_to_the_windows() -> None:
    theta = WindowsView(samples=4000).prior(1, rng(1))
    quiet, noisy = (WindowsView(samples=4000, noise_w=noise).simulate(theta, rng(2))["power_w"].astype(float) for noise in (0.0, 1e-17))
    assert np.isclose(np.std(noisy - quiet), 1e-17, rtol=0.03)
