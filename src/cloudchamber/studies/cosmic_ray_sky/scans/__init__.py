"""Classical searches of the field."""
