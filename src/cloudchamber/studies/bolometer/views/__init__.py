"""Two views of one truth: single hits, and windows of data."""
