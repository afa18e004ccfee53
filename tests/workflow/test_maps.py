"""Maps through the command line: simulated, into FITS and back, learned, and drawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cloudchamber.cli import main
from cloudchamber.geometry import Healpix
from cloudchamber.store.read import Store


def test_maps_go_through_fits_and_a_network(tmp_path: Path) -> None:
    pytest.importorskip("astropy")
    main(["simulate", "toy_maps", str(tmp_path / "data"), "--n", "600", "--workers", "1"])
    main(["simulate", "toy_maps", str(tmp_path / "test"), "--n", "100", "--seed", "2", "--workers", "1"])
    assert Store(tmp_path / "data").schema.x["counts"].geometry == Healpix(8, base_pixel=4)
    main(["convert", "toy_maps", str(tmp_path / "test"), "--out", str(tmp_path / "test.fits")])
    main(["convert", "toy_maps", str(tmp_path / "test.fits"), "--out", str(tmp_path / "back")])
    main(["convert", "toy_maps", str(tmp_path / "test"), "--out", str(tmp_path / "straight")])
    for name in ("counts", "disk_photons"):
        np.testing.assert_array_equal(Store(tmp_path / "back").read()[name], Store(tmp_path / "straight").read()[name])
    main(["train", "toy_maps", str(tmp_path / "data"), str(tmp_path / "run"), "--accelerator", "cpu"])
    main(["infer", str(tmp_path / "run"), str(tmp_path / "test.fits"), "--out", str(tmp_path / "found"), "--outside", "flag"])
    main(["validate", str(tmp_path / "run"), "--file", str(tmp_path / "test.fits"), "--n", "40", "--out", str(tmp_path / "report")])
    assert "a map" in (tmp_path / "report" / "index.html").read_text()
