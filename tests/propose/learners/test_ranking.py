"""The first of many is the least, whatever changed and was taken out."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cohobate.propose.learners.ranking import SLACK, Ranking

CHANGES = st.lists(st.tuples(st.integers(0, 7), st.none() | st.integers(0, 3), st.booleans()), max_size=60)


@given(CHANGES)
def test_the_first_is_the_least_that_is_not_closed(changes: list[tuple[int, int | None, bool]]):
    keys, closed = [0] * 8, set[int]()
    ranking = Ranking(8, lambda i: keys[i])
    for i, key, look in changes:
        if key is None:
            ranking.close(i)
            closed.add(i)
        else:
            keys[i] = key
            ranking.touch(i)
            closed.discard(i)
        if look:
            assert ranking.first() == min(((key, i) for i, key in enumerate(keys) if i not in closed), default=None)


def test_only_what_was_touched_is_looked_at():
    looked: list[int] = []
    ranking = Ranking(100, lambda i: looked.append(i) or float(i))
    assert ranking.first() == (0.0, 0)
    assert sorted(looked) == list(range(100))
    looked.clear()
    ranking.touch(7)
    ranking.touch(7)
    assert ranking.first() == (0.0, 0)
    assert looked == [7]


def test_the_heap_does_not_grow_for_ever():
    keys = [float(i) for i in range(10)]
    ranking = Ranking(10, keys.__getitem__)
    for step in range(2000):
        keys[9] = 100.0 + step
        ranking.touch(9)
        assert ranking.first() == (0.0, 0)
    assert len(ranking._heap) <= SLACK + 2 * 10 + 1
