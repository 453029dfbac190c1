"""Tells the story of one seed, event by event: ``PYTHONPATH=src:tests python -m simulation SEED [PARTS]``."""

from __future__ import annotations

import sys

from simulation.world import simulate

if __name__ == "__main__":
    lines: list[str] = []
    try:
        simulate(int(sys.argv[1]), lines, *map(int, sys.argv[2:]))
    finally:
        sys.stdout.write("\n".join([*lines, ""]))
