"""A driver to be watched: writes a line to ``acks`` each time it sees that more of its events are durable."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

from cohobate.core.errors import LedgerError
from cohobate.core.events import Event, Finished, Proposed
from cohobate.core.outcome import Value
from cohobate.core.trial import Evaluated, Trial
from cohobate.ledger.ledger import open_ledger
from cohobate.ledger.spool import write_spool
from ledger.histories import evaluation, opening

ALONE = 12
"""Commits that are acknowledged one by one."""
BURST = 2500
"""Evaluations that are then appended without waiting."""


def with_blob(i: int) -> list[Event]:
    return [Proposed("main", i + 1, (Trial(i, {}),)), Finished(i, 1, Value({"b": bytes([i]) * 70_000}), 1.0)]


def main(folder: str, durability: str) -> None:
    acks = os.open(Path(folder) / "acks", os.O_WRONLY | os.O_CREAT)
    with open_ledger(Path(folder) / "above" / "run", durability=durability) as ledger:  # type: ignore[arg-type] # from the command line
        ledger.append(opening())
        for i in range(ALONE):
            ledger.append(with_blob(i) if i % 4 == 3 else evaluation(i))
            ledger.flush()
            os.write(acks, b"%d\n" % ledger.durable)
        said = ledger.durable
        for i in range(ALONE, ALONE + BURST):
            ledger.append(evaluation(i))
        while said < ledger.appended:
            with suppress(LedgerError):
                ledger.flush(timeout=0.001)
            if (durable := ledger.durable) > said:
                said = durable
                os.write(acks, b"%d\n" % said)
    write_spool(Path(folder) / "above" / "run", 1, 7, 1, "0" * 64, Evaluated(Value({"y": 1.0}), 1.0, 2.0))
    os.write(acks, b"spooled\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
