"""The classical analysis of a map of counts: amplitudes of templates, by maximum likelihood."""
