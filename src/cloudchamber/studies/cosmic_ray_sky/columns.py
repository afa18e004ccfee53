"""The columns of a sky of cosmic rays: what made it (theta), and the arrival directions and energies (x, one value a cosmic ray)."""

from __future__ import annotations

from cloudchamber.schema import Column

KINDS = ("isotropy", "signal")
ISOTROPY, SIGNAL = range(2)

THETA = {
    "kind": Column(doc="whether the sky holds cosmic rays of sources", categories=KINDS),
    "n_signal": Column(doc="cosmic rays of sources, 0 for isotropy", dtype="int64", low=0),
    "source_lon_deg": Column(unit="deg", doc="Galactic longitude of the brightest source; a random direction for isotropy", low=-180.0, high=180.0),
    "source_lat_deg": Column(unit="deg", doc="Galactic latitude of the brightest source; a random direction for isotropy", low=-90.0, high=90.0),
}

X = {
    "lon_deg": Column(unit="deg", doc="Galactic longitude of the arrival direction", low=-180.0, high=180.0, ragged=True),
    "lat_deg": Column(unit="deg", doc="Galactic latitude of the arrival direction", low=-90.0, high=90.0, ragged=True),
    "energy_ev": Column(unit="eV", doc="energy", low=0.0, ragged=True),
    "exposure": Column(doc="directional exposure there, relative to its mean over the sphere", low=0.0, ragged=True),
    "charge": Column(unit="e", doc="charge number (truth)", dtype="int16", low=0, ragged=True),
    "from_source": Column(doc="1 for a cosmic ray of a source, 0 for the isotropic background (truth)", dtype="int16", low=0, high=1, ragged=True),
}

SEEN = ("lon_deg", "lat_deg", "energy_ev", "exposure")
"""The columns that an observatory sees, those that networks are given."""
