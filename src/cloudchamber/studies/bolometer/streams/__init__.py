"""Streams of a wafer's data: the Sun over time, sources of hits, and the filters that join them to data without an end."""
