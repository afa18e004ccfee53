"""Constants that the study's parts share."""

from __future__ import annotations

LIGHT_M_NS = 0.299792458
"""The speed of light [m/ns]."""
