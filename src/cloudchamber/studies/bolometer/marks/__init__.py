"""A generator of hits: what is exactly known of them, and what a network learns from the Monte Carlo's."""
