"""Gamma rays as the Fermi-LAT sees them: its point spread, its exposure, populations of sources, diffuse emission."""
