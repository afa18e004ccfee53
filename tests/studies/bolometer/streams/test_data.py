"""A stream of bolometers: the same bits from anywhere, those of a chain that never ended, and a Sun that changes."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from scipy.stats import chi2

from cloudchamber.hub import load
from cloudchamber.schema import events_in
from cloudchamber.stream import exact_rate, samples_between, start_s
from cloudchamber.studies.bolometer.detector import PLANCK, Detector
from cloudchamber.studies.bolometer.signal.chain import advance, start_chain
from cloudchamber.studies.bolometer.streams.data import SPAN_SAMPLES, WaferStream
from cloudchamber.studies.bolometer.streams.sun import Sun
from cloudchamber.studies.bolometer.wafer.hits import rates_per_s

FIRST = samples_between(156.25, start_s("2032-07-01"), start_s("2000-01-02"))[0]


@pytest.mark.parametrize(
    "stream",
    [WaferStream(), WaferStream(detector=Detector(decimation=5), noise_w=1e-17), WaferStream(detector=PLANCK), WaferStream(families=("absorber",))],
    ids=["wafer", "decimated", "planck", "seldom"],
)
def test_any_samples_have_the_bits_of_a_longer_piece(stream: WaferStream) -> None:
    samples = 9000 // stream.detector.decimation
    whole = stream.make(3, FIRST, FIRST + samples)
    assert whole.values.shape == (stream.detector.bolometers, samples) and whole.values.dtype == np.float32
    for low, high in ((0, 1), (1, samples // 2), (samples // 3, samples)):
        part = stream.make(3, FIRST + low, FIRST + high)
        assert np.array_equal(part.values, whole.values[:, low:high])
        inside = (whole.truth["time_s"] >= (FIRST + low) / stream.rate_hz) & (whole.truth["time_s"] < (FIRST + high) / stream.rate_hz)
        assert np.array_equal(part.truth["time_s"], whole.truth["time_s"][inside])
    assert not np.array_equal(stream.make(4, FIRST, FIRST + samples).values, whole.values)


def test_a_start_is_forgotten_to_the_last_bit() -> None:
    """A chain that has run for minutes, its state carried, gives what a piece gives that starts anew."""
    stream = WaferStream()
    spans = range(FIRST // SPAN_SAMPLES - 20, FIRST // SPAN_SAMPLES + 2)
    state = start_chain(stream.detector, spans.start * SPAN_SAMPLES)
    for drawn in stream.hits(1, spans):
        state, data = advance(state, drawn.starts, SPAN_SAMPLES, stream.detector)
    first = spans[-1] * SPAN_SAMPLES
    assert np.array_equal(stream.make(1, first, first + SPAN_SAMPLES).values, data.astype(np.float32))


def test_decimation_keeps_the_hits() -> None:
    full, kept = WaferStream(), WaferStream(detector=Detector(decimation=5))
    one, two = full.make(1, 5 * FIRST, 5 * FIRST + 5000), kept.make(1, FIRST, FIRST + 1000)
    assert np.array_equal(one.truth["time_s"], two.truth["time_s"])
    assert np.corrcoef(one.values[0, ::5], two.values[0])[0, 1] > 0.7


def test_the_rate_follows_the_sun() -> None:
    """Within one stream, from the minimum of 2009 to the maximum of 2014."""
    stream = WaferStream()
    seconds = SPAN_SAMPLES / 156.25
    for day in ("2009-07-01", "2011-07-01", "2014-07-01"):
        span = int(start_s(day) * 156.25) // SPAN_SAMPLES
        expected = float(rates_per_s(stream.detector, stream.rays, stream.phi_mv(np.array([span]))).sum()) * 8 * seconds
        found = sum(events_in(drawn.truth) for drawn in stream.hits(1, range(span, span + 8)))
        assert abs(found - expected) < 5 * np.sqrt(expected)
    assert stream.phi_mv(np.array([span]))[0] > 600


def test_each_wafer_has_its_own_hits_and_the_first_those_of_a_single_one() -> None:
    one, three = WaferStream(), WaferStream(wafers=3)
    alone, together = one.make(3, FIRST, FIRST + 3000), three.make(3, FIRST, FIRST + 3000)
    assert three.channels[12] == "wafer_1_bolometer_00" and together.values.shape == (36, 3000)
    assert np.array_equal(together.values[:12], alone.values)
    assert np.array_equal(together.values[24:], three.make_part(2, 3, FIRST, FIRST + 3000, truth=False).values)
    assert np.array_equal(np.unique(together.truth["wafer"]), [0, 1, 2])
    assert np.array_equal(together.truth["time_s"][together.truth["wafer"] == 0], alone.truth["time_s"])
    assert len(np.intersect1d(together.truth["time_s"][together.truth["wafer"] == 1], alone.truth["time_s"])) < 5
    with pytest.raises(ValueError, match=r"wafers: 0 is outside the allowed \[1, 10000\]"):
        WaferStream(wafers=0)


def test_samples_between_the_stream_s_own_are_those_of_the_same_pulses() -> None:
    """Beside the sum of all exponentials that began before, at the very times."""
    stream = WaferStream(detector=Detector(saturation_w=0.0))
    start = (FIRST + Fraction(2, 5)) / exact_rate(stream.rate_hz)
    found = stream.make_at(0, 2, start, 400)
    starts = stream.hits_between(2, FIRST - 400, FIRST + 401).starts
    begins = starts.time_s[:, None, None] + starts.delay_s
    for sample in (0, 1, 170, 399):
        age = float(start) + sample / stream.rate_hz - begins
        decayed = np.where(age >= 0, starts.amplitude_w * np.exp(-np.maximum(age, 0) / stream.detector.time_constants_s), 0.0)
        np.testing.assert_allclose(found[:, sample], decayed.sum(axis=(0, 2)), rtol=1e-4)


@pytest.mark.parametrize("late", [Fraction(0), Fraction(1, 3), Fraction(7, 8)])
def test_samples_at_any_times_join(late: Fraction) -> None:
    stream = WaferStream(detector=Detector(decimation=8))
    rate = exact_rate(stream.rate_hz)
    start = (FIRST // 8 + late) / rate
    whole = stream.make_at(0, 2, start, 700)
    assert np.array_equal(stream.make_at(0, 2, start + 300 / rate, 400), whole[:, 300:])
    if not late:
        assert np.array_equal(whole, stream.make(2, FIRST // 8, FIRST // 8 + 700).values)


@pytest.mark.parametrize("drawn_by", ["simulator", "packaged"])
def test_hits_follow_a_phi_that_changes_within_a_stream(drawn_by: str) -> None:
    """A block of time each two months from 2011 to 2020 of one stream: its hits are Poisson about the rate of its own phi, and of no constant one."""
    stream = WaferStream() if drawn_by == "simulator" else WaferStream().learned(load("bolometer/events"))
    seconds = SPAN_SAMPLES / 156.25
    spans = np.arange(int(start_s("2011-01-01") * 156.25), int(start_s("2020-01-01") * 156.25), int(60.9 * 86_400 * 156.25)) // SPAN_SAMPLES
    expected = rates_per_s(stream.detector, stream.rays, stream.phi_mv(spans)).sum(axis=0) * seconds
    found = np.array([events_in(drawn.truth) for span in spans.tolist() for drawn in stream.hits(5, range(span, span + 1))])
    assert expected.max() > 1.7 * expected.min()
    assert chi2.sf(np.sum((found - expected) ** 2 / expected), len(spans)) > 1e-6
    # one rate for all of the stream would not do
    assert chi2.sf(np.sum((found - found.mean()) ** 2 / found.mean()), len(spans)) < 1e-12


def test_times_that_cannot_be_made_are_refused() -> None:
    stream = WaferStream(sun=Sun(phi_mv=500.0))
    with pytest.raises(ValueError, match=r"start: too early: a stream of these pulses begins \d+ s after 2000-01-01"):
        stream.ready(10, 100)
    assert stream.ready(FIRST, FIRST + 100) == () and "forecast" in replace(stream, sun=Sun()).ready(FIRST, FIRST + 100)[0]
    with pytest.raises(ValueError, match=r"thickness_um: 1 is outside the allowed \[10, 5000\] um"):
        WaferStream(thickness_um=1.0)
    with pytest.raises(ValueError, match=r"families: 'slow' is none"):
        WaferStream(families=("slow",))


def test_noise_is_white_and_of_the_stated_size() -> None:
    quiet, noisy = (WaferStream(detector=PLANCK, noise_w=noise).make(3, FIRST, FIRST + 20_000, truth=False).values for noise in (0.0, 5e-17))
    noise = (noisy - quiet)[:, np.abs(quiet).max(axis=0) < 1e-14].astype(float)
    assert np.allclose(noise.std(axis=1), 5e-17, rtol=0.03) and abs(np.corrcoef(noise[:, 1:].ravel(), noise[:, :-1].ravel())[0, 1]) < 0.03
    with pytest.raises(ValueError, match="noise_w: -1 is outside"):
        WaferStream(noise_w=-1.0)
