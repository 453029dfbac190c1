"""A driver to be killed: appends evaluations and prints how many events are durable, then waits."""

from __future__ import annotations

import sys

from cohobate.ledger.ledger import open_ledger
from ledger.histories import evaluation, opening

MOST = 1500
"""Trials appended by one driver."""


def main(folder: str, durability: str) -> None:
    ledger = open_ledger(folder, durability=durability)  # type: ignore[arg-type] # from the command line
    if ledger.appended == 0:
        ledger.append(opening())
    ledger.flush()
    first, half = divmod(ledger.appended - 2, 4)
    ledger.append(evaluation(first)[half:])
    said = 0
    for trial in range(first + 1, first + MOST):
        ledger.append(evaluation(trial))
        if ledger.durable > said:
            said = ledger.durable
            print(said, flush=True)  # noqa: T201 the parent reads it
        if ledger.appended - ledger.durable > 40:
            ledger.flush()
    sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
