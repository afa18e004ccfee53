from __future__ import annotations

import logging
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from cloudchamber.cache import cache_folder
from cloudchamber.studies.calorimeter.geant4 import em_data
from cloudchamber.studies.calorimeter.geant4.em_data import (
    build_em_data,
    coulomb_correction,
    ensure_em_data,
    photoelectric_barn,
    scaled_bremsstrahlung_mb,
)


@pytest.mark.parametrize(("z", "a", "radiation_length_g_cm2"), [(13, 26.98, 24.01), (53, 126.90, 8.48), (82, 207.2, 6.37)])
def test_bremsstrahlung_at_high_energy_gives_the_radiation_length(z: int, a: float, radiation_length_g_cm2: float) -> None:
    # radiated energy a radiation length, over the electron's energy, is 1 (and a bit, from the inelastic terms' phi_1 - phi_2 part)
    fraction = np.linspace(0, 1, 2001)
    scaled = scaled_bremsstrahlung_mb(z, np.array(1e4), fraction)
    radiated = np.trapezoid(scaled, fraction) * z**2 * 1e-27 * 6.02214076e23 / a
    assert radiated * radiation_length_g_cm2 == pytest.approx(1.0, abs=0.03)


def test_coulomb_correction_of_lead() -> None:
    # H. Davies et al., Phys. Rev. 93 (1954) 788: 1.202 (Z alpha)^2 to first order, 23 % less at Z = 82
    assert coulomb_correction(1) == pytest.approx(1.202 / 137.036**2, rel=1e-3)
    assert coulomb_correction(82) == pytest.approx(0.332, abs=0.003)


def test_photoelectric_cross_section_has_its_edge_and_goes_on_smoothly() -> None:
    pytest.importorskip("xraylib")
    energies, barn = photoelectric_barn(53)
    edge = np.searchsorted(energies, 0.033169)
    assert barn[edge] > 4 * barn[edge - 1]
    slopes = np.diff(np.log(barn)) / np.diff(np.log(energies))
    joint = np.searchsorted(energies, 0.8)
    assert abs(slopes[joint] - slopes[joint - 2]) < 0.2
    assert slopes[-1] == pytest.approx(-1.0, abs=0.01)


def test_files_hold_what_the_functions_give(tmp_path: Path) -> None:
    pytest.importorskip("xraylib")
    build_em_data(tmp_path)
    lines = (tmp_path / "brem_SB" / "br55").read_text().splitlines()
    fractions, energies = np.array(lines[1].split(), float), np.exp(np.array(lines[2].split(), float))
    assert lines[0] == f"0 {len(fractions)} {len(energies)}"
    table = np.array([line.split() for line in lines[3:]], float)
    np.testing.assert_allclose(table, scaled_bremsstrahlung_mb(55, energies[:, None], fractions), rtol=1e-5)
    head, size, *rows = (tmp_path / "epics2017" / "phot" / "pe-cs-55.dat").read_text().splitlines()
    assert head.split()[2] == size == str(len(rows))
    assert len(list((tmp_path / "epics2017" / "rayl").iterdir())) == 92


def test_it_is_built_once_and_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    pytest.importorskip("xraylib")
    monkeypatch.setenv("CLOUDCHAMBER_CACHE", str(tmp_path))
    monkeypatch.setattr(em_data, "ELEMENTS", range(53, 56))
    with caplog.at_level(logging.WARNING), ThreadPoolExecutor(4) as pool:
        folders = set(pool.map(lambda _: ensure_em_data(), range(4)))
    assert folders == {path for path in cache_folder("calorimeter").iterdir() if path.is_dir()}
    assert ["built an electromagnetic data set" in record.message for record in caplog.records] == [True]
    assert len(list((cache_folder("calorimeter") / em_data.VERSION / "brem_SB").iterdir())) == 3


def test_missing_xraylib_names_the_extra_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDCHAMBER_CACHE", str(tmp_path))
    monkeypatch.setitem(sys.modules, "xraylib", None)
    with pytest.raises(ImportError, match=r"xraylib.*pip install 'cloudchamber\[geant4\]'"):
        ensure_em_data()
    assert not [path for path in cache_folder("calorimeter").iterdir() if path.is_dir()]
