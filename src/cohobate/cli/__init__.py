"""The command line: ``cohobate init, check, run, status, errors, show, export, plot, report, replay, snapshot, doctor``."""

from cohobate.cli.main import main

__all__ = ["main"]
