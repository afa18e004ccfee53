"""Layers that know no physics, and codecs between columns and flat numbers."""
