from __future__ import annotations

import numpy as np
import pytest

from cloudchamber.physics.atmosphere import density_along_track_g_cm3
from cloudchamber.rng import rng
from cloudchamber.studies.airshower.hybrid.em_cascade import ELECTRON, PHOTON, em_shower, lpm_bremsstrahlung, lpm_pair, photonuclear_cross_section_mb
from cloudchamber.studies.airshower.hybrid.em_cross_sections import RADIATION_LENGTH_G_CM2
from cloudchamber.studies.airshower.hybrid.em_table import EmTable, build_em_table

STEP = 10.0


@pytest.fixture(scope="module")
def table() -> EmTable:
    return build_em_table(nodes_per_decade=10)


def shower(table: EmTable, kind: int, energy: float, threshold: float, generator: np.random.Generator, density: np.ndarray, nuclear_rows: int = 0):
    """Charged number, deposit, energy accounted for, and the photonuclear rows."""
    source = np.zeros((2, len(table.energy_gev), len(density)))
    charged, deposit, in_flight, nuclear = np.zeros(len(density)), np.zeros(len(density)), np.zeros(len(density)), np.zeros((nuclear_rows, 2))
    used, _ = em_shower(
        kind, energy, 0.0, threshold, STEP, density, table.energy_gev, source[PHOTON], source[ELECTRON], charged, deposit, in_flight, nuclear, generator
    )
    sourced = float(np.einsum("keh,e->", source, table.energy_gev))
    total = sourced + STEP * deposit.sum() + in_flight[-1] + nuclear[:used, 0].sum()
    mean_charged, mean_deposit, _ = table.evaluate(source)
    return charged + mean_charged, deposit + mean_deposit, total, nuclear[:used]


def vertical(table: EmTable) -> np.ndarray:
    return density_along_track_g_cm3(np.array([0.0]), table.depth_g_cm2)[0]


@pytest.mark.parametrize("kind", [PHOTON, ELECTRON])
@pytest.mark.parametrize("nuclear_rows", [0, 20])
def test_energy_closes(table, kind, nuclear_rows):
    generator = rng(1, kind, nuclear_rows)
    for energy in (1e6, 1e8, 1e11):
        for _ in range(20):
            total = shower(table, kind, energy, 0.003 * energy, generator, vertical(table), nuclear_rows)[2]
            assert total == pytest.approx(energy, rel=1e-6)


def test_electron_xmax_is_near_conex(table):
    # CONEX: 741.8 g/cm2 at 1e17 eV
    generator = rng(2)
    density = vertical(table)
    depths = []
    for _ in range(3000):
        charged = shower(table, ELECTRON, 1e8, 3e6, generator, density)[0]
        top = int(np.argmax(charged))
        left, middle, right = charged[top - 1 : top + 2]
        depths.append(table.depth_g_cm2[top] + 0.5 * STEP * (left - right) / (left - 2.0 * middle + right))
    assert np.mean(depths) == pytest.approx(741.8, abs=5.0)
    assert 33.0 < np.std(depths) < 43.0


def test_threshold_does_not_matter(table):
    means = []
    for threshold in (0.03, 0.005):
        generator = rng(3, int(threshold * 1000))
        means.append(np.mean([shower(table, PHOTON, 1e7, threshold * 1e7, generator, vertical(table))[1] for _ in range(1000)], axis=0))
    near = means[0] > 0.5 * means[0].max()
    np.testing.assert_allclose(means[0][near], means[1][near], rtol=0.1)


def test_mean_shower_is_the_table(table):
    # without the LPM effect, in very thin air, the Monte Carlo averages to the matrix method
    generator = rng(4)
    thin = np.full(len(table.depth_g_cm2), 1e-12)
    profiles = np.array([shower(table, ELECTRON, 1e7, 1e5, generator, thin)[0] for _ in range(2000)])
    expected = table.n_electron[ELECTRON, 100].astype(float)
    checked = slice(30, 100)
    error = profiles.std(axis=0)[checked] / np.sqrt(len(profiles))
    assert np.abs((profiles.mean(axis=0)[checked] - expected[checked]) / np.hypot(error, 0.003 * expected[checked])).max() < 5.0


def test_first_pair_is_nine_sevenths_of_a_radiation_length_down():
    energies = np.logspace(-3, 11, 141)
    depths, in_flight = [], np.zeros(261)
    generator = rng(5)
    for _ in range(20_000):
        source = np.zeros((2, 141, 261))
        _, first = em_shower(
            PHOTON,
            1e4,
            0.0,
            1e4,
            STEP,
            np.full(261, 1e-3),
            energies,
            source[0],
            source[1],
            np.zeros(261),
            np.zeros(261),
            in_flight,
            np.zeros((0, 2)),
            generator,
        )
        assert STEP * (source[1].sum(axis=0) @ np.arange(261)) / source[1].sum() == pytest.approx(first)
        depths.append(first)
    free_path = 1.0 / (7.0 / 9.0 - 0.02370 / 6.0) * RADIATION_LENGTH_G_CM2
    assert np.mean(depths) == pytest.approx(free_path, abs=5.0 * free_path / np.sqrt(20_000))
    # the photons still in flight at each grid point
    np.testing.assert_array_equal(in_flight, 1e4 * np.count_nonzero(np.array(depths)[:, None] >= STEP * np.arange(261), axis=0))


def test_lpm_effect_needs_high_energy_and_dense_air():
    assert lpm_pair(1e6, 0.5, 1e-3) == 1.0
    assert lpm_bremsstrahlung(1e6, 0.5, 1e-3) == pytest.approx(1.0, abs=1e-3)
    shares = [lpm_bremsstrahlung(1e10, y, 1e-3) for y in (0.001, 0.01, 0.1, 0.5)]
    assert shares == sorted(shares)
    assert lpm_pair(1e11, 0.5, 1e-3) < 0.6 < lpm_pair(1e11, 0.5, 1e-5)
    # Migdal's limit of strong suppression: xi = 2, phi = 6 s, and s = sqrt(E_LPM y / (8 E (1 - y) xi)) with E_LPM = 7.7 TeV/cm X0
    y, energy, density = 1e-6, 1e11, 1e-3
    s = np.sqrt(7.7e3 * RADIATION_LENGTH_G_CM2 / density * y / (8.0 * energy * 2.0))
    assert lpm_bremsstrahlung(energy, y, density) == pytest.approx(12.0 * s, rel=0.02)


def test_photonuclear_cross_section_rises_from_measured_values():
    # 0.115 mb a proton at 100 GeV, 11.4 nucleons' worth in air
    assert 1.25 < photonuclear_cross_section_mb(100.0) < 1.6
    assert 2.5 < photonuclear_cross_section_mb(1e8) / photonuclear_cross_section_mb(100.0) < 3.2


def test_photonuclear_interactions_have_their_share():
    table_energies = np.logspace(-3, 11, 141)
    generator, count, photons = rng(6), 0, 20_000
    for _ in range(photons):
        source, nuclear = np.zeros((2, 141, 261)), np.zeros((1, 2))
        arguments = (table_energies, source[0], source[1], np.zeros(261), np.zeros(261), np.zeros(261), nuclear, generator)
        used, _ = em_shower(PHOTON, 1e8, 0.0, 1e8, STEP, np.full(261, 1e-4), *arguments)
        count += used
    expected = photonuclear_cross_section_mb(1e8) / 510.0
    assert abs(count / photons - expected) < 5.0 * np.sqrt(expected / photons)
