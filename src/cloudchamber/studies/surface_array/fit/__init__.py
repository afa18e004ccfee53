"""The standard reconstruction."""
