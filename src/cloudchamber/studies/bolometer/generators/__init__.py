"""Generators of whole windows of data: what has been tried elsewhere, and what a modern network makes of the same task."""
