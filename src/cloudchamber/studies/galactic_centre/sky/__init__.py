"""Maps of photon counts towards the Galactic Centre: the excess, sources, diffuse emission, and what the instrument makes of them."""
