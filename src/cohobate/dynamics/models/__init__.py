"""What gives energies and forces of a batch."""
