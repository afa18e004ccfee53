"""Maps of photon counts as numbers for networks."""
