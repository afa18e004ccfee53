"""The Galactic magnetic field, and what it does to arrival directions."""
