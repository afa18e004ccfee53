"""The simulated array against Telescope Array's: signals, delays, trigger."""

import math

import numpy as np
import pytest
from numba import njit

from cloudchamber.schema import Table
from cloudchamber.studies.surface_array.array.detector import Detector
from cloudchamber.studies.surface_array.array.grid import Grid
from cloudchamber.studies.surface_array.array.kernel import draw_station, which_trigger
from cloudchamber.studies.surface_array.array.lateral import footprints, s800_vem_m2
from cloudchamber.studies.surface_array.array.response import BUFFER, electronics
from cloudchamber.studies.surface_array.array.showers import Showers
from cloudchamber.studies.surface_array.array.simulator import SurfaceArray
from cloudchamber.studies.surface_array.constants import LIGHT_M_NS
from cloudchamber.studies.surface_array.fit.ldf import delay_ns, ln_ldf, mean_curvature, slope


@njit
def ring(r, zenith, turn, footprint, density_g_cm2_m, electronics, rng):  # type: ignore[no-untyped-def]
    """A station at ``r`` from each shower's axis: energy loss and area of the record [VEM, mean of the layers], first arrival after the plane front [ns]."""
    pulses, record, losses = np.empty((2, 2, BUFFER)), np.zeros((2, electronics.bins), np.uint16), np.zeros(2)
    result = np.zeros((len(zenith), 3))
    for i in range(len(zenith)):
        losses[:] = 0.0
        along = r * math.tan(zenith[i]) * math.cos(turn[i])
        f = footprint
        shower = (f.s800[i], f.muon_share[i], f.muon_scale[i], f.eta[i], f.beyond_g_cm2[i], f.mean_beyond_g_cm2[i], f.distance_m[i])
        start, _, first = draw_station(r, along, density_g_cm2_m, shower, 1 / math.cos(zenith[i]), pulses, record, losses, electronics, rng)
        recorded = not math.isnan(start)
        area = record.sum() - record.size * electronics.pedestal_counts if recorded else 0.0
        result[i, 0], result[i, 1] = losses.mean(), area / 100.0
        result[i, 2] = first - along / LIGHT_M_NS if recorded else math.nan
    return result


def stations_at(r: float, n: int, particle: str = "p") -> tuple[Table, np.ndarray, np.ndarray, np.ndarray]:
    """Theta of showers of 10^19 to 10^20 eV, what a station at ``r`` from their axes sees, and S800 and ln LDF of the mean shower."""
    rng = np.random.default_rng(int(r))
    grid = Grid()
    theta = Showers(particles=(particle,), lg_energy_ev=(19.0, 20.0)).draw(n, grid.cell_m, rng)
    zenith = np.radians(theta["zenith_deg"].astype(float))
    # no saturation: what is tested are the particles
    constants = electronics(Detector(saturation_counts=65_535))
    seen = ring(r, zenith, rng.uniform(0, 2 * np.pi, n), footprints(theta, grid), grid.density_g_cm2_m, constants, rng)
    ln_ratio = np.array([ln_ldf(r, slope(1 / math.cos(angle))) for angle in zenith])
    return theta, seen, s800_vem_m2(theta["energy_ev"], theta["zenith_deg"]), ln_ratio


@pytest.mark.parametrize("r", [500.0, 700.0, 1000.0, 1200.0, 1500.0])
def test_mean_signal_follows_the_lateral_distribution(r: float) -> None:
    """Protons, to 5 %: energy loss of the particles, and area of the records; stations without a record count as zero."""
    _, seen, s800, ln_ratio = stations_at(r, 4000)
    expected = Detector().area_m2 * s800 * np.exp(ln_ratio)
    assert np.mean(seen[:, 0] / expected) == pytest.approx(1.0, abs=0.05)
    assert np.mean(seen[:, 1] / expected) == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("r", [800.0, 1050.0, 1350.0, 1700.0])
def test_median_delay_is_telescope_arrays(r: float) -> None:
    """Protons, to 20 %: first particle after the plane front, over the standard fit's mean delay at its mean curvature."""
    theta, seen, s800, ln_ratio = stations_at(r, 4000)
    curvature = np.array([1.3 * mean_curvature(float(angle)) for angle in theta["zenith_deg"]]) / np.sqrt(s800)
    usual = np.array([delay_ns(r, ratio, a) for ratio, a in zip(ln_ratio, curvature, strict=True)])
    recorded = np.isfinite(seen[:, 2])
    assert np.median(seen[recorded, 2]) == pytest.approx(np.median(usual[recorded]), rel=0.20)


def test_primaries_differ_as_they_should() -> None:
    """At 800 m iron's signal is near the proton's, a photon's a third less; at 1500 m iron has more, its front is earlier and the photon's later."""
    near = {name: stations_at(800.0, 2500, name) for name in ("p", "Fe", "gamma")}
    far = {name: stations_at(1500.0, 2500, name) for name in ("p", "Fe", "gamma")}
    ratio = {name: np.mean(seen[:, 0] / (3 * s800 * np.exp(ln_ratio))) for name, (_, seen, s800, ln_ratio) in near.items()}
    assert ratio["Fe"] == pytest.approx(ratio["p"], rel=0.08)
    assert 0.5 < ratio["gamma"] / ratio["p"] < 0.8
    delay = {name: np.nanmedian(seen[:, 2]) for name, (_, seen, _, _) in far.items()}
    assert delay["Fe"] < 0.9 * delay["p"] < 0.7 * delay["gamma"]


@pytest.mark.parametrize(
    ("particle", "lg_energy", "low", "high"),
    [
        ("p", 18.0, 0.03, 0.15),
        ("p", 18.45, 0.35, 0.65),
        ("p", 18.5, 0.40, 0.70),
        ("p", 19.0, 0.93, 0.99),
        ("p", 19.5, 0.985, 1.0),
        ("Fe", 18.0, 0.04, 0.20),
        ("Fe", 18.45, 0.45, 0.70),
        ("Fe", 18.9, 0.94, 1.0),
        ("gamma", 18.5, 0.20, 0.50),
    ],
)
def test_trigger_efficiency(particle: str, lg_energy: float, low: float, high: float) -> None:
    array = SurfaceArray(showers=Showers(particles=(particle,), lg_energy_ev=(lg_energy, lg_energy)))
    rng = np.random.default_rng(6)
    theta = array.showers.draw(700, array.grid.cell_m, rng)
    assert low < which_trigger(*array._compiled(theta), rng).mean() < high


def test_layers_agree_within_what_particles_allow() -> None:
    """Layers share most particles: at some 20 MIP their difference is well below that of independent Poisson counts."""
    array = SurfaceArray(showers=Showers(particles=("p", "Fe"), lg_energy_ev=(19.0, 19.5)))
    x = array.simulate(array.prior(300, np.random.default_rng(7)), np.random.default_rng(8))
    upper, lower = ((x["waveform"].values[:, layer] - 5.5).sum(axis=1) / 50.0 for layer in range(2))
    mean = 0.5 * (upper + lower)
    some = (mean > 10) & (mean < 40)
    pull = (upper - lower)[some] / np.sqrt(2 * mean[some])
    assert 0.4 < pull.std() < 0.9
