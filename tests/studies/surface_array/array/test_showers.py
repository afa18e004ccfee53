import numpy as np
import pytest
from scipy.stats import kstest

from cloudchamber.physics.gumbel import gumbel_mean
from cloudchamber.schema import take
from cloudchamber.studies.surface_array.array.showers import Showers, draw_ln_muon_scale, draw_xmax_g_cm2
from cloudchamber.studies.surface_array.columns import PARTICLES

N = 4000


def test_distributions_of_the_prior() -> None:
    theta = Showers(zenith_max_deg=60.0).draw(N, (1200.0, 1000.0), np.random.default_rng(1))
    assert np.bincount(theta["particle"], minlength=5) == pytest.approx(N / 5, abs=5 * np.sqrt(N / 5))
    assert kstest(np.log10(theta["energy_ev"]), "uniform", (18, 2.5)).pvalue > 1e-6
    assert kstest(np.sin(np.radians(theta["zenith_deg"])) ** 2, "uniform", (0, 0.75)).pvalue > 1e-6
    assert kstest(theta["azimuth_deg"], "uniform", (-180, 360)).pvalue > 1e-6
    assert kstest(theta["core_x_m"], "uniform", (-600, 1200)).pvalue > 1e-6
    assert kstest(theta["core_y_m"], "uniform", (-500, 1000)).pvalue > 1e-6


def test_shares_and_names() -> None:
    theta = Showers(particles=("Fe", "p"), shares=(3.0, 1.0)).draw(N, (1200.0, 1200.0), np.random.default_rng(2))
    assert set(theta["particle"]) == {PARTICLES.index("Fe"), PARTICLES.index("p")}
    assert np.mean(theta["particle"] == PARTICLES.index("Fe")) == pytest.approx(0.75, abs=0.035)


@pytest.mark.parametrize(("mass", "mean", "spread"), [(1, 1.0, 0.15), (56, 56**0.08, 0.045), (0, 1 / 8, 0.3)])
def test_numbers_of_muons(mass: int, mean: float, spread: float) -> None:
    values = draw_ln_muon_scale(np.full(N, float(mass)), np.random.default_rng(3))
    assert np.exp(values).mean() == pytest.approx(mean, rel=5 * spread / np.sqrt(N))
    assert values.std() == pytest.approx(spread, rel=0.06)


def test_xmax_of_nuclei_and_photons() -> None:
    rng = np.random.default_rng(4)
    proton, photon = (draw_xmax_g_cm2(np.full(N, float(mass)), np.full(N, 18.5), np.full(N, 0.8), "QGSJetII-04", rng) for mass in (1, 0))
    assert proton.mean() == pytest.approx(gumbel_mean(0.0, 18.5, "QGSJetII-04"), abs=5 * proton.std() / np.sqrt(N))
    # cascade theory, and what the Landau-Pomeranchuk-Migdal effect adds: little here, much at 10^20 eV
    theory = 36.62 * (np.log(10**18.5 / 87.92e6) + 0.5)
    assert photon.mean() == pytest.approx(theory + 5, abs=10)
    delayed = draw_xmax_g_cm2(np.zeros(N), np.full(N, 20.0), np.full(N, 0.8), "QGSJetII-04", rng)
    assert delayed.mean() > theory + 36.62 * 1.5 * np.log(10) + 50


def test_shifts_move_every_shower() -> None:
    plain, shifted = (
        Showers(xmax_shift_g_cm2=xmax, ln_muon_shift=muons).draw(50, (1200.0, 1200.0), np.random.default_rng(5)) for xmax, muons in ((0, 0), (20, 0.2))
    )
    assert shifted["xmax_g_cm2"] - plain["xmax_g_cm2"] == pytest.approx(20, abs=1e-3)
    assert shifted["ln_muon_scale"] - plain["ln_muon_scale"] == pytest.approx(0.2, abs=1e-5)
    same = [name for name in plain if name not in ("xmax_g_cm2", "ln_muon_scale")]
    assert all(np.array_equal(take(plain, slice(None))[name], shifted[name]) for name in same)


@pytest.mark.parametrize(
    "settings",
    [
        {"particles": ("muon",)},
        {"particles": ()},
        {"shares": (1.0,)},
        {"shares": (0.0,) * 5},
        {"lg_energy_ev": (19.0, 18.0)},
        {"zenith_max_deg": 70.0},
        {"hadronic_model": "PYTHIA"},
        {"xmax_shift_g_cm2": float("nan")},
        {"ln_muon_shift": 9.0},
    ],
)
def test_bad_settings_are_named(settings: dict) -> None:
    with pytest.raises(ValueError, match=next(iter(settings))):
        Showers(**settings)
