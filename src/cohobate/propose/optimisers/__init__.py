"""Optimisers as generators, one module each."""
