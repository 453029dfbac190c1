"""Gaussian processes of values and of their gradients, which take in one point after the other."""
