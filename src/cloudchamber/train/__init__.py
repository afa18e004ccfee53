"""One training loop, and how a store becomes batches."""
