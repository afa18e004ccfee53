"""Counts, exposures and templates of users, in the files that the tools of the field write, as images of base pixel 4."""
