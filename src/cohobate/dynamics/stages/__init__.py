"""How systems are advanced: integrators, relaxers, and what makes a run of them."""
