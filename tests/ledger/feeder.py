"""A driver to be killed: appends evaluations for ever and prints how many events are durable."""

from __future__ import annotations

import sys

from cohobate.ledger.ledger import open_ledger
from ledger.histories import evaluation, opening


def main(folder: str, durability: str) -> None:
    ledger = open_ledger(folder, durability=durability)  # type: ignore[arg-type] # from the command line
    if ledger.appended == 0:
        ledger.append(opening())
    ledger.flush()
    trial = (ledger.appended - 2) // 4
    ledger.append(evaluation(trial)[(ledger.appended - 2) % 4 :])
    said = 0
    while True:
        trial += 1
        ledger.append(evaluation(trial))
        if ledger.durable > said:
            said = ledger.durable
            print(said, flush=True)  # noqa: T201 the parent reads it
        if ledger.appended - ledger.durable > 40:
            ledger.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
