"""Refits: when they start and from when on they hold."""

from __future__ import annotations

from cohobate.models.refits import Pace, Refits


def test_fits_begin_at_growing_numbers_and_hold_when_the_next_begins():
    refits, begun, holds = Refits(), [], []
    for n in range(1, 70):
        before = refits.coming
        refits.settle({**dict.fromkeys(range(n), (1.0,)), 1000: None})
        if refits.coming is not before:
            assert refits.current is before
            begun.append(n)
            holds.append(len(refits.current.targets) - 1 if refits.current else 0)
    assert begun == [8, 12, 18, 27, 41, 62]
    assert holds == [0, 8, 12, 18, 27, 41]


def test_a_snapshot_stays_as_it_was():
    refits, targets = Refits(), dict.fromkeys(range(8), (0.0,))
    refits.settle(targets)
    targets[9] = (1.0,)
    assert refits.coming is not None
    assert 9 not in refits.coming.targets


def test_many_values_at_once_are_one_fit():
    refits = Refits()
    refits.settle(dict.fromkeys(range(100), (0.0,)))
    assert refits.current is None
    assert refits.coming is not None
    assert len(refits.coming.targets) == 100


def test_a_prompt_fit_holds_at_once_and_versions_count_what_took_hold():
    refits, holds = Refits(Pace(1, 1.05, prompt=True)), []
    for n in range(30):
        fit = refits.settle(dict.fromkeys(range(n), (1.0,)))
        holds += [] if fit is None else [(refits.version, fit.known)]
    assert holds == [(n, n) for n in range(1, 22)] + [(22, 23), (23, 25), (24, 27), (25, 29)]
    late = Refits()
    assert [late.settle(dict.fromkeys(range(n), (1.0,))) for n in (3, 8, 9)] == [None, None, None]
    assert late.version == 0
    taken = late.settle(dict.fromkeys(range(12), (1.0,)))
    assert taken is late.current
    assert (late.version, taken.known) == (1, 8)
