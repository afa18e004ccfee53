"""Profiles as flat numbers."""
