"""The columns of an air shower: what was (theta) and what is seen along its axis and at the ground (x)."""

from __future__ import annotations

import numpy as np

from cloudchamber.schema import Column

DEPTH_STEP_G_CM2 = 10.0
N_DEPTH = 248
PRIMARIES = ("p", "He", "N", "Si", "Fe", "photon")
MASS_NUMBER = {"p": 1, "He": 4, "N": 14, "Si": 28, "Fe": 56, "photon": 0}

THETA = {
    "primary": Column(doc="primary particle", dtype="int64", categories=PRIMARIES),
    # below a GeV there is no shower; an energy that is no logarithm lies far above
    "lg_energy_ev": Column(unit="lg(E/eV)", doc="decimal logarithm of the primary's energy in eV", low=9.0, high=24.0),
    "zenith_deg": Column(unit="deg", doc="zenith angle at the ground; above 90 it goes up", low=0.0, high=180.0),
    "azimuth_deg": Column(unit="deg", doc="azimuth angle of the shower axis", low=-180.0, high=180.0),
}

X = {
    "n_electron": Column((N_DEPTH,), doc="electrons and positrons above 1 MeV at each depth, zero below the ground", low=0.0),
    "n_muon": Column((N_DEPTH,), doc="muons above 1 GeV at each depth, zero below the ground", low=0.0),
    "energy_deposit_gev_per_g_cm2": Column((N_DEPTH,), unit="GeV cm2/g", doc="energy deposit dE/dX at each depth, zero below the ground", low=0.0),
    "n_hadron": Column((N_DEPTH,), doc="hadrons above 1 GeV at each depth, zero below the ground", low=0.0),
    "xmax_g_cm2": Column(unit="g/cm2", doc="slant depth of the maximum of n_electron; may lie below the ground", low=0.0),
    "nmax": Column(doc="n_electron at its maximum", low=0.0),
    "first_interaction_g_cm2": Column(unit="g/cm2", doc="slant depth of the first interaction", low=0.0),
    "calorimetric_energy_gev": Column(unit="GeV", doc="energy deposited in the atmosphere", low=0.0),
    "ground_energy_gev": Column(unit="GeV", doc="energy of the particles that reach the ground, muons among them", low=0.0),
    "invisible_energy_gev": Column(unit="GeV", doc="energy of the neutrinos", low=0.0),
    "xmax_deposit_g_cm2": Column(unit="g/cm2", doc="slant depth of the maximum of dE/dX; may lie below the ground", low=0.0),
}


def depth_grid() -> np.ndarray:
    """The slant depths of the profiles, 0, 10, ..., 2470 g/cm2, (N_DEPTH,)."""
    return DEPTH_STEP_G_CM2 * np.arange(N_DEPTH)
