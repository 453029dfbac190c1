"""What a molecule is as text: a SMILES, a frame of an extended XYZ file, or a mol block."""
