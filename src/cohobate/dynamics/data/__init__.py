"""Systems of atoms, alone and many in one batch."""
