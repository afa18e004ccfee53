"""Distances, calibration, classifiers, significances: numbers about two samples, or one."""
