"""Draws campaigns with matplotlib, without pyplot and without a window."""
