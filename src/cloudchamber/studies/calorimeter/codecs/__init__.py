"""Deposits and beams as flat numbers."""
