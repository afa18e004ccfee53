"""What a file becomes: tables of events."""
