"""Choosing points of a space of variables by models of what is wanted there."""
