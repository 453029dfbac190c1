"""The command line: ``cohobate init, run, status, errors, export, plot, replay, snapshot, doctor``."""

from cohobate.cli.main import main

__all__ = ["main"]
