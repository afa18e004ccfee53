"""Checks: physics statements about truth and answer, with a limit and a floor."""
