from __future__ import annotations

import pytest

from cloudchamber.studies.calorimeter.materials import MATERIALS


@pytest.mark.parametrize(
    ("name", "radiation_length_mm", "moliere_radius_mm"),
    # Particle Data Group, properties of inorganic crystals
    [("CsI", 18.6, 35.7), ("NaI", 25.9, 41.3), ("BaF2", 20.3, 31.0), ("BGO", 11.2, 22.3), ("PbWO4", 8.9, 20.0)],
)
def test_lengths_are_those_of_the_particle_data_group(name: str, radiation_length_mm: float, moliere_radius_mm: float) -> None:
    material = MATERIALS[name]
    assert material.radiation_length_mm == pytest.approx(radiation_length_mm, rel=0.005)
    # GFlash's critical energy is a fit of its own
    assert material.moliere_radius_mm == pytest.approx(moliere_radius_mm, rel=0.15)


def test_effective_numbers_of_caesium_iodide() -> None:
    csi = MATERIALS["CsI"]
    assert 53 < csi.z < 55
    assert 126.9 < csi.a < 132.9
    # with X0 in mm it would be 25 MeV
    assert csi.critical_energy_mev == pytest.approx(10.5, abs=0.1)
