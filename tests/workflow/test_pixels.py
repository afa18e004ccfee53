"""Classes of pixels through the command line: simulate, train, validate, infer, export."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from cloudchamber.cli import main
from cloudchamber.hub import load
from cloudchamber.nn.tensors import to_tensors
from cloudchamber.run.trained import noise_rows
from cloudchamber.store.read import Store


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("pixels")
    for name, events, seed in (("train", "1500", "1"), ("test", "400", "2")):
        main(["simulate", "toy_images", str(place / name), "--n", events, "--seed", seed, "--workers", "1"])
    main(["train", "toy_images", str(place / "train"), str(place / "run"), "--accelerator", "cpu"])
    return place


def test_probabilities_of_pixels_are_calibrated(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["validate", str(place / "run"), "--data", str(place / "test"), "--n", "200", "--out", str(place / "report")])
    shown = " ".join(capsys.readouterr().out.split())
    assert "calibration of pixel_kind a pixel" in shown and "FAILED" not in shown.upper()
    truth = Store(place / "test").read()
    model = load(place / "run")
    said = model.predict({"counts": truth["counts"]}, outside="flag")
    assert said["pixel_kind_probability"].shape == (400, 8, 8, 2)
    right = said["pixel_kind_probability"].argmax(-1) == truth["pixel_kind"]
    # counts of 2 and 10 alone tell nine in ten
    assert right.mean() > 0.95
    drawn = model.posterior({"counts": truth["counts"]}, draws=3, outside="flag")["pixel_kind"]
    assert drawn.shape == (400, 3, 8, 8) and set(np.unique(drawn)) == {0, 1}
    density = model.log_prob({"counts": truth["counts"][:5]}, {"pixel_kind": truth["pixel_kind"][:5]})
    picked = np.take_along_axis(said["pixel_kind_probability"][:5], truth["pixel_kind"][:5, ..., None], -1)
    np.testing.assert_allclose(density, np.log(picked).sum((1, 2, 3)), rtol=1e-3)


def test_answers_with_many_entries_go_into_hdf5(place: Path) -> None:
    main(["infer", str(place / "run"), str(place / "test"), "--out", str(place / "found"), "--posterior", "2", "--outside", "flag"])
    with h5py.File(place / "found" / "answers.h5") as file, h5py.File(place / "found" / "posterior.h5") as draws:
        assert file["pixel_kind_probability"].shape == (400, 8, 8, 2) and draws["pixel_kind"].shape == (400, 2, 8, 8)


def test_exported_pixels_are_the_same(place: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    main(["export", str(place / "run"), str(place / "pixels.onnx")])
    model, given = load(place / "run"), {"counts": Store(place / "test").read(["counts"], slice(0, 20))["counts"]}
    session = onnxruntime.InferenceSession(str(place / "pixels.onnx"), providers=["CPUExecutionProvider"])
    inputs = {name: values.numpy() for name, values in to_tensors(given, model.given_columns).items()}
    kinds, probability, in_domain = session.run(None, {"noise": noise_rows(3, "sample", 0, 20, 64)} | inputs)
    drawn = model.sample(given, seed=3, outside="flag")
    np.testing.assert_array_equal(kinds, drawn["pixel_kind"])
    np.testing.assert_array_equal(in_domain, drawn["in_domain"])
    np.testing.assert_allclose(probability, model.predict(given, outside="flag")["pixel_kind_probability"], atol=1e-5)
