from __future__ import annotations

from pathlib import Path

import pytest

from cloudchamber.studies.calorimeter.formats.binning import read_binning
from cloudchamber.studies.calorimeter.voxels import DATASETS, Voxels

TWO = """<Bins>
   <Bin pid="22" etaMin="0" etaMax="130" name="photon">
      <Layer id="0" r_edges="0,5,10" n_bin_alpha="1" />
      <Layer id="1" r_edges="0, 2.5 ,4" n_bin_alpha="10"/>
      <Layer id="4" r_edges="0" n_bin_alpha="1" />
   </Bin>
   <Bin pid="211" name="pion"><Layer id="0" r_edges="0,5" n_bin_alpha="2" /></Bin>
</Bins>
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "binning.xml"
    path.write_text(text)
    return path


def as_the_challenge_writes(voxels: Voxels) -> str:
    layers = "".join(
        f'      <Layer id="{layer.number}" r_edges="{",".join(f"{edge:g}" for edge in layer.r_edges_mm)}" n_bin_alpha="{layer.alpha_bins}" />\n'
        for layer in voxels.layers
    )
    return f'<Bins>\n   <Bin pid="{voxels.pid}" name="{voxels.particle}">\n{layers}   </Bin>\n</Bins>\n'


@pytest.mark.parametrize("voxels", DATASETS, ids=lambda voxels: str(voxels.cells))
def test_the_challenge_s_data_sets(voxels: Voxels, tmp_path: Path) -> None:
    assert read_binning(written(tmp_path, as_the_challenge_writes(voxels))) == voxels


def test_one_particle_of_several(tmp_path: Path) -> None:
    path = written(tmp_path, TWO)
    photon = read_binning(path, "photon")
    assert photon.cells == 22 and photon.pid == 22 and photon.layers[1].r_edges_mm == (0.0, 2.5, 4.0)
    assert read_binning(path, "pion").cells == 2
    with pytest.raises(ValueError, match=r"several binnings \(photon, pion\): name the particle"):
        read_binning(path)
    with pytest.raises(ValueError, match="0 binnings for 'electron', wanted one; there are: photon, pion"):
        read_binning(path, "electron")


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("</Bins>", "", "is not readable XML"),
        ('r_edges="0,5,10"', "", "<Layer> lacks the attribute 'r_edges'; it has: id, n_bin_alpha"),
        ("0,5,10", "0,ten", "layer 0 with r_edges='0,ten'"),
        ("0,5,10", "0,9,5", "must rise"),
        ('n_bin_alpha="10"', 'n_bin_alpha="many"', "layer 1 .*'many'"),
        ('id="1"', 'id="0"', "rising order"),
        ('pid="22"', "", "<Bin> lacks the attribute 'pid'"),
    ],
)
def test_faults_are_named(before: str, after: str, message: str, tmp_path: Path) -> None:
    path = written(tmp_path, TWO.replace(before, after))
    with pytest.raises(ValueError, match=f"binning.xml'.*{message}"):
        read_binning(path, "photon")


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holds no binning: wanted <Bins>"):
        read_binning(written(tmp_path, "<html><body/></html>"))
    with pytest.raises(ValueError, match="no binning file"):
        read_binning(tmp_path / "absent.xml")
