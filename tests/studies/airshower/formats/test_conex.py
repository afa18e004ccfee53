import importlib
import json
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest
import uproot

from cloudchamber.formats.tables import write_table
from cloudchamber.physics.shower import gaisser_hillas, gaisser_hillas_rl
from cloudchamber.schema import Table, whole
from cloudchamber.studies.airshower import STUDY
from cloudchamber.studies.airshower.columns import PRIMARIES, THETA, X, depth_grid
from cloudchamber.studies.airshower.formats import read_conex, write_conex

HEADER = {"Particle": np.int32, "elCut": np.float32, "muCut": np.float32, "haCut": np.float32}


def write_like_conex(path: Path, particle: int = 100, cycles: tuple[int, ...] = (3,), step: float = 10.0, cut: float = 1.0, **change: Any) -> None:
    """A file as CONEX leaves it: jagged profiles to the ground, dE/dX between the X, an autosaved cycle of fewer showers before the last."""
    with uproot.recreate(path) as file:
        header = file.mktree("Header", HEADER)
        header.extend({"Particle": [particle], "elCut": [0.001], "muCut": [cut], "haCut": [1.0]})
        for events in cycles:
            lengths = [round(1030 / step) + 1 + 7 * i for i in range(events)]
            depth = [step * np.arange(n) for n in lengths]
            electrons = [gaisser_hillas_rl(x, 1e8, 700.0 + 20 * i, 0.25, 230.0) for i, x in enumerate(depth)]
            deposit = [2e-3 * gaisser_hillas_rl(x + step / 2, 1e8, 700.0 + 20 * i, 0.25, 230.0) for i, x in enumerate(depth)]
            jagged = {"X": depth, "N": electrons, "Electrons": electrons, "Mu": [0.01 * n for n in electrons], "Hadrons": electrons, "dEdX": deposit}
            jagged |= {name: values for name, values in change.items() if name in jagged}
            jagged = {name: values for name, values in jagged.items() if values is not None}
            scalars = {"lgE": 18.0, "zenith": 45.0, "azimuth": 270.0, "Xfirst": 40.0, "Nmx": 1e8, "XmxdEdX": 690.0} | {
                name: value for name, value in change.items() if name not in jagged
            }
            branches: dict[str, Any] = {name: np.full(events, value, np.float32) for name, value in scalars.items() if value is not None}
            branches["Xmx"] = np.float32(700 + 20 * np.arange(events))
            branches["EGround"] = np.tile(np.float32([1, 2, 3]), (events, 1))
            branches[""] = ak.zip({name: ak.values_astype(ak.Array(values), np.float32) for name, values in jagged.items()})
            types = {name: (v.dtype, v.shape[1:]) if isinstance(v, np.ndarray) else v.type.content for name, v in branches.items()}
            tree = file.mktree("Shower", types, counter_name=lambda _: "nX", field_name=lambda _, inner: inner)
            tree.extend(branches)


def showers(primary: str = "Fe") -> Table:
    xmax = np.array([650.0, 720.0, 810.0])
    profile = np.where(depth_grid() <= 1200, gaisser_hillas_rl(depth_grid(), 1e8, xmax[:, None], 0.25, 230.0), 0.0)
    scalars = {name: np.array([1.0, 2.0, 3.0]) for name, column in X.items() if not column.shape} | {"xmax_g_cm2": xmax, "nmax": np.full(3, 1e8)}
    x = {"n_electron": profile, "n_muon": 0.01 * profile, "energy_deposit_gev_per_g_cm2": 2e-3 * profile, "n_hadron": 0.001 * profile}
    theta = {"primary": np.full(3, PRIMARIES.index(primary)), "lg_energy_ev": [18, 18.5, 19], "zenith_deg": [0, 30, 60], "azimuth_deg": [-170, 0, 90]}
    table: Table = theta | x | scalars
    return {name: np.asarray(table[name], column.dtype) for name, column in (THETA | X).items()}


def test_the_highest_cycle_is_read(tmp_path: Path) -> None:
    write_like_conex(tmp_path / "a.root", cycles=(2, 3))
    with uproot.open(tmp_path / "a.root") as file:
        assert {"Shower;1", "Shower;2"} <= set(file.keys())
    table = whole(read_conex(tmp_path / "a.root"))
    np.testing.assert_array_equal(table["xmax_g_cm2"], [700, 720, 740])
    np.testing.assert_array_equal(table["azimuth_deg"], -90)
    np.testing.assert_array_equal(table["ground_energy_gev"], 6)
    np.testing.assert_array_equal(table["first_interaction_g_cm2"], 40)
    assert "invisible_energy_gev" not in table


def test_profiles_stop_at_the_ground(tmp_path: Path) -> None:
    write_like_conex(tmp_path / "a.root")
    table = whole(read_conex(tmp_path / "a.root"))
    for i, ground in enumerate([1030, 1100, 1170]):
        for name in ("n_electron", "n_muon", "n_hadron", "energy_deposit_gev_per_g_cm2"):
            assert (table[name][i, depth_grid() > ground] == 0).all()
            assert (table[name][i, (depth_grid() > 100) & (depth_grid() <= ground)] > 0).all()


@pytest.mark.parametrize("step", [5.0, 10.0, 20.0])
def test_any_depth_step_lands_on_the_grid(step: float, tmp_path: Path) -> None:
    write_like_conex(tmp_path / "a.root", step=step)
    table = whole(read_conex(tmp_path / "a.root"))
    truth = gaisser_hillas_rl(depth_grid(), 1e8, 700.0, 0.25, 230.0)
    inside = (depth_grid() > 200) & (depth_grid() < 1010)
    np.testing.assert_allclose(table["n_electron"][0, inside], truth[inside], rtol=1e-6 if step <= 10 else 0.02)
    np.testing.assert_allclose(table["energy_deposit_gev_per_g_cm2"][0, inside], 2e-3 * truth[inside], rtol=0.005 if step <= 10 else 0.02)
    np.testing.assert_allclose(10 * table["energy_deposit_gev_per_g_cm2"].sum(axis=1), table["calorimetric_energy_gev"], rtol=1e-5)


@pytest.mark.parametrize(("code", "name"), [(100, "p"), (400, "He"), (1400, "N"), (2800, "Si"), (5600, "Fe"), (0, "photon"), (22, "photon"), (2212, "p")])
def test_primary_codes(code: int, name: str, tmp_path: Path) -> None:
    write_like_conex(tmp_path / "a.root", particle=code)
    assert PRIMARIES[whole(read_conex(tmp_path / "a.root"))["primary"][0]] == name


def test_older_files_without_species_profiles(tmp_path: Path) -> None:
    write_like_conex(tmp_path / "a.root", Electrons=None, Hadrons=None)
    table = whole(read_conex(tmp_path / "a.root"))
    assert "n_muon" in table and "n_electron" not in table and "n_hadron" not in table


def test_other_thresholds_warn(tmp_path: Path) -> None:
    write_like_conex(tmp_path / "a.root", cut=0.3)
    with pytest.warns(UserWarning, match=r"muons above 0.3 GeV, this study above 1 GeV"):
        whole(read_conex(tmp_path / "a.root"))


def test_unknown_primary(tmp_path: Path) -> None:
    write_like_conex(tmp_path / "a.root", particle=1200)
    with pytest.raises(ValueError, match=r"CONEX code 1200 .* p, He, N, Si, Fe, photon"):
        whole(read_conex(tmp_path / "a.root"))


def test_what_no_simulator_here_makes_is_read(tmp_path: Path) -> None:
    write_like_conex(tmp_path / "a.root", zenith=95.0, lgE=21.0)
    table = whole(read_conex(tmp_path / "a.root"))
    assert set(table["zenith_deg"]) == {95.0} and set(table["lg_energy_ev"]) == {21.0}
    write_like_conex(tmp_path / "b.root", zenith=195.0)
    with pytest.raises(ValueError, match=r"'zenith_deg': 195 .* \[0, 180\]"):
        whole(read_conex(tmp_path / "b.root"))


def test_a_primary_that_the_header_does_not_tell(tmp_path: Path) -> None:
    write_like_conex(tmp_path / "a.root", particle=77)
    with pytest.raises(ValueError, match=r"primary with CONEX code 77 is none .*--read\.primary"):
        whole(read_conex(tmp_path / "a.root"))
    assert PRIMARIES[whole(read_conex(tmp_path / "a.root", primary="N"))["primary"][0]] == "N"
    with pytest.raises(ValueError, match="primary 'proton' is none"):
        whole(read_conex(tmp_path / "a.root", primary="proton"))


def test_profiles_are_cut_at_the_ground_that_is_told(tmp_path: Path) -> None:
    write_like_conex(tmp_path / "a.root", zenith=0.0)
    table = whole(read_conex(tmp_path / "a.root", ground_altitude_m=1400.0))
    assert "ground_energy_gev" not in table and "ground_energy_gev" in whole(read_conex(tmp_path / "a.root")), "that is of another ground"
    # the US standard atmosphere's depth at 1400 m
    above = depth_grid() <= 875
    assert (table["n_electron"][:, ~above & (depth_grid() > 885)] == 0).all() and (table["n_electron"][:, above & (depth_grid() > 100)] > 0).all()
    with pytest.raises(ValueError, match=r"--read\.ground-altitude-m: 99000 is outside the allowed \[-500, 9000\] m"):
        whole(read_conex(tmp_path / "a.root", ground_altitude_m=99e3))
    write_like_conex(tmp_path / "b.root", zenith=95.0)
    with pytest.raises(ValueError, match=r"showers of 95 deg meet no ground"):
        whole(read_conex(tmp_path / "b.root", ground_altitude_m=1400.0))


def test_file_without_the_tree_lists_its_keys(tmp_path: Path) -> None:
    with uproot.recreate(tmp_path / "a.root") as file:
        file.mktree("Events", {"a": np.int32}).extend({"a": [1]})
    with pytest.raises(ValueError, match=r"no tree 'Header'.*Events;1"):
        whole(read_conex(tmp_path / "a.root"))


def test_missing_branch_is_named(tmp_path: Path) -> None:
    write_like_conex(tmp_path / "a.root", lgE=None)
    with pytest.raises(ValueError, match=r"no branch 'Shower.lgE'; Shower has: .*zenith"):
        whole(read_conex(tmp_path / "a.root"))


@pytest.mark.parametrize("keep", [0, 3, 200, 0.5, 0.9])
def test_truncated_file(keep: float, tmp_path: Path) -> None:
    write_like_conex(tmp_path / "a.root")
    content = (tmp_path / "a.root").read_bytes()
    (tmp_path / "a.root").write_bytes(content[: int(keep * len(content)) if isinstance(keep, float) else keep])
    with pytest.raises(ValueError, match="not a readable ROOT file"):
        whole(read_conex(tmp_path / "a.root"))


def test_absent_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no such file"):
        whole(read_conex(tmp_path / "a.root"))


def test_nan_in_a_profile_is_located(tmp_path: Path) -> None:
    rows = [np.ones(104 + 7 * i) for i in range(3)]
    rows[1][70] = np.nan
    write_like_conex(tmp_path / "a.root", Mu=rows)
    with pytest.raises(ValueError, match=r"Mu of shower 1: NaN .* depth 700"):
        whole(read_conex(tmp_path / "a.root"))


def test_depths_must_rise(tmp_path: Path) -> None:
    rows = [10.0 * np.arange(104 + 7 * i) for i in range(3)]
    rows[2][5] = 30.0
    write_like_conex(tmp_path / "a.root", X=rows)
    with pytest.raises(ValueError, match=r"of shower 2: the depths must rise"):
        whole(read_conex(tmp_path / "a.root"))


def test_missing_library_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_uproot(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", no_uproot)
    with pytest.raises(ImportError, match=r"needs 'uproot': pip install 'cloudchamber\[formats\]'"):
        whole(read_conex(tmp_path / "a.root"))


@pytest.mark.parametrize("primary", ["p", "Fe", "photon"])
def test_round_trip(primary: str, tmp_path: Path) -> None:
    table = showers(primary)
    write_conex(tmp_path / "a.root", table)
    again = whole(read_conex(tmp_path / "a.root"))
    assert set(again) == set(table)
    for name, values in table.items():
        if name == "energy_deposit_gev_per_g_cm2":
            # twice half a bin further smooths over 20 g/cm2
            np.testing.assert_allclose(again[name], values, atol=0.005 * values.max())
            np.testing.assert_allclose(again[name].sum(axis=1), values.sum(axis=1), rtol=1e-5)
            assert (again[name][values == 0] == 0).all()
        else:
            np.testing.assert_allclose(again[name], values, rtol=1e-6, atol=1e-4)


def test_written_file_has_the_layout_of_conex(tmp_path: Path) -> None:
    write_conex(tmp_path / "a.root", showers())
    with uproot.open(tmp_path / "a.root") as file:
        assert file["Header"]["Particle"].array()[0] == 5600
        tree = file["Shower"]
        names = "lgE zenith azimuth Seed2 Seed3 Xfirst Hfirst XfirstIn altitude X0 Xmax Nmax p1 p2 p3 chi2 Xmx Nmx XmxdEdX dEdXmx cpuTime nX"
        arrays = "X N H D dEdX Mu Gamma Electrons Hadrons dMu EGround"
        assert set(names.split() + arrays.split()) <= set(tree.keys())
        np.testing.assert_array_equal(tree["nX"].array(), 121)
        assert tree["X"].typename == "float[]"
        assert ak.num(tree["dEdX"].array()).to_list() == [121] * 3
        np.testing.assert_array_equal(tree["EGround"].array().to_numpy().shape, (3, 3))
        fit = tree.arrays(["Nmax", "Xmax", "X0", "p1", "p2", "p3", "chi2", "azimuth"], library="np")
    np.testing.assert_allclose(fit["azimuth"], [190, 0, 90])
    np.testing.assert_allclose(fit["Xmax"], [650, 720, 810], atol=0.01)
    assert (fit["chi2"] < 1e-3).all()
    curve = gaisser_hillas(depth_grid(), *(fit[name][:, None] for name in ("Nmax", "Xmax", "X0", "p1", "p2", "p3")))
    near = depth_grid() <= 1200
    np.testing.assert_allclose(curve[:, near], showers()["n_electron"][:, near], rtol=1e-3, atol=1e3)


def test_writing_what_is_known_leaves_the_rest_unknown(tmp_path: Path) -> None:
    table = {name: showers()[name] for name in ("primary", "lg_energy_ev", "zenith_deg", "n_electron", "energy_deposit_gev_per_g_cm2")}
    write_conex(tmp_path / "a.root", table)
    assert set(whole(read_conex(tmp_path / "a.root"))) == set(table) | {"calorimetric_energy_gev"}


def test_an_empty_shower_survives(tmp_path: Path) -> None:
    table = showers()
    for name in ("n_electron", "n_muon", "n_hadron", "energy_deposit_gev_per_g_cm2"):
        table[name][1] = 0
    write_conex(tmp_path / "a.root", table)
    assert (whole(read_conex(tmp_path / "a.root"))["n_electron"][1] == 0).all()


def test_mixed_primaries_and_missing_columns_are_refused(tmp_path: Path) -> None:
    table = showers()
    with pytest.raises(ValueError, match=r"one primary, got p, Fe: write one file for each"):
        write_table(tmp_path / "a.root", table | {"primary": np.array([0, 4, 4])}, STUDY)
    with pytest.raises(ValueError, match=r"one primary, got p, Fe: write one file for each"):
        write_table(tmp_path / "a.root", iter([table | {"primary": np.full(3, primary)} for primary in (0, 4)]), STUDY)
    with pytest.raises(ValueError, match=r"needs column 'n_electron'"):
        write_table(tmp_path / "a.root", {name: values for name, values in table.items() if name != "n_electron"}, STUDY)
    assert not (tmp_path / "a.root").exists()


def test_units_stand_beside_the_trees_and_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.root"
    write_conex(path, showers())
    with uproot.open(path) as file:
        told = json.loads(str(file["units"]))
        assert told["dEdX"] == "GeV cm2/g" and told["X"] == "g/cm2" and told["lgE"] == "lg(E/eV)"
        assert set(told) <= set(file["Shower"].keys())
    before = whole(read_conex(path))
    with uproot.update(path) as file:
        file["units"] = json.dumps(told | {"X": "kg/m2", "invisibleEnergy": "TeV"})
    after = whole(read_conex(path))
    np.testing.assert_allclose(after["invisible_energy_gev"], 1000 * before["invisible_energy_gev"], rtol=1e-6)
    # a tenth of the depth: ten times shorter steps
    assert after["n_electron"].argmax(axis=1) == pytest.approx(before["n_electron"].argmax(axis=1) / 10, abs=1)
    with uproot.update(path) as file:
        file["units"] = json.dumps(told | {"dEdX": "GeV"})
    with pytest.raises(ValueError, match=r"branch 'dEdX' is in GeV cm2/g, got GeV, which is another kind"):
        whole(read_conex(path))
