"""Longitudinal profiles and headers of CORSIKA 7."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cloudchamber.physics.shower import gaisser_hillas_rl
from cloudchamber.schema import events_in, whole
from cloudchamber.studies.airshower.columns import depth_grid
from cloudchamber.studies.airshower.formats import corsika7, read_corsika7

GIVEN: dict[str, Any] = {"primary": "p", "lg_energy_ev": 17.5, "zenith_deg": 0.0}
STEPS = 105
PARTICLE_NAMES = " DEPTH       GAMMAS   POSITRONS   ELECTRONS         MU+         MU-     HADRONS     CHARGED      NUCLEI   CHERENKOV"
ENERGY_NAMES = " DEPTH         GAMMA    EM IONIZ     EM CUT    MU IONIZ      MU CUT  HADR IONIZ    HADR CUT   NEUTRINO        SUM"
FIT = """ FIT OF THE HILLAS CURVE   N(T) = P1*((T-P2)/(P3-P2))**((P3-P2)/(P4+P5*T+P6*T**2)) * EXP((P3-T)/(P4+P5*T+P6*T**2))
 TO LONGITUDINAL DISTRIBUTION OF               ALL CHARGED PARTICLES
 PARAMETERS         =   9.1727E+03 -1.5261E+02  4.7857E+02  2.3037E+01  4.4026E-02 -2.9071E-05
 CHI**2/DOF         =  2.0595E+00
 AV. DEVIATION IN % =  2.1503E+00

"""


def rows(depth: np.ndarray, *columns: np.ndarray | float) -> str:
    table = np.column_stack([depth, *(np.broadcast_to(column, depth.shape) for column in columns)])
    return "".join(f"{row[0]:8.1f}" + "".join(f" {value:.5E}" for value in row[1:]) + "\n" for row in table)


def long_text(showers: int = 2, kind: str = "SLANT   ") -> str:
    """What CORSIKA 7.75 writes: the last step lies past the ground and is empty, the one before books the particles that hit it."""
    text = ""
    for number in range(1, showers + 1):
        depth, middle = 10.0 * np.arange(1, STEPS + 1), 10.0 * np.arange(STEPS) + 5
        n = gaisser_hillas_rl(depth, 1e7, 600.0 + 50 * number, 0.25, 230.0) * (depth <= 1040)
        energy = 20 * gaisser_hillas_rl(middle, 1e3, 600.0 + 50 * number, 0.25, 230.0) * (middle <= 1040)
        ground = np.where(middle == 1035, 5e4, 0.0)
        text += f" LONGITUDINAL DISTRIBUTION IN   {STEPS} {kind} STEPS OF   10. G/CM**2 FOR SHOWER       {number}\n{PARTICLE_NAMES}\n"
        text += rows(depth, 5 * n, 0.4 * n, 0.6 * n, 0.01 * n, 0.02 * n, 0.003 * n, n, 0.0, 0.0)
        text += f" LONGITUDINAL ENERGY DEPOSIT IN   {STEPS} {kind} STEPS OF   10.0  G/CM**2 FOR SHOWER       {number}\n{ENERGY_NAMES}\n"
        parts = (0.1 * energy * (ground == 0) + ground, 0.7 * energy, 0.1 * energy * (ground == 0), 0.05 * energy, 0.0, 0.05 * energy, 0.0, 0.01 * energy)
        text += rows(middle, *parts, sum(parts)) + FIT
    return text


def write_dat(path: Path, events: int = 2, particle: float = 5626.0, cut_gev: float = 1.0) -> None:
    """A DAT file of headers only: sub-blocks of 273 floats, positions as in the user's guide, tables 7 and 8."""

    def block(tag: bytes, **positions: float) -> bytes:
        values = np.zeros(273, np.float32)
        for position, value in positions.items():
            values[int(position[1:]) - 1] = value
        return tag + values.tobytes()[4:]

    blocks = [block(b"RUNH", p2=1, p4=7.75)]
    for number in range(1, events + 1):
        angles = {"p11": np.radians(30), "p12": np.radians(200)}
        cuts = {"p61": cut_gev, "p62": cut_gev, "p63": 0.001 * cut_gev}
        blocks += [block(b"EVTH", p2=number, p3=particle, p4=1e8 * number, p46=7.75, **angles, **cuts), block(b"EVTE", p2=number)]
    path.write_bytes(b"".join([*blocks, block(b"RUNE", p2=1)]))


def test_long_with_parameters(tmp_path: Path) -> None:
    (tmp_path / "DAT000001.long").write_text(long_text())
    table = whole(read_corsika7(tmp_path / "DAT000001.long", **GIVEN))
    assert "azimuth_deg" not in table
    np.testing.assert_array_equal(table["primary"], 0)
    np.testing.assert_allclose(table["xmax_g_cm2"], [650, 700], atol=0.1)
    np.testing.assert_allclose(table["xmax_deposit_g_cm2"], [650, 700], atol=0.1)
    np.testing.assert_allclose(table["nmax"], 1e7, rtol=1e-4)
    grid = depth_grid()
    n = gaisser_hillas_rl(grid, 1e7, 650.0, 0.25, 230.0) * ((grid > 0) & (grid <= 1040))
    np.testing.assert_allclose(table["n_electron"][0], n, rtol=2e-5)
    np.testing.assert_allclose(table["n_muon"][0], 0.03 * n, rtol=2e-5)
    np.testing.assert_allclose(table["n_hadron"][0], 0.003 * n, rtol=2e-5)


def test_long_energies_add_up(tmp_path: Path) -> None:
    (tmp_path / "DAT000001.long").write_text(long_text())
    table = whole(read_corsika7(tmp_path / "DAT000001.long", **GIVEN))
    np.testing.assert_allclose(table["ground_energy_gev"], 5e4, rtol=1e-4)
    deposit = table["energy_deposit_gev_per_g_cm2"]
    np.testing.assert_allclose(10 * deposit.sum(axis=1), table["calorimetric_energy_gev"], rtol=1e-5)
    np.testing.assert_allclose(deposit[0, 65], 2 * gaisser_hillas_rl(650.0, 1e3, 650.0, 0.25, 230.0), rtol=1e-3)
    assert (deposit[:, depth_grid() > 1040] == 0).all()
    # the neutrinos' share of the toy shower is one part in a hundred, the rest of each bin is deposited
    np.testing.assert_allclose(table["invisible_energy_gev"], 0.01 * table["calorimetric_energy_gev"], rtol=5e-3)


def test_vertical_depths_become_slant(tmp_path: Path) -> None:
    (tmp_path / "a.long").write_text(long_text(kind="VERTICAL"))
    upright = whole(read_corsika7(tmp_path / "a.long", **GIVEN))
    inclined = whole(read_corsika7(tmp_path / "a.long", **(GIVEN | {"zenith_deg": 60.0})))
    np.testing.assert_allclose(inclined["xmax_g_cm2"], 2 * upright["xmax_g_cm2"], rtol=1e-6)
    np.testing.assert_allclose(inclined["calorimetric_energy_gev"], upright["calorimetric_energy_gev"])
    np.testing.assert_allclose(inclined["energy_deposit_gev_per_g_cm2"][0, 130], upright["energy_deposit_gev_per_g_cm2"][0, 65] / 2, rtol=2e-3)
    np.testing.assert_allclose(inclined["n_electron"][0, 130], upright["n_electron"][0, 65], rtol=1e-6)


def test_theta_comes_from_the_dat_file(tmp_path: Path) -> None:
    (tmp_path / "DAT000001.long").write_text(long_text())
    write_dat(tmp_path / "DAT000001")
    table = whole(read_corsika7(tmp_path / "DAT000001.long"))
    np.testing.assert_array_equal(table["primary"], 4)
    np.testing.assert_allclose(table["lg_energy_ev"], [17, np.log10(2e17)], rtol=1e-6)
    np.testing.assert_allclose(table["zenith_deg"], 30, rtol=1e-6)
    np.testing.assert_allclose(table["azimuth_deg"], -160, rtol=1e-6)
    assert whole(read_corsika7(tmp_path / "DAT000001.long", primary=["He", "photon"]))["primary"].tolist() == [1, 5]


def test_dat_file_is_checked(tmp_path: Path) -> None:
    (tmp_path / "DAT000001.long").write_text(long_text())
    write_dat(tmp_path / "DAT000001", events=1)
    with pytest.raises(ValueError, match=r"no event 2"):
        whole(read_corsika7(tmp_path / "DAT000001.long"))
    write_dat(tmp_path / "DAT000001", particle=1206)
    with pytest.raises(ValueError, match=r"CORSIKA code 1206 is none"):
        whole(read_corsika7(tmp_path / "DAT000001.long"))
    (tmp_path / "DAT000001").write_bytes((tmp_path / "DAT000001").read_bytes()[: 3 * 1092])
    with pytest.raises(ValueError, match=r"not a readable CORSIKA 7 file"):
        whole(read_corsika7(tmp_path / "DAT000001.long"))


def test_a_dat_file_of_another_name_is_told(tmp_path: Path) -> None:
    (tmp_path / "run.long").write_text(long_text())
    write_dat(tmp_path / "DAT000007")
    assert whole(read_corsika7(tmp_path / "run.long", dat=tmp_path / "DAT000007"))["primary"].tolist() == [4, 4]
    with pytest.raises(ValueError, match=r"--read\.dat: there is no file .*DAT000008"):
        whole(read_corsika7(tmp_path / "run.long", dat=tmp_path / "DAT000008"))


def test_vertical_depths_of_flat_showers_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.long").write_text(long_text(kind="VERTICAL"))
    with pytest.raises(ValueError, match=r"vertical depths and a zenith angle of 95 deg; allowed: below 80 deg"):
        whole(read_corsika7(tmp_path / "a.long", **(GIVEN | {"zenith_deg": 95.0})))


def test_other_cuts_warn(tmp_path: Path) -> None:
    (tmp_path / "DAT000001.long").write_text(long_text())
    write_dat(tmp_path / "DAT000001", cut_gev=0.3)
    with pytest.warns(UserWarning) as caught:
        whole(read_corsika7(tmp_path / "DAT000001.long"))
    assert [str(w.message).split(" counts ")[1].split(" ")[0] for w in caught] == ["electrons", "muons", "hadrons"]


def test_parameters_are_asked_for(tmp_path: Path) -> None:
    (tmp_path / "DAT000001.long").write_text(long_text())
    with pytest.raises(ValueError, match=r"does not say 'primary'; give --read\.primary, one value"):
        whole(read_corsika7(tmp_path / "DAT000001.long"))
    with pytest.raises(ValueError, match=r"3 values for 2 showers"):
        whole(read_corsika7(tmp_path / "DAT000001.long", **(GIVEN | {"lg_energy_ev": [17, 18, 19]})))
    with pytest.raises(ValueError, match=r"unknown 'proton'"):
        whole(read_corsika7(tmp_path / "DAT000001.long", **(GIVEN | {"primary": "proton"})))


@pytest.mark.parametrize("text", ["", "nothing of the kind\n", long_text()[:9000], long_text()[:-15000], "\x93\0\xff"])
def test_damaged_long_files(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.long").write_bytes(text.encode("latin1"))
    with pytest.raises(ValueError, match=r"a\.long"):
        whole(read_corsika7(tmp_path / "a.long", **GIVEN))


def test_nan_in_a_long_profile(tmp_path: Path) -> None:
    lines = long_text().splitlines(keepends=True)
    fields = lines[60].split()
    lines[60] = lines[60].replace(fields[2], "NaN", 1)
    (tmp_path / "a.long").write_text("".join(lines))
    with pytest.raises(ValueError, match=rf"electrons: NaN .* depth {float(fields[0]):g}"):
        whole(read_corsika7(tmp_path / "a.long", **GIVEN))


def test_long_files_come_in_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "DAT000001.long").write_text(long_text())
    write_dat(tmp_path / "DAT000001")
    together = whole(read_corsika7(tmp_path / "DAT000001.long"))
    monkeypatch.setattr(corsika7, "CHUNK_EVENTS", 1)
    parts = list(read_corsika7(tmp_path / "DAT000001.long"))
    assert [events_in(part) for part in parts] == [1, 1] and np.ptp(together["lg_energy_ev"]) > 0.1
    for name, values in whole(parts).items():
        np.testing.assert_array_equal(values, together[name])
