"""The page of a stream's file: a stretch with its hits, spectra over the whole file, and the rate over the solar cycle. The file is read in pieces."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cloudchamber.report.figures import DASHED, SKY_BLUE, VERMILION, finish, legend, line, new_figure, patch
from cloudchamber.stream import Recorded, year_of
from cloudchamber.studies.bolometer.flux.cycle import MONITOR_PHI_MV
from cloudchamber.studies.bolometer.plots import correlations, stream_spectrum, stretch
from cloudchamber.studies.bolometer.signal.filters import Starts
from cloudchamber.studies.bolometer.signal.tes import invert
from cloudchamber.studies.bolometer.streams.sources import Drawn
from cloudchamber.studies.bolometer.streams.sun import interval
from cloudchamber.studies.bolometer.views.settings import made_families
from cloudchamber.studies.bolometer.wafer.hits import rates_per_s

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from cloudchamber.studies.bolometer.streams.data import WaferStream

Array = NDArray[Any]

STRETCH_S = 400.0
"""So much of the file's beginning is compared with its hits."""
LOOKED, LOOKED_SAMPLES = 200, 8192
"""Pieces from all over the file that the distributions are of."""
EDGES_AW = np.geomspace(1e-2, 1e8, 301)
CYCLE_YEARS = (2009.0, 2040.0)


def stream_page(stream: WaferStream, recorded: Recorded, seed: int) -> tuple[dict[str, str | int | float], dict[str, Figure]]:
    """Facts and figures of a file of this stream; of several wafers the first one's that is in it."""
    rate, first = stream.rate_hz, recorded.first
    stop = first + min(recorded.samples, round(STRETCH_S * rate))
    whole, recorded = recorded, OfWafer(recorded, stream.detector.bolometers)
    data, drawn = recorded.read(first, stop), stream.hits_between(seed, first, stop, recorded.wafer)
    rows, start_s, seconds, starts = list(recorded.rows), first / rate, (stop - first) / rate, drawn.starts
    hits = Starts(starts.time_s - start_s, starts.amplitude_w[:, rows], starts.delay_s[:, rows])
    looked = Looked(recorded)
    shown = min(data.shape[1], LOOKED_SAMPLES * 8)
    figures = {
        "A stretch of data": stretch(data[:, :shown], rate, hits.time_s, hits.height_w.max(axis=1, initial=0.0)),
        "Power spectrum": spectrum(stream, data, hits, seconds),
        "Amplitudes": _histogram(looked.counts, "power (aW)", f"Of {looked.samples:,} samples from all over the file, all bolometers together."),
        "Heights": heights(drawn, hits, seconds),
        "Correlations": correlations({"file": {"power_w": looked.pieces}}),
        "The solar cycle": cycle(stream, recorded),
    }
    years = year_of(np.array([first, first + recorded.samples]) / rate)
    phi = stream.sun.phi_at(years, stream.rays)
    facts: dict[str, str | int | float] = {
        "phi (MV)": f"{interval(*phi)} {stream.sun.words(float(years[1]))}",
        "hits a second at the start": len(starts.time_s) / seconds,
        "rms about the mean, all bolometers (aW)": 1e18 * float(np.sqrt(looked.variance.mean())),
    }
    if len(rows) < len(whole.rows):
        facts["figures are of"] = f"the {len(rows)} bolometers of wafer {recorded.wafer}"
    return facts, figures


def spectrum(stream: WaferStream, data: Array, hits: Starts, seconds: float) -> Figure:
    """Beside Campbell's theorem, which knows no sensor's response: where every sample was kept, the response is undone."""
    detector = stream.detector
    undone = detector.decimation == 1 and detector.saturation_w > 0 and data.max() < detector.saturation_w
    figure = stream_spectrum(detector, invert(np.asarray(data, float), detector.saturation_w) if undone else data, hits, seconds)
    words = "its response undone" if undone else "response and decimation as they are"
    return finish(figure, f"One-sided power spectrum of the first {seconds:.0f} s, mean of the bolometers, {words}; and Campbell's theorem of the same hits.")


class OfWafer:
    """The channels of a file that are of the wafer of its first one; ``rows`` are their places in that wafer."""

    def __init__(self, recorded: Recorded, bolometers: int) -> None:
        self.recorded, self.wafer = recorded, recorded.rows[0] // bolometers
        self.first, self.samples = recorded.first, recorded.samples
        self.kept = [place for place, row in enumerate(recorded.rows) if row // bolometers == self.wafer]
        self.rows = tuple(recorded.rows[place] % bolometers for place in self.kept)

    def read(self, first: int, stop: int) -> NDArray[np.float32]:
        """As the protocol says."""
        return self.recorded.read(first, stop)[self.kept]


class Looked:
    """What was seen of a file in pieces that are spread over it."""

    def __init__(self, recorded: Recorded) -> None:
        length = min(LOOKED_SAMPLES, recorded.samples)
        starts = np.unique(np.linspace(0, recorded.samples - length, min(LOOKED, -(-recorded.samples // length))).astype(int))
        self.counts, self.samples = np.zeros(len(EDGES_AW) - 1), len(starts) * length
        kept: list[Array] = []
        total = square = np.zeros(len(recorded.rows))
        for piece in self._pieces(recorded, starts, length):
            self.counts += np.histogram(1e18 * piece, EDGES_AW)[0]
            total, square = total + piece.mean(axis=1), square + (piece**2).mean(axis=1)
            if len(kept) < 20:
                kept.append(piece)
        self.variance = square / len(starts) - (total / len(starts)) ** 2
        self.pieces = np.array(kept)

    @staticmethod
    def _pieces(recorded: Recorded, starts: Array, length: int) -> Iterator[Array]:
        for start in starts.tolist():
            yield np.asarray(recorded.read(recorded.first + start, recorded.first + start + length), float)


def heights(drawn: Drawn, hits: Starts, seconds: float) -> Figure:
    """Pulses a second by their height in each bolometer, and by that in the one that sees most."""
    figure = new_figure(6.4, 4.2)
    axis = figure.subplots()
    each = 1e18 * hits.height_w
    for values, colour in ((each.ravel(), SKY_BLUE), (1e18 * np.asarray(drawn.truth["height_w"], float), VERMILION)):
        counts = np.histogram(values, EDGES_AW)[0] / seconds / np.diff(np.log(EDGES_AW))
        share = each.shape[1] if colour == SKY_BLUE else 1
        axis.stairs(counts / share, EDGES_AW, color=colour, fill=colour == SKY_BLUE, alpha=0.45 if colour == SKY_BLUE else 1.0)
    _ends(axis, np.histogram(each, EDGES_AW)[0])
    axis.set(xscale="log", yscale="log", xlabel="height of a pulse (aW)", ylabel="pulses a second and unit of ln(height)")
    legend(figure, [patch("a bolometer", SKY_BLUE, 0.45), line(VERMILION, "where it is highest")])
    return finish(figure, f"Heights of the {len(hits.time_s):,} hits of the first {seconds:.0f} s.")


def cycle(stream: WaferStream, recorded: Recorded) -> Figure:
    """Hits a second over the solar cycle; the file's time is marked."""
    start, end = year_of(np.array([recorded.first, recorded.first + recorded.samples]) / stream.rate_hz)
    known = not stream.sun.sunspots
    low, high = (min(CYCLE_YEARS[0], start), max(CYCLE_YEARS[1], end)) if known and stream.sun.forecast else (start, end)
    if known and stream.sun.phi_mv is None:
        low = max(low, float(min(MONITOR_PHI_MV)))
    year = np.linspace(low, high, 1000)
    phi = stream.sun.phi_at(year, stream.rays)
    made = [name in made_families(stream) for name in stream.detector.family_names]
    rate = rates_per_s(stream.detector, stream.rays, phi)[made].sum(axis=0)
    figure = new_figure(9.6, 3.8)
    axis = figure.subplots()
    foreseen = np.array([stream.sun.forecasts(float(each)) for each in year])
    axis.plot(year[~foreseen], rate[~foreseen], color=SKY_BLUE)
    axis.plot(year[foreseen], rate[foreseen], color=SKY_BLUE, linestyle=DASHED)
    axis.axvspan(start, max(end, start + 0.003 * (high - low)), color=VERMILION, alpha=0.6, linewidth=0)
    axis.set(xlabel="year", ylabel="hits a second", ylim=(0, 1.15 * rate.max()))
    axis.ticklabel_format(useOffset=False)
    legend(figure, [line(SKY_BLUE, "phi that is known"), line(SKY_BLUE, "a forecast", DASHED), patch("this file", VERMILION, 0.6)])
    return finish(figure, "Rate of hits of all families over the solar cycle, for the stream's flux.")


def _histogram(counts: Array, label: str, caption: str) -> Figure:
    figure = new_figure(6.4, 4.2)
    axis = figure.subplots()
    axis.stairs(counts / np.diff(EDGES_AW) / max(counts.sum(), 1), EDGES_AW, fill=True, color=SKY_BLUE, alpha=0.45)
    _ends(axis, counts)
    axis.set(xscale="log", yscale="log", xlabel=label, ylabel="density")
    return finish(figure, caption)


def _ends(axis: Any, counts: Array) -> None:
    seen = np.flatnonzero(counts)
    if len(seen):
        axis.set_xlim(EDGES_AW[seen[0]], EDGES_AW[seen[-1] + 1])
