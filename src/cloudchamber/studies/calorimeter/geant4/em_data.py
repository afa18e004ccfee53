"""An electromagnetic data set for Geant4 made of formulas and xraylib, for machines without Geant4's official data sets.

Geant4's standard electromagnetic physics (options 0, 1 and 2) reads three things from files: bremsstrahlung of electrons below 1 GeV (``brem_SB``), the
photoelectric effect and Rayleigh scattering (``epics2017``). Bremsstrahlung is Tsai's screened formula with the Coulomb correction of Davies, Bethe and
Maximon, faded out below a few MeV where it fails; cross-sections of photons are xraylib's up to 800 keV, the photoelectric one goes on by a power law.

Accuracy: the bremsstrahlung spectrum is within 1.5 % of the evaluated one of Seltzer and Berger above 30 MeV for photons of up to 0.7 of the electron's
energy, and 12 to 27 % too low at 1 MeV. In a shower of 1 GeV in 5 x 5 CsI crystals this leaves the deposited energy (0.9694 +- 0.0006 of the beam's against
0.9689 +- 0.0006) and E1/E9 (0.753 against 0.752) where evaluated tables put them. Atomic de-excitation is left out, and so are hadrons and nuclei.

References: Y.-S. Tsai, Rev. Mod. Phys. 46 (1974) 815, eq. 3.38 to 3.41 and 3.83; H. Davies, H. Bethe and L. Maximon, Phys. Rev. 93 (1954) 788;
S. Seltzer and M. Berger, At. Data Nucl. Data Tables 35 (1986) 345; T. Schoonjans et al., Spectrochim. Acta B 66 (2011) 776 (xraylib).
"""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from cloudchamber.cache import building, cache_folder

VERSION = "geant4_em_1"
ELEMENTS = range(1, 93)
_ELECTRON_MEV = 0.51099895
_CLASSICAL_RADIUS_CM = 2.8179403262e-13
_ALPHA = 1 / 137.035999
_MILLIBARN_CM2 = 1e-27
_BARN_MM2 = 1e-22
_ENERGIES_MEV = np.geomspace(1e-3, 1e4, 71)
_FRACTIONS = np.concatenate([[0.0], np.linspace(0.05, 0.9, 18), 1 - np.array([7.5, 5, 3, 1, 0.5, 0.1, 0.05, 0.01, 0.005, 0.001]) / 100, [1.0]])
_XRAYLIB_MEV = np.geomspace(1e-3, 0.8, 400)


def ensure_em_data() -> Path:
    """The folder of the data set, built and logged once where it is missing; ImportError without xraylib."""
    folder = cache_folder("calorimeter") / VERSION
    with building(folder) as missing:
        if missing:
            temporary = Path(tempfile.mkdtemp(prefix=f"{VERSION}.", dir=folder.parent))
            try:
                build_em_data(temporary)
                temporary.rename(folder)
            finally:
                shutil.rmtree(temporary, ignore_errors=True)
            logging.getLogger(__name__).warning(
                "Geant4's official data sets are not installed: built an electromagnetic data set for e-, gamma and e+ in %s "
                "(deposits at 1 GeV are those of evaluated tables within 0.1 %%)",
                folder,
            )
    return folder


def build_em_data(folder: Path) -> None:
    """Write the data set's files into ``folder``, with an empty list of nuclear levels, which Geant4 wants to open."""
    for name in ("brem_SB", "epics2017/phot", "epics2017/rayl"):
        (folder / name).mkdir(parents=True)
    (folder / "ENSDFSTATE.dat").touch()
    for z in ELEMENTS:
        table = scaled_bremsstrahlung_mb(z, _ENERGIES_MEV[:, None], _FRACTIONS)
        lines = [f"0 {len(_FRACTIONS)} {len(_ENERGIES_MEV)}", _numbers(_FRACTIONS), _numbers(np.log(_ENERGIES_MEV)), *map(_numbers, table)]
        (folder / "brem_SB" / f"br{z}").write_text("\n".join(lines) + "\n")
        energies, cross_section = photoelectric_barn(z)
        (folder / "epics2017" / "phot" / f"pe-cs-{z}.dat").write_text(_vector(energies, cross_section * energies**3))
        for name in ("high", "low"):
            # one shell, and its fit begins at 1e9 MeV: the table above is always used
            (folder / "epics2017" / "phot" / f"pe-{name}-{z}.dat").write_text(f"1 1 1e9\n{energies[0]:.8g} 0 0 0 0 0 0\n")
        rayleigh = _xraylib("CSb_Rayl", z)
        (folder / "epics2017" / "rayl" / f"re-cs-{z}.dat").write_text(_vector(_XRAYLIB_MEV, rayleigh * _BARN_MM2 * _XRAYLIB_MEV**2))


def scaled_bremsstrahlung_mb(z: int, kinetic_mev: np.ndarray, fraction: np.ndarray) -> np.ndarray:
    """(beta / Z)^2 k dsigma/dk [mb] of an electron, broadcast over its kinetic energy and the photon's ``fraction`` of it (Tsai, eq. 3.83)."""
    total = kinetic_mev + _ELECTRON_MEV
    y = fraction * kinetic_mev / total
    delta = 100 * _ELECTRON_MEV * y / (total * (1 - y))
    gamma, epsilon = delta * z ** (-1 / 3), delta * z ** (-2 / 3)
    phi_1 = 16.863 - 2 * np.log1p(0.311877 * gamma**2) + 2.4 * np.exp(-0.9 * gamma) + 1.6 * np.exp(-1.5 * gamma)
    phi_difference = 2 / (3 + 19.5 * gamma + 18 * gamma**2)
    psi_1 = 24.34 - 2 * np.log1p(13.111641 * epsilon**2) + 2.8 * np.exp(-8 * epsilon) + 1.2 * np.exp(-29.2 * epsilon)
    psi_difference = 2 / (3 + 120 * epsilon + 1200 * epsilon**2)
    coulomb = coulomb_correction(z) * kinetic_mev / (kinetic_mev + 5.0)
    elastic = phi_1 / 4 - np.log(z) / 3 - coulomb
    inelastic = psi_1 / 4 - 2 / 3 * np.log(z)
    bracket = (1 - y + 0.75 * y**2) * (elastic + inelastic / z) + (1 - y) / 8 * (phi_difference + psi_difference / z)
    beta_2 = kinetic_mev * (kinetic_mev + 2 * _ELECTRON_MEV) / total**2
    return beta_2 * 16 / 3 * _ALPHA * _CLASSICAL_RADIUS_CM**2 / _MILLIBARN_CM2 * np.maximum(bracket, 1e-3)


def coulomb_correction(z: int) -> float:
    """f(Z) of Davies, Bethe and Maximon, to four digits."""
    a = (_ALPHA * z) ** 2
    return a * (1 / (1 + a) + 0.20206 - 0.0369 * a + 0.0083 * a**2 - 0.002 * a**3)


def photoelectric_barn(z: int) -> tuple[np.ndarray, np.ndarray]:
    """(energies [MeV], photoelectric cross-section [barn an atom]): xraylib's to 0.8 MeV, above it a power law whose exponent goes to -1 as 1/E."""
    low = _xraylib("CSb_Photo", z)
    edge = _XRAYLIB_MEV[-1]
    high = np.geomspace(1.05 * edge, 1e5, 200)
    exponent = np.log(low[-1] / low[-40]) / np.log(edge / _XRAYLIB_MEV[-40])
    continued = low[-1] * edge / high * np.exp((exponent + 1) * (1 - edge / high))
    return np.concatenate([_XRAYLIB_MEV, high]), np.concatenate([low, continued])


def _xraylib(function: str, z: int) -> np.ndarray:
    try:
        import xraylib
    except ImportError as error:
        raise ImportError("Geant4 without its official data sets needs 'xraylib': pip install 'cloudchamber[geant4]'") from error
    return np.array([getattr(xraylib, function)(z, 1e3 * energy) for energy in _XRAYLIB_MEV])


def _vector(energies: np.ndarray, values: np.ndarray) -> str:
    """Geant4's text format of a tabulated function."""
    rows = "\n".join(f"{x:.10g} {y:.8g}" for x, y in zip(energies, values, strict=True))
    return f"{energies[0]:.10g} {energies[-1]:.10g} {len(energies)}\n{len(energies)}\n{rows}\n"


def _numbers(values: Iterable[float]) -> str:
    return " ".join(f"{value:.8g}" for value in values)
