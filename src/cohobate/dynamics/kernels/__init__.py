"""Compiled loops over pairs of atoms for the CPU; imported when they are first needed, as numba takes a while."""
