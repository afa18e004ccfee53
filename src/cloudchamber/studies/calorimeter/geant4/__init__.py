"""Showers of Geant4 itself."""
