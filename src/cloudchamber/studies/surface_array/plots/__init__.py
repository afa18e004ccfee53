"""Figures of a report, and of single events."""
