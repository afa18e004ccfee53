"""What is asked of drawn maps of the diffuse emission: their observables, checks and figures."""
