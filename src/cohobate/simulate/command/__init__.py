"""External programs as simulators: input files in, output files out."""
