"""Local interstellar spectra of protons and helium, by name.

Fluxes are per m2 s sr GeV of kinetic energy per nucleon, energies kinetic energies per nucleon in GeV. A force field's phi belongs to the spectrum that it
was fitted with: the same cosmic rays at the Earth need 379 MV with one of these and 273 MV with the other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Interstellar = Literal["corti_2019", "burger_usoskin_2000"]

PROTON_MASS_GEV = 0.938272
CHARGE, NUCLEONS = (1, 2), (1, 4)
"""Of protons and of helium, in the order of ``columns.SPECIES``."""
HELIUM_SHARE, HELIUM_INDEX, HELIUM_PIVOT_GV = 0.1762, 0.115, 10.0


def momentum_gev(energy_gev: Array) -> Array:
    """Momentum per nucleon, GeV/c; of protons it is the rigidity in GV."""
    return np.sqrt(energy_gev * (energy_gev + 2 * PROTON_MASS_GEV))


def energy_gev_at(rigidity_gv: Array, species: int = 0) -> Array:
    """Kinetic energy per nucleon at a rigidity."""
    momentum = np.asarray(rigidity_gv, float) * CHARGE[species] / NUCLEONS[species]
    return np.sqrt(momentum**2 + PROTON_MASS_GEV**2) - PROTON_MASS_GEV


def beta_of(energy_gev: Array) -> Array:
    """Speed over that of light."""
    return momentum_gev(energy_gev) / (energy_gev + PROTON_MASS_GEV)


def burger_usoskin_2000(energy_gev: Array) -> Array:
    """Protons of Burger et al. (2000) as Usoskin et al. (2005) write it: the usual one of neutron monitors' phi; misses AMS-02 by some 8 %.

    References: R. Burger et al., JGR 105 (2000) 27447; I. Usoskin et al., JGR 110 (2005) A12108.
    """
    p = momentum_gev(energy_gev)
    return 1.9e4 * p**-2.78 / (1 + 0.4866 * p**-2.51)


def corti_2019(energy_gev: Array) -> Array:
    """Protons of Corti et al. (2019), fitted to Voyager 1 and AMS-02: a power law in rigidity with three smooth breaks.

    References: C. Corti et al., ApJ 871 (2019) 253.
    """
    rigidity = momentum_gev(energy_gev)
    flux = 5658.0 * rigidity**1.669
    for at_gv, smooth, change in ((0.572, 1.78, -4.117), (6.2, 3.89, -0.423), (540.0, 1.53, -0.26)):
        flux = flux * ((1 + (rigidity / at_gv) ** smooth) / (1 + at_gv**-smooth)) ** (change / smooth)
    return flux / beta_of(energy_gev)


SPECTRA: dict[Interstellar, Callable[[Array], Array]] = {"corti_2019": corti_2019, "burger_usoskin_2000": burger_usoskin_2000}


def helium_of(protons: Callable[[Array], Array]) -> Callable[[Array], Array]:
    """Interstellar helium, per GeV per nucleon: the protons' spectrum in rigidity times 0.1762 (R / 10 GV)^0.115, which fits AMS-02's helium of 2011-18 to 4 %.

    References: M. Aguilar et al. (AMS), Phys. Rept. 894 (2021) 1 (the data that the ratio was fitted to).
    """

    def helium(energy_gev: Array) -> Array:
        rigidity = momentum_gev(energy_gev) * NUCLEONS[1] / CHARGE[1]
        proton_energy = energy_gev_at(rigidity)
        in_rigidity = protons(proton_energy) * beta_of(proton_energy)
        ratio = HELIUM_SHARE * (rigidity / HELIUM_PIVOT_GV) ** HELIUM_INDEX
        return ratio * in_rigidity * NUCLEONS[1] / CHARGE[1] / beta_of(energy_gev)

    return helium
