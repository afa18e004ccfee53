"""The cosmic rays that reach the detector: interstellar spectra, the Sun's modulation, its cycle, a user's own table."""
