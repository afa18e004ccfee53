"""``stream --inject``: a stream at an observation's times, in its unit, in a copy of its file, which litebird_sim reads back."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from cloudchamber.cli import main
from cloudchamber.physics.cmb import watts_per_kelvin
from cloudchamber.stream import exact_rate, mjd_s
from cloudchamber.studies.bolometer.detector import Detector
from cloudchamber.studies.bolometer.streams.data import WaferStream
from cloudchamber.workflow import inject
from observations import MJD, write_observation


def injected(source: Path, out: Path, *words: str) -> dict[str, np.ndarray]:
    main(["stream", "bolometer", str(out), "--inject", str(source), *words])
    with h5py.File(out) as file:
        return {name: file[name][:] for name in file}


def test_the_background_is_the_stream_at_the_same_times(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = write_observation(tmp_path / "a.h5")
    found = injected(source, tmp_path / "b.h5", "--add-to", "tod", "--efficiency", "0.4", "--seed", "5")
    first = mjd_s(MJD) * exact_rate(31.25)
    # 66.6624 s are 2083.2 samples: it lies between the stream's own
    power = WaferStream(detector=Detector(decimation=5)).make_at(0, 5, mjd_s(MJD), 600)[:4]
    assert float(first) % 1 == pytest.approx(0.2, abs=1e-6)
    np.testing.assert_allclose(found["cr"], power / watts_per_kelvin(140, 42, 0.4), rtol=1e-6)
    with h5py.File(source) as file:
        np.testing.assert_allclose(found["tod"], file["tod"][:] + found["cr"], rtol=1e-6, atol=1e-12)
    assert "detectors go by their places in the simulation: '000_000_QA_140_T' is bolometer_00" in capsys.readouterr().out
    with h5py.File(tmp_path / "b.h5") as file:
        [told] = json.loads(file["cr"].attrs["cloudchamber"])
    assert (told["seed"], told["efficiency"], told["added_to"], told["settings"]["detector"]["decimation"]) == (5, 0.4, "tod", 5)


def test_files_of_some_detectors_or_workers_agree(tmp_path: Path) -> None:
    """Of two wafers, by their places in the simulation."""
    words = ("--settings.wafers", "2", "--efficiency", "0.5", "--settings.sun.phi-mv", "500")
    whole = injected(write_observation(tmp_path / "all.h5", 24, wafer=lambda number: f"L{number // 12}"), tmp_path / "a.h5", *words, "--workers", "2")
    part = injected(write_observation(tmp_path / "part.h5", 3, first=11, wafer=lambda number: f"L{number // 12}"), tmp_path / "b.h5", *words)
    assert np.array_equal(part["cr"], whole["cr"][11:14])
    alike = np.corrcoef(whole["cr"])
    assert alike[0, 1] > 0.3 and abs(alike[0, 12]) < 0.3


def test_a_table_says_which_detector_is_which(tmp_path: Path) -> None:
    source = write_observation(tmp_path / "a.h5", 2)
    (tmp_path / "map.csv").write_text("detector,channel\n000_001_QA_140_T,bolometer_07\n000_000_QA_140_T,bolometer_03\n")
    found = injected(source, tmp_path / "b.h5", "--channels", str(tmp_path / "map.csv"), "--field", "glitches")
    power = WaferStream(detector=Detector(decimation=5)).make_at(0, 1, mjd_s(MJD), 600)
    np.testing.assert_allclose(found["glitches"], power[[3, 7]] / watts_per_kelvin(140, 42), rtol=1e-6)


@pytest.mark.parametrize(("rate", "fast", "decimation"), [(156.25, 156.25, 1), (19.53125, 156.25, 8), (19.1, 19.1 * 9, 9), (200.0, 200.0, 1)])
def test_rates_that_can_be_made(rate: float, fast: float, decimation: int) -> None:
    detector = WaferStream().at_rate(rate).detector
    assert (detector.rate_hz, detector.decimation) == (pytest.approx(fast), decimation)


def test_a_second_background_must_be_wanted(tmp_path: Path) -> None:
    source = write_observation(tmp_path / "a.h5", 1, samples=50)
    one = injected(source, tmp_path / "b.h5", "--add-to", "tod")
    with pytest.raises(ValueError, match=r"has a data set 'cr' already, of a background that was injected before: give --field another name"):
        inject("bolometer", tmp_path / "b.h5", tmp_path / "c.h5")
    with pytest.raises(ValueError, match=r"'cr' was added to 'tod' before: with --again another one is added to it"):
        inject("bolometer", tmp_path / "b.h5", tmp_path / "c.h5", field="more", add_to="tod")
    two = injected(tmp_path / "b.h5", tmp_path / "c.h5", "--field", "more", "--add-to", "tod", "--again", "--seed", "2")
    np.testing.assert_allclose(two["tod"], one["tod"] + two["more"], rtol=1e-6)


def test_an_interruption_leaves_nothing(tmp_path: Path) -> None:
    source = write_observation(tmp_path / "a.h5", 1, samples=50)

    def stop(done: int, total: int, note: str) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        inject("bolometer", source, tmp_path / "b.h5", progress=stop)
    assert [each.name for each in tmp_path.iterdir()] == ["a.h5"]


LITEBIRD = """
import sys, warnings
warnings.simplefilter("ignore")
from pathlib import Path
import astropy.time, h5py, numpy as np, litebird_sim as lbs
from cloudchamber.cli import main

here = Path(sys.argv[1])
imo = lbs.Imo(flatfile_location=Path(lbs.__file__).parent / "default_imo")
sim = lbs.Simulation(start_time=astropy.time.Time("2032-07-01T00:00:00", scale="utc"), duration_s=80.0, imo=imo, random_seed=1)
detectors = [
    lbs.DetectorInfo(name=f"d{i}", wafer="L02", sampling_rate_hz=19.53125, bandcenter_ghz=100.0 + 40 * i, bandwidth_ghz=30.0 + 12 * i) for i in range(3)
]
tods = [lbs.TodDescription("tod", lbs.Units.K_CMB, np.float32, "Signal")]
sim.create_observations(detectors=detectors, num_of_obs_per_detector=2, tods=tods)
sim.set_instrument(lbs.InstrumentInfo(name="test", spin_boresight_angle_rad=0.8))
sim.set_scanning_strategy(lbs.SpinningScanningStrategy(0.7, 0.001, 0.002))
sim.prepare_pointings(append_to_report=False)
for obs in sim.observations:
    obs.tod[:] = np.arange(obs.n_samples) * 1e-6
files = lbs.write_list_of_observations(sim.observations, path=here, tod_fields=["tod"])
for number, file in enumerate(files):
    main(["stream", "bolometer", str(here / f"cr{number}.h5"), "--inject", str(file), "--add-to", "tod", "--efficiency", "0.5"])
read = lbs.read_list_of_observations([here / f"cr{number}.h5" for number in range(2)], tod_fields=["tod", "cr"])
told = [[tod.units.name for tod in obs.tod_list if tod.name == "cr"] for obs in read]
np.savez(
    here / "read.npz",
    cr=np.concatenate([obs.cr for obs in read], axis=1),
    tod=np.concatenate([obs.tod for obs in read], axis=1),
    was=np.concatenate([obs.tod for obs in sim.observations], axis=1),
    units=[each[-1] for each in told],
    names=list(read[0].name),
    start=(read[0].start_time - astropy.time.Time("2032-07-01T00:00:00", scale="utc")).to_value("s"),
)
again = read[1]
assert lbs.write_list_of_observations([again], path=here / "again", tod_fields=["tod", "cr"]) if (here / "again").mkdir() is None else False
"""


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("litebird_sim") is None, reason="needs litebird_sim: pip install 'cloudchamber[litebird]'")
def test_litebird_sim_reads_back_what_was_added_to_its_own_files(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LITEBIRD, str(tmp_path)], env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    read = np.load(tmp_path / "read.npz")
    assert read["names"].tolist() == ["d0", "d1", "d2"] and set(read["units"]) == {"K_CMB"} and abs(float(read["start"])) < 1e-6
    power = WaferStream(detector=Detector(decimation=8)).make_at(0, 1, mjd_s("63414"), read["cr"].shape[1])[:3]
    kelvin = np.array([[watts_per_kelvin(100 + 40 * i, 30 + 12 * i, 0.5)] for i in range(3)])
    # the two observations are one stretch of the stream
    np.testing.assert_allclose(read["cr"], power / kelvin, rtol=2e-3, atol=1e-3 * (power / kelvin).std())
    np.testing.assert_allclose(read["tod"], read["was"] + read["cr"], rtol=1e-6, atol=1e-9)
