"""Refits: when they start and from when on they hold."""

from __future__ import annotations

from cohobate.learn.refits import Refits


def test_fits_start_at_growing_numbers_and_hold_four_values_later():
    refits, started, holds = Refits(), [], []
    for n in range(1, 70):
        refits.settle({**dict.fromkeys(range(n), 1.0), 1000: None})
        if refits.coming is not None and len(refits.coming.targets) == n + 1:
            started.append(n)
        if refits.current is not None and len(refits.current.targets) - 1 not in [was for was, _ in holds]:
            holds.append((len(refits.current.targets) - 1, n))
    assert started == [8, 12, 18, 27, 41, 62]
    assert holds == [(8, 12), (12, 16), (18, 22), (27, 31), (41, 45), (62, 66)]


def test_a_snapshot_stays_as_it_was():
    refits, targets = Refits(), dict.fromkeys(range(8), 0.0)
    refits.settle(targets)
    targets[9] = 1.0
    assert refits.coming is not None
    assert 9 not in refits.coming.targets


def test_many_values_at_once_are_one_fit():
    refits = Refits()
    refits.settle(dict.fromkeys(range(100), 0.0))
    assert refits.current is None
    assert refits.coming is not None
    assert len(refits.coming.targets) == 100
