"""What cosmic rays do to a wafer: where they hit, what they leave, and what of it reaches each bolometer."""
