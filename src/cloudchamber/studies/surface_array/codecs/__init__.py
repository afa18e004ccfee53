"""Stations as sets, and what was, beside the fit."""
