"""The hybrid simulator: Monte Carlo at high energies, cascade equations below."""
