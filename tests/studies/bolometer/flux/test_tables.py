"""A user's own flux table: units, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cloudchamber.studies.bolometer.flux.modulation import CosmicRays
from cloudchamber.studies.bolometer.flux.tables import read_flux

HEAD = "energy_gev,proton_flux,helium_flux"


def written(folder: Path, lines: list[str], name: str = "flux.csv") -> Path:
    path = folder / name
    path.write_text("\n".join(lines) + "\n")
    return path


def rows(scale: float = 1.0, energy_scale: float = 1.0) -> list[str]:
    energy = np.geomspace(0.03, 400.0, 60)
    return [f"{each * energy_scale:.9g},{scale * 1e4 * each**-2.7:.9g},{scale * 500 * each**-2.7:.9g}" for each in energy]


def test_a_power_law_is_read_as_it_is_and_goes_on(tmp_path: Path) -> None:
    protons, helium = read_flux(written(tmp_path, [HEAD, *rows()]), 0.039, 300.0)
    energy = np.array([0.05, 1.0, 7.7, 900.0])
    np.testing.assert_allclose(protons(energy), 1e4 * energy**-2.7, rtol=1e-6)
    np.testing.assert_allclose(helium(energy), 500 * energy**-2.7, rtol=1e-6)


def test_units_are_converted(tmp_path: Path) -> None:
    ecsv = [
        "# %ECSV 1.0",
        "# ---",
        "# delimiter: ','",
        "# datatype:",
        "# - {name: energy_gev, unit: MeV, datatype: float64}",
        "# - {name: proton_flux, unit: 1 / (cm2 s sr MeV), datatype: float64}",
        "energy_gev,proton_flux",
        *(",".join(row.split(",")[:2]) for row in rows(1e-7, 1e3)),
    ]
    (protons,) = read_flux(written(tmp_path, ecsv, "flux.ecsv"), 0.039, 300.0)
    np.testing.assert_allclose(protons(np.array([2.0])), 1e4 * 2.0**-2.7, rtol=1e-6)


def test_a_table_of_a_spectrum_gives_the_spectrum_s_rates(tmp_path: Path) -> None:
    own = CosmicRays(helium=False)
    energy = np.geomspace(0.03, 400.0, 400)
    lines = ["energy_gev,proton_flux", *(f"{e:.12g},{f:.12g}" for e, f in zip(energy, own.flux(energy, 500.0), strict=True))]
    table = CosmicRays(table=str(written(tmp_path, lines)), helium=False)
    assert table.integral_per_cm2_s_sr(0.0) == pytest.approx(own.integral_per_cm2_s_sr(500.0), rel=1e-3)
    with pytest.raises(ValueError, match="no column 'helium_flux'"):
        CosmicRays(table=table.table).tabulated()


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ([HEAD, "0.03,1,1", "0.1,nan,1", "400,1,1"], "column 'proton_flux', row 2: nan"),
        ([HEAD, "0.03,1,1", "0.1,-2,1", "400,1,1"], "column 'proton_flux', row 2: -2; a flux is above 0"),
        ([HEAD, "0.03,1,1", "0.1,1,0", "400,1,1"], "column 'helium_flux', row 2: 0; a flux is above 0"),
        ([HEAD, "0.03,1,1", "0.2,1,1", "0.1,1,1", "400,1,1"], "column 'energy_gev', row 3: 0.1; energies must rise"),
        ([HEAD, "-0.03,1,1", "400,1,1"], "column 'energy_gev', row 1: -0.03; an energy is above 0"),
        ([HEAD, "0.1,1,1", "400,1,1"], "covers 0.1 to 400 GeV, 0.039 to 300 GeV are needed"),
        ([HEAD], "covers nothing"),
        (["energy_gev,flux", "0.03,1", "400,1"], "has no column 'proton_flux'; it has: energy_gev, flux"),
        ([HEAD, "0.03,many,1", "400,1,1"], "column 'proton_flux': holds words"),
        ([HEAD, "0.03,,1", "400,1,1"], "line 2, column 'proton_flux': no value"),
        (["energy_gev [m],proton_flux", "0.03,1", "400,1"], "column 'energy_gev' is in GeV, got m"),
        ([HEAD, "0.03,1", "400,1,1"], "line 2: 2 cells, the header has 3"),
    ],
)
def test_bad_tables_are_refused_with_column_and_row(lines: list[str], told: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=told.replace("'", ".")):
        read_flux(written(tmp_path, lines), 0.039, 300.0)
