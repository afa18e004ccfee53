"""Scintillating crystals as materials: what they are made of, and the constants that scale a shower."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Material:
    """A compound. ``elements``: (Z, A, atoms in the formula) of each element; ``radiation_length_g_cm2`` as the Particle Data Group lists it.

    ``geant4_name``: its name in Geant4's NIST data base. Dopants (thallium in CsI) are neglected.
    """

    geant4_name: str
    density_g_cm3: float
    radiation_length_g_cm2: float
    elements: tuple[tuple[int, float, int], ...]

    @property
    def z(self) -> float:
        """Effective atomic number, the mean by mass fraction."""
        return self._mean(0)

    @property
    def a(self) -> float:
        """Effective mass number, the mean by mass fraction."""
        return self._mean(1)

    @property
    def radiation_length_mm(self) -> float:
        """X0 in mm."""
        return 10 * self.radiation_length_g_cm2 / self.density_g_cm3

    @property
    def critical_energy_mev(self) -> float:
        """Ec = 2.66 MeV (X0 Z / A)^1.1 with X0 in g/cm2, the definition that GFlash's formulas are fitted with.

        References: G. Grindhammer and S. Peters, hep-ex/0001020, appendix.
        """
        return 2.66 * (self.radiation_length_g_cm2 * self.z / self.a) ** 1.1

    @property
    def moliere_radius_mm(self) -> float:
        """21.2 MeV X0 / Ec."""
        return self.radiation_length_mm * 21.2 / self.critical_energy_mev

    def _mean(self, entry: int) -> float:
        mass = sum(a * atoms for _, a, atoms in self.elements)
        return sum(element[entry] * element[1] * element[2] for element in self.elements) / mass


MATERIALS = {
    "CsI": Material("G4_CESIUM_IODIDE", 4.51, 8.39, ((55, 132.905, 1), (53, 126.904, 1))),
    "NaI": Material("G4_SODIUM_IODIDE", 3.667, 9.49, ((11, 22.990, 1), (53, 126.904, 1))),
    "BaF2": Material("G4_BARIUM_FLUORIDE", 4.893, 9.91, ((56, 137.327, 1), (9, 18.998, 2))),
    "BGO": Material("G4_BGO", 7.13, 7.97, ((83, 208.980, 4), (32, 72.630, 3), (8, 15.999, 12))),
    "PbWO4": Material("G4_PbWO4", 8.3, 7.39, ((82, 207.2, 1), (74, 183.84, 1), (8, 15.999, 4))),
}
