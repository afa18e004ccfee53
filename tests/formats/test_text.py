"""Tables of text as people write them, through the command line: right numbers, or an error that names line and column."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from cloudchamber.cli import main
from cloudchamber.formats.csv import read_csv
from cloudchamber.formats.text import read_text
from cloudchamber.schema import whole
from cloudchamber.store.read import Store
from cloudchamber.study import find_study

SHOWERS = "primary,lg_energy_ev,zenith_deg\np,18.0,10.0\nFe,18.5,20.0\n"
RIGHT = {
    "plain": SHOWERS,
    "byte-order mark": "\ufeff" + SHOWERS,
    "carriage returns": SHOWERS.replace("\n", "\r\n"),
    "comment": "# made by hand\n\n" + SHOWERS,
    "names in the last comment": "# a catalogue\n# " + SHOWERS,
    "quotes": '"primary","lg_energy_ev","zenith_deg"\n"p",18.0,10.0\n"Fe",18.5,20.0\n',
    "semicolons": SHOWERS.replace(",", ";"),
    "tabs": SHOWERS.replace(",", "\t"),
    "bars": SHOWERS.replace(",", " | "),
    "spaces": SHOWERS.replace(",", "   "),
    "unit in the head": SHOWERS.replace("zenith_deg", "zenith_deg [deg]"),
    "radians in the head": f"primary,lg_energy_ev,zenith_deg (rad)\np,18.0,{np.radians(10.0)}\nFe,18.5,{np.radians(20.0)}\n",
    "row of units": SHOWERS.replace("deg\n", "deg\n,,deg\n"),
    "row of units in radians": f"primary,lg_energy_ev,zenith_deg\n,,rad\np,18.0,{np.radians(10.0)}\nFe,18.5,{np.radians(20.0)}\n",
    "other columns with gaps": "note,primary,lg_energy_ev,zenith_deg\n,p,18.0,10.0\nx,Fe,18.5,20.0\n",
}
WRONG = {
    "twice": ("primary,lg_energy_ev,zenith_deg,lg_energy_ev\np,18.0,10.0,18.9\n", "gives the column 'lg_energy_ev' twice"),
    "empty": ("", "is empty"),
    "missing cell": ("primary,lg_energy_ev,zenith_deg\np,18.0,10.0\nFe,,20.0\n", "line 3, column 'lg_energy_ev': no value"),
    "missing category": ("primary,lg_energy_ev,zenith_deg\np,18.0,10.0\n,18,20.0\n", "line 3, column 'primary': no value"),
    "short line": (SHOWERS + "p,18.0\n", "line 4: 2 cells, the header has 3"),
    "no header": ("p,18.0,10.0\nFe,18.5,20.0\n", "line 1: 'p,18.0,10.0' holds numbers, not the columns' names"),
    "another kind of unit": (SHOWERS.replace("zenith_deg", "zenith_deg [m]"), "column 'zenith_deg' is in deg, got m"),
    "unknown unit": (SHOWERS.replace("zenith_deg", "zenith_deg [furlong]"), "'furlong' is no unit that is known"),
    "energy for its logarithm": (SHOWERS.replace("lg_energy_ev", "lg_energy_ev [eV]"), r"column 'lg_energy_ev' is in lg\(E/eV\)"),
}


def test_every_dialect_holds_the_same_showers(tmp_path: Path) -> None:
    """They are given to ``sample``, whose store holds them beside what is drawn."""
    for number, (name, text) in enumerate(RIGHT.items()):
        file = tmp_path / f"{number}.csv"
        file.write_bytes(text.encode("utf-8"))
        main(["sample", "airshower", str(tmp_path / f"out{number}"), "--given", str(file), "--seed", "1"])
        given = Store(tmp_path / f"out{number}").read(["primary", "lg_energy_ev", "zenith_deg"])
        assert given["primary"].tolist() == [0, 4], name
        np.testing.assert_allclose(given["lg_energy_ev"], [18.0, 18.5], err_msg=name)
        np.testing.assert_allclose(given["zenith_deg"], [10.0, 20.0], rtol=1e-6, err_msg=name)


@pytest.mark.parametrize("name", WRONG)
def test_what_a_table_leaves_open_is_refused(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text, message = WRONG[name]
    file = tmp_path / "showers.csv"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SystemExit) as ended:
        main(["sample", "airshower", str(tmp_path / "out"), "--given", str(file)])
    assert ended.value.code == 2
    assert re.search(message, " ".join(capsys.readouterr().err.split()))


def test_an_array_with_an_entry_missing_is_refused(tmp_path: Path) -> None:
    study = find_study("calorimeter")
    names = [f"deposit_mev[{crystal}]" for crystal in range(25) if crystal != 12]
    file = tmp_path / "shower.csv"
    file.write_text(",".join(names) + "\n" + ",".join("1.5" for _ in names) + "\n")
    with pytest.raises(ValueError, match=r"lacks the column 'deposit_mev\[12\]'"):
        whole(read_csv(file, study.simulator.schema.columns))
    file.write_text("deposit_mev,deposit_mev[0]\n1,2\n")
    with pytest.raises(ValueError, match="both whole and by entries"):
        whole(read_csv(file, study.simulator.schema.columns))


def test_whole_numbers_stay_whole(tmp_path: Path) -> None:
    file = tmp_path / "numbers.csv"
    file.write_text("event,gps_ns,energy\n1400000000000000001,1234567890123456789,1.5\n1400000000000000002,1234567890123456790,2\n")
    table = whole(read_csv(file))
    assert table["event"].tolist() == [1400000000000000001, 1400000000000000002] and table["gps_ns"].dtype == np.int64
    assert table["energy"].tolist() == [1.5, 2.0]


def test_units_of_an_index_are_none() -> None:
    text = read_text(Path("a.csv"), ["a[0],a[1],b [GeV],c (m)\n", "1,2,3,4\n"])
    assert text.names == ("a[0]", "a[1]", "b", "c") and text.units == {"b": "GeV", "c": "m"}
    assert list(text.rows) == [(2, ["1", "2", "3", "4"])]
