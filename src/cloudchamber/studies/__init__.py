"""The built-in problems."""
