"""Families of conditional distributions."""
