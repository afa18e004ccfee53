"""Constants of nature and of air that the simulator's parts share.

Two mean masses of air, each right in its place: cross-sections of real air (argon too) go with 14.55, lengths from the event library's cross-sections with
14.44, since the library collides with nitrogen and oxygen alone, argon counted as oxygen.

References: CODATA 2018; IUPAC standard atomic weights; ICRU Report 37 (1984), dry air; D. Heck et al., FZKA 6019 (1998), air's composition by number.
"""

from __future__ import annotations

AVOGADRO = 6.02214076e23
ATOMIC_MASS_G_MB = 1e27 / AVOGADRO
"""Interaction length [g/cm2] = ATOMIC_MASS_G_MB * mean target mass / cross-section [mb]."""
FINE_STRUCTURE = 1.0 / 137.035999
ELECTRON_RADIUS2_CM2 = 2.8179403e-13**2
ELECTRON_MASS_GEV = 0.51099895e-3
NUCLEON_MASS_GEV = 0.9389
"""Mean of proton and neutron."""
AIR_ELEMENTS = ((7, 14.007, 0.755392), (8, 15.999, 0.231781), (18, 39.948, 0.012827))
"""Charge, molar mass and mass fraction of dry air; its 0.012 % of carbon is counted as nitrogen."""
AIR_MASS = 1.0 / sum(fraction / mass for _, mass, fraction in AIR_ELEMENTS)
"""Mean atomic mass of air, 14.55."""
LIBRARY_TARGETS = (("N", 0.7847), ("O", 0.2153))
"""What the event library collides with: shares by number."""
LIBRARY_TARGET_MASS = sum(share * {"N": 14.007, "O": 15.999}[element] for element, share in LIBRARY_TARGETS)
"""Mean atomic mass of the event library's targets, 14.44."""
