"""Runs the command line as ``python -m cohobate.cli``."""

from cohobate.cli.main import main

main()
