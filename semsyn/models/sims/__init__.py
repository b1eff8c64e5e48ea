"""SIMS: semi-parametric image synthesis."""
