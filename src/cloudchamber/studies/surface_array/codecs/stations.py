"""An event of the array as numbers for networks: stations about the fitted axis with their records, or a patch of the grid; and what a network corrects.

Everything is measured from the parametric fit: distances from its axis, times from its plane front, the directions of the ground from its azimuth. So neither
the place of the shower nor its azimuth matters, and any array will do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import log, pi
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from cloudchamber.nn.codec import Codec, Tensors
from cloudchamber.nn.scale import Standardise
from cloudchamber.schema import Column
from cloudchamber.studies.surface_array.columns import BINS, HITS, PARTICLES, PULSES, SILENT
from cloudchamber.studies.surface_array.constants import LIGHT_M_NS
from cloudchamber.studies.surface_array.fit.ldf import DELAY_NS, FRONT_M, LATEST_SECANT, MOLIERE_M, OUTER_M, REFERENCE_M

DEGREE = pi / 180
FITTED = ("fit_zenith_deg", "fit_azimuth_deg", "fit_core_x_m", "fit_core_y_m", "fit_s800_vem", "fit_energy_ev", "fit_t0_ns", "fit_curvature")
QUALITY = ("fit_direction_error_deg", "fit_chi2_time", "fit_chi2_signal", "fit_ndf_time", "fit_ndf_signal", "fit_stations")
GIVEN = (*HITS, *SILENT, *PULSES, *FITTED, *QUALITY)
TARGET = ("particle", "zenith_deg", "azimuth_deg", "energy_ev", "core_x_m", "core_y_m", "xmax_g_cm2")
LEAST_ERROR_DEG, MOST_ERROR_DEG = 0.2, 10.0
PEDESTAL_COUNTS, SOFT_COUNTS = 5.5, 5.0
CLOCK_NS, SPREAD_NS, NEAR_M = 20.0, 1.5, 150.0
"""About how much times scatter: by the clocks, and by few particles at the distance of 30 m; the scale of a number that the network reads, no more."""
GLOBALS, PLAIN = 10, 25
"""Numbers of an element that are the event's, and all its numbers but the traces."""


@dataclass(frozen=True)
class Stations:
    """Settings of the codec that hands over the ``nearest`` stations to the fitted axis, silent ones too, with records of ``samples`` numbers a layer."""

    nearest: int = 20
    samples: int = 128

    def build(self, columns: Mapping[str, Column]) -> StationsCodec:
        """The codec of the columns ``GIVEN``."""
        check_columns(columns, GIVEN)
        if self.nearest < 1 or self.samples < 1 or BINS % self.samples:
            raise ValueError(f"nearest must be at least 1 and samples divide the {BINS} of a record, got {self}")
        return StationsCodec(self.nearest, self.samples)


class Frame(NamedTuple):
    """Stations seen from the fit, all (events, stations) in m: across the axis, in its vertical plane and out of it; along it, towards the sky; distance."""

    away: Tensor
    across: Tensor
    ahead: Tensor
    distance: Tensor


def frame(x: Tensor, y: Tensor, given: Tensors) -> Frame:
    """Positions (events, stations) in the frame of the fit; NaN stays."""
    zenith, azimuth = (given[f"fit_{name}_deg"][:, None] * DEGREE for name in ("zenith", "azimuth"))
    dx, dy = x - given["fit_core_x_m"][:, None], y - given["fit_core_y_m"][:, None]
    along, across = dx * azimuth.cos() + dy * azimuth.sin(), dy * azimuth.cos() - dx * azimuth.sin()
    away = along * zenith.cos()
    return Frame(away, across, along * zenith.sin(), (away.square() + across.square()).sqrt())


def ln_expected(distance: Tensor, given: Tensors) -> Tensor:
    """ln of the density that the fitted lateral distribution gives at distances (events, stations); ``ldf.ln_ldf`` has the source."""
    secant = (1 / (given["fit_zenith_deg"] * DEGREE).cos().clamp_min(1e-3)).clamp_max(LATEST_SECANT)[:, None]
    r, eta = distance.clamp_min(10.0), 3.97 - 1.79 * (secant - 1)
    near, middle, far = r / REFERENCE_M, (MOLIERE_M + r) / (MOLIERE_M + REFERENCE_M), (OUTER_M**2 + r * r) / (OUTER_M**2 + REFERENCE_M**2)
    return given["fit_s800_vem"][:, None].clamp_min(1e-6).log() - 1.2 * near.log() - (eta - 1.2) * middle.log() - 0.6 * far.log()


class StationsCodec(Codec):
    """See ``Stations``: (events, nearest * size), a station with ``PLAIN`` numbers and two traces; zeros where there are fewer stations.

    The numbers: 1 for a station, 1 for a record, where it is, its signal against the fit's, its times against the fit's front, and the event's own numbers.
    """

    def __init__(self, nearest: int, samples: int) -> None:
        super().__init__()
        self.nearest, self.samples, self.size = nearest, samples, PLAIN + 2 * samples

    def fit(self, columns: Tensors, given: Tensors) -> None:
        """Nothing to learn: all scales are fixed."""

    def encode(self, columns: Tensors, given: Tensors) -> Tensor:
        return self.stations(columns)[0].flatten(1)

    def stations(self, columns: Tensors) -> tuple[Tensor, Tensor, Tensor]:
        """The nearest stations, (events, nearest, size), and their x and y, (events, nearest)."""
        hits = columns["station_x_m"].shape[1]
        x, y = (torch.cat((columns[f"station_{axis}_m"], columns[f"silent_{axis}_m"]), 1).float() for axis in "xy")
        place = frame(x, y, columns)
        usable = torch.cat((columns["pulse_use"] > 0, torch.isfinite(columns["silent_x_m"])), 1)
        distance = F.pad(torch.where(usable, place.distance, torch.inf), (0, max(self.nearest - usable.shape[1], 0)), value=torch.inf)
        nearest, chosen = distance.topk(self.nearest, 1, largest=False)
        there, chosen = torch.isfinite(nearest), chosen.clamp_max(usable.shape[1] - 1)
        recorded, hit = there & (chosen < hits), chosen.clamp_max(hits - 1)
        marks = torch.stack((there.float(), recorded.float()), 2)
        places = torch.stack(self._places(place, chosen, nearest), 2)
        event = _event_numbers(columns)[:, None].expand(-1, self.nearest, -1)
        record = torch.cat((torch.stack(self._pulses(columns, place, chosen, hit), 2), self._traces(columns["waveform"], hit)), 2)
        pulses, traces = torch.where(recorded[..., None], record, 0.0).split((record.shape[2] - 2 * self.samples, 2 * self.samples), 2)
        numbers = torch.where(there[..., None], torch.cat((marks, places[..., :2], pulses, places[..., 2:], event, traces), 2), 0.0)
        return numbers, x.gather(1, chosen), y.gather(1, chosen)

    def _places(self, place: Frame, chosen: Tensor, nearest: Tensor) -> tuple[Tensor, ...]:
        """Across the axis in km first."""
        away, across, ahead = (values.gather(1, chosen) / 1000 for values in place[:3])
        return away, across, ahead, nearest / 1000, (nearest.clamp_min(10.0) / REFERENCE_M).log()

    def _pulses(self, columns: Tensors, place: Frame, chosen: Tensor, hit: Tensor) -> tuple[Tensor, ...]:
        density, time, use = (columns[name].gather(1, hit) for name in ("pulse_density", "pulse_time_ns", "pulse_use"))
        front = columns["fit_t0_ns"][:, None].float() - place.ahead.gather(1, chosen) / LIGHT_M_NS
        late, distance = time - front, place.distance.gather(1, chosen)
        expected, s800 = ln_expected(distance, columns), columns["fit_s800_vem"][:, None].clamp_min(1e-6)
        spread = (1 + distance.clamp_min(NEAR_M) / FRONT_M) ** 1.5
        residual = late - DELAY_NS * columns["fit_curvature"][:, None] * spread * (0.5 * (s800.log() - expected)).exp()
        sigma = (CLOCK_NS**2 + (SPREAD_NS * spread * density.clamp_min(0.1) ** -0.3).square()).sqrt()
        start = columns["start_ns"].gather(1, hit).float() - front
        return (
            # slopes of a plane through these are directions off the fit's, in units of its error
            (residual * (LIGHT_M_NS / 1000) / _error_rad(columns)[:, None]).clamp(-30, 30),
            torch.log1p(density),
            ((density + 0.1).log() - (expected.exp() + 0.1).log()).clamp(-5, 5),
            (use < 2).float(),
            _compressed(late / 100),
            _compressed(residual / 50),
            (residual / sigma).clamp(-5, 5),
            _compressed(start / 500),
        )

    def _traces(self, waveform: Tensor, hit: Tensor) -> Tensor:
        counts = waveform.gather(1, hit[..., None, None].expand(-1, -1, *waveform.shape[2:])).float() - PEDESTAL_COUNTS
        counts = counts.unflatten(3, (self.samples, -1)).mean(4)
        return (_compressed(counts / SOFT_COUNTS) / 2).flatten(2)

    def decode(self, flat: Tensor, given: Tensors) -> Tensors:
        raise ValueError("an event's stations are what is given: this codec does not decode")

    def log_det(self, columns: Tensors, given: Tensors) -> Tensor:
        raise ValueError("an event's stations are what is given: a set of stations has no density here")


def _event_numbers(columns: Tensors) -> Tensor:
    """The fit's answers and how good it is, (events, GLOBALS)."""
    cosine = (columns["fit_zenith_deg"].float() * DEGREE).cos().clamp_min(0.1)
    ln_s800 = columns["fit_s800_vem"].float().clamp_min(1e-3).log()
    chi2 = [torch.log1p(columns[f"fit_chi2_{part}"].float() / columns[f"fit_ndf_{part}"].float().clamp_min(1)) for part in ("time", "signal")]
    numbers = (
        1 / cosine - 1,
        (cosine - 0.85) * 5,
        ln_s800 / 2 - 1,
        columns["fit_energy_ev"].float().clamp_min(1e15).log() - 19 * log(10),
        torch.log1p(columns["fit_curvature"].float().clamp_min(0)),
        columns["fit_direction_error_deg"].float().clamp(LEAST_ERROR_DEG, MOST_ERROR_DEG).log(),
        *chi2,
        (columns["fit_stations"].float().clamp_min(1)).log() - 2,
        (columns["fit_ndf_signal"].float() <= 0).float(),
    )
    return torch.stack(numbers, 1)


@dataclass(frozen=True)
class Corrections:
    """Settings of the codec of what a network corrects: the columns ``TARGET``, measured from the fit."""

    def build(self, columns: Mapping[str, Column]) -> CorrectionsCodec:
        """The codec of the columns ``TARGET``, or of these without ``particle``."""
        check_columns(columns, TARGET if "particle" in columns else TARGET[1:])
        return CorrectionsCodec("particle" in columns)


class CorrectionsCodec(Codec):
    """See ``Corrections``: one-hot particle; arrival direction on the plane that touches the sphere at the fit's (gnomonic), in units of the fit's own error;
    ln of the energy over the fit's; core from the fit's, in and across its azimuth; Xmax.
    """

    def __init__(self, classes: bool) -> None:
        super().__init__()
        self.classes = len(PARTICLES) if classes else 0
        self.size = self.classes + 6
        self.scale = Standardise(6)

    def fit(self, columns: Tensors, given: Tensors) -> None:
        self.scale.fit(self._numbers(columns, given))

    def encode(self, columns: Tensors, given: Tensors) -> Tensor:
        numbers: Tensor = self.scale(self._numbers(columns, given))
        if not self.classes:
            return numbers
        return torch.cat(((columns["particle"][:, None] == torch.arange(self.classes, device=numbers.device)).float(), numbers), 1)

    def decode(self, flat: Tensor, given: Tensors) -> Tensors:
        label, numbers = flat.split((self.classes, 6), 1)
        u, v, ln_energy, along, across, xmax = self.scale.inverse(numbers).unbind(1)
        error = _error_rad(given)
        zenith, azimuth = _angles(given)
        # towards the sky, away from the vertical, and across
        toward, away, side = 1.0, (u * error).clamp(-3, 3), (v * error).clamp(-3, 3)
        up = toward * zenith.cos() - away * zenith.sin()
        flat_away = toward * zenith.sin() + away * zenith.cos()
        turn = torch.atan2(side, flat_away)
        columns = {
            "zenith_deg": (torch.atan2((flat_away.square() + side.square()).sqrt(), up) / DEGREE).clamp(0, 90),
            "azimuth_deg": given["fit_azimuth_deg"] + turn / DEGREE,
            "energy_ev": (given["fit_energy_ev"].double().log() + ln_energy.double()).clamp(log(1e17), log(1e22)).exp(),
            "core_x_m": given["fit_core_x_m"] + along * azimuth.cos() - across * azimuth.sin(),
            "core_y_m": given["fit_core_y_m"] + along * azimuth.sin() + across * azimuth.cos(),
            "xmax_g_cm2": xmax.clamp(0, 3000),
        }
        return ({"particle": label.argmax(1)} if self.classes else {}) | columns

    def log_det(self, columns: Tensors, given: Tensors) -> Tensor:
        """ln|d flat / d columns|, (events,): per degree of zenith and azimuth, eV, m and g/cm2; the class counts with its probability."""
        zenith, _ = _angles(columns, "")
        cosine = self._direction(columns, given)[2]
        solid_angle = zenith.sin().clamp_min(1e-12).log() + 2 * log(DEGREE) - 3 * cosine.clamp_min(1e-3).log() - 2 * _error_rad(given).log()
        return self.scale.log_det() + solid_angle - columns["energy_ev"].double().log().float()

    def _numbers(self, columns: Tensors, given: Tensors) -> Tensor:
        away, side, cosine = self._direction(columns, given)
        error, (_, azimuth) = _error_rad(given), _angles(given)
        dx, dy = (columns[f"core_{axis}_m"].float() - given[f"fit_core_{axis}_m"].float() for axis in "xy")
        cosine = cosine.clamp_min(0.05)
        return torch.stack(
            (
                away / cosine / error,
                side / cosine / error,
                (columns["energy_ev"].double().log() - given["fit_energy_ev"].double().log()).float(),
                dx * azimuth.cos() + dy * azimuth.sin(),
                dy * azimuth.cos() - dx * azimuth.sin(),
                columns["xmax_g_cm2"].float(),
            ),
            1,
        )

    @staticmethod
    def _direction(columns: Tensors, given: Tensors) -> tuple[Tensor, Tensor, Tensor]:
        """The true direction away from the vertical at the fit's, across, and along the fit's."""
        zenith, azimuth = _angles(columns, "")
        fit_zenith, fit_azimuth = _angles(given)
        turn = azimuth - fit_azimuth
        flat, side, up = zenith.sin() * turn.cos(), zenith.sin() * turn.sin(), zenith.cos()
        return flat * fit_zenith.cos() - up * fit_zenith.sin(), side, flat * fit_zenith.sin() + up * fit_zenith.cos()


def _compressed(values: Tensor) -> Tensor:
    """Linear near zero, logarithmic far from it, of either sign."""
    return values.sign() * torch.log1p(values.abs())


def _angles(columns: Tensors, prefix: str = "fit_") -> tuple[Tensor, Tensor]:
    return columns[f"{prefix}zenith_deg"].float() * DEGREE, columns[f"{prefix}azimuth_deg"].float() * DEGREE


def _error_rad(given: Tensors) -> Tensor:
    return given["fit_direction_error_deg"].float().clamp(LEAST_ERROR_DEG, MOST_ERROR_DEG) * DEGREE


def check_columns(columns: Mapping[str, Column], needed: tuple[str, ...]) -> None:
    """ValueError unless the columns are those ``needed``, in this order."""
    if tuple(columns) != needed:
        raise ValueError(f"this codec maps the columns {', '.join(needed)}, got: {', '.join(columns)}")
