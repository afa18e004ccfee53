"""Shower fronts on an array of scintillators."""
