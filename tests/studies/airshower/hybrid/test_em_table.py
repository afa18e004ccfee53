from __future__ import annotations

import numpy as np
import pytest

from cloudchamber.studies.airshower.hybrid.em_cross_sections import RADIATION_LENGTH_G_CM2
from cloudchamber.studies.airshower.hybrid.em_table import ELECTRON, PHOTON, EmTable, build_em_table, load_em_table


@pytest.fixture(scope="module")
def table() -> EmTable:
    return build_em_table(nodes_per_decade=10)


def maximum(depth: np.ndarray, profile: np.ndarray) -> tuple[float, float]:
    """Depth and height of the parabola through the three points around the maximum of ln profile."""
    index = int(np.clip(np.argmax(profile), 1, len(profile) - 2))
    left, middle, right = np.log(profile[index - 1 : index + 2])
    shift = 0.5 * (left - right) / (left - 2.0 * middle + right)
    return depth[index] + shift * (depth[1] - depth[0]), float(np.exp(middle - 0.25 * (left - right) * shift))


def node(table: EmTable, energy_gev: float) -> int:
    return int(np.argmin(np.abs(np.log(table.energy_gev / energy_gev))))


def test_energy_is_deposited_or_still_in_flight(table):
    deposited = 10.0 * table.energy_deposit.sum(axis=2)
    closure = (deposited + table.in_flight[:, :, -1]) / table.energy_gev - 1.0
    # at the end the last triangle sticks out by half a step
    assert np.abs(closure)[:, table.energy_gev < 1e6].max() < 1e-5
    trapezoid = deposited - 5.0 * table.energy_deposit[:, :, -1] + table.in_flight[:, :, -1]
    np.testing.assert_allclose(trapezoid, np.broadcast_to(table.energy_gev, trapezoid.shape), rtol=1e-3)


def test_nothing_is_negative(table):
    for values in (table.n_electron, table.energy_deposit, table.in_flight):
        assert values.min() > -1e-12 * values.max()


@pytest.mark.parametrize("kind", [PHOTON, ELECTRON])
def test_track_length_is_energy_over_critical_energy(table, kind):
    # Rossi's theorem: E X0 / E_c; crossings of 1 MeV particles are some per cent fewer
    lengths = 10.0 * table.n_electron[kind, node(table, 1e3)].sum() / table.energy_gev[node(table, 1e3)]
    assert lengths == pytest.approx(RADIATION_LENGTH_G_CM2 / 0.08792, rel=0.1)


@pytest.mark.parametrize("energy_gev", [1e5, 1e8])
def test_profile_is_near_greisens(table, energy_gev):
    ratio = np.log(energy_gev / 0.08792)
    depth, height = maximum(table.depth_g_cm2, table.n_electron[PHOTON, node(table, energy_gev)])
    assert height / energy_gev == pytest.approx(0.31 / np.sqrt(ratio) / 0.08792, rel=0.1)
    assert depth / RADIATION_LENGTH_G_CM2 == pytest.approx(ratio + 0.5, abs=0.4)


def test_electrons_are_a_radiation_length_earlier_and_elongate_by_x0(table):
    depths = {(kind, energy): maximum(table.depth_g_cm2, table.n_electron[kind, node(table, energy)])[0] for kind in (0, 1) for energy in (1e6, 1e7)}
    assert 0.7 < (depths[PHOTON, 1e6] - depths[ELECTRON, 1e6]) / RADIATION_LENGTH_G_CM2 < 1.0
    for kind in (PHOTON, ELECTRON):
        assert depths[kind, 1e7] - depths[kind, 1e6] == pytest.approx(RADIATION_LENGTH_G_CM2 * np.log(10.0), abs=2.0)


def test_deposit_per_particle_at_maximum_is_corsikas(table):
    # F. Nerling et al., Astropart. Phys. 24 (2006) 421, eq. 10 at age 1 and 1 MeV: 2.55 MeV cm2/g a crossing; without the slant of slow electrons it were 2.23
    index = node(table, 1e8)
    top = int(np.argmax(table.n_electron[ELECTRON, index]))
    assert table.energy_deposit[ELECTRON, index, top] / table.n_electron[ELECTRON, index, top] * 1e3 == pytest.approx(2.55, rel=0.02)


def test_grids_have_converged(table):
    fine = build_em_table(nodes_per_decade=20, decades=9)
    short_step = build_em_table(nodes_per_decade=10, depth_step_g_cm2=5.0, decades=9)
    index = node(table, 1e5)
    reference = maximum(table.depth_g_cm2, table.n_electron[ELECTRON, index])
    for other in (fine, short_step):
        depth, height = maximum(other.depth_g_cm2, other.n_electron[ELECTRON, index])
        assert depth == pytest.approx(reference[0], abs=0.5)
        assert height == pytest.approx(reference[1], rel=0.004)


def test_sources_superpose_at_their_depths(table):
    source = np.zeros((2, len(table.energy_gev), 120))
    source[PHOTON, 40, 0], source[ELECTRON, 50, 30] = 2.0, 3.0
    charged, deposit, remaining = table.evaluate(source)
    for sum_, values in ((charged, table.n_electron), (deposit, table.energy_deposit), (remaining, table.in_flight)):
        expected = 2.0 * values[PHOTON, 40, :120].astype(float)
        expected[30:] += 3.0 * values[ELECTRON, 50, :90]
        np.testing.assert_allclose(sum_, expected, rtol=1e-6)


def test_bad_grids_are_refused(table):
    with pytest.raises(ValueError, match="nodes_per_decade is 15"):
        build_em_table(nodes_per_decade=15)
    with pytest.raises(ValueError, match="source has shape"):
        table.evaluate(np.zeros((2, 7, 120)))


def test_file_round_trip(table, tmp_path):
    path = tmp_path / "em.npz"
    table.save(path)
    again = EmTable.load(path)
    for name, values in vars(table).items():
        np.testing.assert_array_equal(getattr(again, name), values)
    assert path.stat().st_size < 1_500_000


def test_packaged_table_is_the_built_one():
    built, packaged = build_em_table(), load_em_table()
    for name, values in vars(packaged).items():
        np.testing.assert_allclose(getattr(built, name), values, rtol=1e-4, atol=1e-6 * values.max())
