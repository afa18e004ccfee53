"""Streams that cannot be: durations, starts, channels, rates and conditions, and files that hold something else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from bad_inputs.case import Case, World
from observations import write_observation


def cases() -> list[Case]:
    """Durations, starts, channels and rates of a stream, and files that hold something else."""
    begin = "stream toy {here}/a.h5"
    words, bolometer = f"{begin} --start 2030-01-01 --duration", "stream bolometer {here}/a.h5 --start 2012-01-01 --duration 1h"

    def text(world: World, here: Path) -> Path:
        (here / "a.h5").write_text("no HDF5")
        return here

    def columns(world: World, here: Path) -> Path:
        import h5py

        with h5py.File(here / "a.h5", "w") as file:
            file["tod"] = [1.0, 2.0]
        return here

    def sunspots(world: World, here: Path) -> Path:
        (here / "ssn.csv").write_text("year,sunspot_number\n2011,80\n2010,nan\n2013,60\n")
        return here / "ssn.csv"

    def observed(**changed: Any) -> Callable[[World, Path], Path]:
        return lambda world, here: write_observation(here / "obs.h5", **changed)

    def unlike(world: World, here: Path) -> Path:
        (here / "map.csv").write_text("detector,channel\n000_000_QA_140_T,bolometer_00\n")
        return write_observation(here / "obs.h5")

    def twice(world: World, here: Path) -> Path:
        (here / "map.csv").write_text("detector,channel\n000_000_QA_140_T,bolometer_00\n000_001_QA_140_T,bolometer_00\n")
        return write_observation(here / "obs.h5", 2)

    def quiet(world: World, here: Path) -> Path:
        import h5py

        with h5py.File(here / "a.h5", "w") as file:
            file.create_dataset("tod", data=[[0.0] * 2000]).attrs.update({"units": "W", "sampling_rate_hz": 180.3737})
        return here / "a.h5"

    def slow(world: World, here: Path) -> Path:
        import h5py
        import numpy as np

        with h5py.File(here / "a.h5", "w") as file:
            noise = 5e-17 * np.random.default_rng(1).standard_normal((1, 4000))
            noise[0, 2000:2006] += 4e-15
            file.create_dataset("tod", data=noise).attrs.update({"units": "W", "sampling_rate_hz": 100.0})
        return here / "a.h5"

    glitches = "infer bolometer {bad} --out {out} --format glitches"
    into = "stream bolometer {here}/out.h5 --inject {bad}"
    injections = [
        Case("injection into what is not there", "stream bolometer {here}/out.h5 --inject {here}/gone.h5", r"there is no file '.*gone\.h5'"),
        Case("injection into text", "stream bolometer {here}/out.h5 --inject {here}/a.h5", r"a\.h5' is not readable HDF5", text),
        Case("injection into columns", "stream bolometer {here}/out.h5 --inject {here}/a.h5", r"no data set with the attribute 'detectors'", columns),
        Case("injection into itself", "stream bolometer {bad} --inject {bad}", r"obs\.h5' is there already: an observation is copied", observed()),
        Case("injection into FITS", "stream bolometer {here}/out.fits --inject {bad}", r"an observation is HDF5, .h5 or .hdf5, not '.fits'", observed()),
        Case("injection by a stream without times", "stream toy {here}/out.h5 --inject {bad}", r"cannot be made at the times of an observation", observed()),
        Case("injection with a duration", f"{into} --duration 3d", r"--duration does not go with --inject", observed()),
        Case("injection options without", f"{words} 1min --efficiency 0.4", r"--efficiency goes with --inject"),
        Case("injection of a field that is there", f"{into} --field tod", r"has a data set 'tod' already, which is somebody else's: give --field", observed()),
        Case("injection of a field in a folder", f"{into} --field a/b", r"field: 'a/b' is no name of a data set", observed()),
        Case("injection to nothing", f"{into} --add-to tods", r"no data set 'tods' of detectors \(did you mean 'tod'\?\)", observed()),
        Case("injection without a band", into, r"detector '000_000_QA_140_T' has no band .* give --band-ghz CENTRE WIDTH", observed(bandcenter_ghz=0.0)),
        Case("injection with a band too wide", f"{into} --band-ghz 10 30", r"a band of 10 GHz, 30 GHz wide, is none", observed()),
        Case("injection with no efficiency", f"{into} --efficiency 0", r"efficiency: 0 is outside the allowed \(0, 1\]", observed()),
        Case("injection at too slow a rate", into, r"sampled at 1 Hz: 1 Hz cannot be made: .* from 2\.441 Hz on", observed(sampling_rate_hz=1.0)),
        Case("injection at seconds of no date", into, r"begins at 0 s of a time that it does not tell: give --start", observed(start_time=0.0, mjd_time=False)),
        Case("injection at two dates", f"{into} --start 2032-01-01", r"tells its own start: leave out --start", observed()),
        Case("injection of many detectors", into, r"detector '000_012_QA_140_T' is number 12 .* has 12 channels: set wafers", observed(count=13)),
        Case("injection of two wafers into one", into, r"of the wafers L0 and L1, and would share the hits of one", observed(wafer=lambda n: f"L{n % 2}")),
        Case("injection by a table of one", f"{into} --channels {{here}}/map.csv", r"map\.csv' says nothing of the detector '000_001_QA_140_T'", unlike),
        Case("injection by a table of one channel", f"{into} --channels {{here}}/map.csv", r"are one channel: their data would be the same", twice),
        Case("injection at many rates", into, r"obs\.h5', tod: sampling_rate_hz or mjd_time is none", observed(sampling_rate_hz=[31.25, 31.25])),
        Case("injection at many starts", into, r"obs\.h5', tod: start_time", observed(start_time=[0.0, 1.0], mjd_time=False)),
        Case("injection by no table", f"{into} --channels {{here}}/gone.csv", r"there is no file '.*gone\.csv'", observed()),
    ]
    streams = [
        Case("glitches in data without noise", glitches, "show no noise, so that no pulse is more significant", quiet),
        Case("glitches sampled at another rate than the trained one", glitches, "column 'rate_hz': 100 in event 0 .* is outside the trained range", slow),
        Case("glitches above no threshold", f"{glitches} --read.threshold 0", r"threshold: 0 is outside the allowed \[2, 1000\]", quiet),
        Case("glitches beside a list that is not there", f"{glitches} --read.truth {{here}}/no.csv", "there is no list of pulses", slow),
        Case(
            "stream of a run of another spectrum",
            f"{bolometer} --run bolometer/events --settings.rays.interstellar burger_usoskin_2000",
            "rays.interstellar is burger_usoskin_2000, and the run learned from events with corti_2019",
        ),
        Case("stream with its truth in its own file", f"{words} 1min --truth {{here}}/a.h5", r"truth: '.*a\.h5' is the stream's own file"),
        Case("stream of the first detector twice", f"{bolometer} --detectors 0-2,0", "detectors: 'bolometer_00' is named twice"),
        Case("stream of a seed beyond a file's head", f"{bolometer} --seed {2**64}", r"seed must be 9223372036854775807 at most"),
        Case("stream of a thin wafer", f"{bolometer} --settings.thickness-um 0.5", r"parsing settings: thickness_um: 0\.5 is outside the allowed"),
        Case("stream for no time", f"{words} 0d", r"duration: 0d is outside the allowed \(0, 20yr\]"),
        Case("stream for a negative time", f"{begin} --start 2030-01-01 --duration=-3d", r"duration: -3d is outside the allowed \(0, 20yr\]"),
        Case("stream for ages", f"{words} 1e9yr", r"duration: 1e9yr is outside the allowed"),
        Case("stream for a bare number", f"{words} 1060", r"'1060' has no unit, so that it may be samples or seconds or days: give one of s, min, h, d, yr"),
        Case("stream for another unit", f"{words} 3weeks", r"'3weeks' is none: give a number with one of the units s, min, h, d, yr"),
        Case("stream for words", f"{words} nan", r"'nan' is none"),
        Case("stream for less than a sample", f"{begin} --start 2030-01-01T00:00:00.01 --duration 0.05s", r"hold no sample at 10 Hz: give 0\.1 s at least"),
        Case(
            "stream beyond any disk",
            "stream bolometer {here}/a.h5 --start 2009-07-01 --duration 10yr --settings.detector.rate-hz 1e6",
            r"a\.h5'|needs [\d,]+ bytes \([\de+.]+ GB\), and [\d,]+ .* are free: give a shorter duration",
        ),
        Case("stream without a start", f"{begin} --duration 3d", r"give both: a duration such as 30d, and a start"),
        Case("stream of a file that is not there", begin, r"there is no file '.*a\.h5'"),
        Case("stream from no time", f"{begin} --duration 3d --start soon", r"start: 'soon' is no time: give a date such as 2032-07-01"),
        Case("stream from no day", f"{begin} --duration 3d --start 2030-02-30", r"start: '2030-02-30' is no time"),
        Case("stream from long ago", f"{begin} --duration 3d --start 1999-12-31", r"start: 1999-12-31 is outside the allowed \[2000-01-01, 2100-01-01\)"),
        Case("stream of a time that cannot be made", f"{begin} --duration 3d --start 2051-01-01", r"all has decayed by 2050"),
        Case("stream of another seed sign", f"{words} 1min --seed=-1", r"seed must not be negative"),
        Case("stream of an unknown tube", f"{words} 1min --detectors lefty", r"detectors: there is no 'lefty' \(did you mean 'left'\?\); there are 0 to 1"),
        Case("stream of a tube beyond", f"{words} 1min --detectors 0-2", r"detectors: there is no '0-2'"),
        Case("stream of a tube twice", f"{words} 1min --detectors 0,1,right", r"detectors: 'right' is named twice"),
        Case("stream into text", "stream toy {here}/a.csv --start 2030-01-01 --duration 1min", r"a stream is written into .h5, .hdf5, .fits, .fit, not '.csv'"),
        Case("stream into a file of something else", f"{words} 1min", r"a\.h5' is no file of a stream", text),
        Case("stream into a file of columns", f"{words} 1min", r"a\.h5' is no file of a stream .*: give another name", columns),
        Case("stream of a study without", "stream toy_sets {here}/a.h5 --start 2030-01-01 --duration 1min", r"the study 'toy_sets' offers no stream"),
        Case("stream of another name", f"{words} 1min --stream light", r"unknown stream 'light' \(did you mean 'lights'\?\)"),
        Case("stream of a setting out of range", f"{words} 1min --settings.light-pe 0", r"light_pe: 0 is outside the allowed \(0, 10000\) pe"),
        Case("stream by a run that it does not take", f"{words} 1min --run {{run}}", r"this stream takes no run"),
        Case("stream by no run", f"{words} 1min --run {{here}}/nowhere", r"no study and no run folder"),
        Case("stream on no executor", f"{words} 1min --executor slurm", r"no executor 'slurm'"),
        Case("stream of phi out of range", f"{bolometer} --settings.sun.phi-mv 2001", r"phi_mv: 2001 is outside the allowed \[0, 2000\] MV"),
        Case(
            "stream of a rate too low",
            f"{bolometer} --settings.detector.rate-hz 19",
            r"rate_hz: 19 is outside the allowed \[96\.46, 1e\+06\] Hz",
        ),
        Case("stream before phi is known", "stream bolometer {here}/a.h5 --start 2005-01-01 --duration 1h", r"year: 2005 is outside the allowed"),
        Case("stream after phi is known", "stream bolometer {here}/a.h5 --start 2032-01-01 --duration 1h --settings.sun.no-forecast", r"year: 2032 is outside"),
        Case("stream before the first hit", "stream bolometer {here}/a.h5 --start 2000-01-01 --duration 1h --settings.sun.phi-mv 500", r"start: too early"),
        Case("stream of sunspots that are none", f"{bolometer} --settings.sun.sunspots {{bad}}", r"sunspot_number|year", sunspots),
        Case(
            "stream by a run of another study",
            f"{bolometer} --run {{run}}",
            r"the run is of the study 'toy': a stream of bolometers needs",
        ),
    ]
    return [*injections, *streams]
