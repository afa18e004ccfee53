"""Exact Bayes factors, and the sensitivity that they allow."""
