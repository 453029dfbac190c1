"""Random ways to use a learner, and what holds in all of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from cohobate.propose.learners import Learner

KINDS = ("ask", "ask", "tell", "tell", "tell", "tell", "release", "exclude", "peek", "mark", "forget")
moves = st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 12)), max_size=60)
"""What is done, and with which of the points that are out, or with how many."""


def wander(make: Callable[[], Learner[Any]], value: Callable[[Any], Any], path: list[tuple[str, int]]) -> Learner[Any]:
    """Returns a learner that went a path; a twin that is never peeked at made the same choices all along."""
    learner, twin = make(), make()
    for kind, k in path:
        known, out, holes = set(learner.data), set(learner.pending_points), set(learner.holes)
        match kind:
            case "ask":
                points, gains = learner.ask(k)
                assert (points, gains) == twin.ask(k)
                assert len(points) <= k
                assert len(gains) == len(points) == len(set(points))
                assert not set(points) & (known | out | holes)
                assert set(learner.pending_points) == out | set(points)
            case "peek":
                before = learner.method.gain(), learner.loss(), learner.loss(real=False), learner.done()
                points, gains = learner.ask(k, tell_pending=False)
                assert set(learner.pending_points) == out
                assert before == (learner.method.gain(), learner.loss(), learner.loss(real=False), learner.done())
                if points:
                    assert gains[0] == before[0] or k > 1
                elif k:
                    assert before[0] == 0
            case _:
                _one(learner, kind, k, value)
                _one(twin, kind, k, value)
        _consistent(learner)
    assert [*map(str, learner.data.items())] == [*map(str, twin.data.items())]
    assert learner.ask(5) == twin.ask(5)
    return learner


def _one(learner: Learner[Any], kind: str, k: int, value: Callable[[Any], Any]) -> None:
    """Does something with one of the points that are out."""
    out = list(learner.pending_points)
    if kind == "forget" and k == 0:
        learner.remove_unfinished()
        assert not learner.pending_points
    if not out:
        return
    point = out[k % len(out)]
    match kind:
        case "tell":
            learner.tell(point, value(point))
            assert point in learner.data or (value(point) is None and point in learner.holes)
        case "release":
            learner.method.release([point])
            assert point not in learner.pending_points
        case "exclude":
            learner.tell(point, None)
            assert point in learner.holes
        case "mark":
            learner.method.release([point])
            learner.tell_pending(point)
            learner.tell_pending(point)
            assert point in learner.pending_points


def _consistent(learner: Learner[Any]) -> None:
    known, out, holes = set(learner.data), set(learner.pending_points), set(learner.holes)
    assert not known & out
    assert not known & holes
    assert not out & holes
    assert learner.npoints == len(known)
    assert learner.loss() >= 0
    assert learner.loss(real=False) >= 0
    assert learner.done() or learner.loss() != 0
