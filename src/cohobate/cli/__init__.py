"""The command line: the commands of ``cohobate``, from ``init`` to ``doctor``."""

from cohobate.cli.main import main

__all__ = ["main"]
