"""Closed loops of simulations on atoms: propose, simulate, learn."""
