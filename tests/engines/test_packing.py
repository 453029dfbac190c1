"""Who may start: never more than there is, nothing lost, nobody passed over for ever, nothing idle without need."""

from __future__ import annotations

from fractions import Fraction
from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from cohobate.core.needs import exact, fits, left, wrong_needs
from cohobate.engines.packing import Packing

HAS = {"cores": 4, "gpu": ["0", "3"], "licence": 2, "memory": 1.0}
AMOUNTS = {"cores": 4, "gpu": 2, "licence": 2, "memory": 1.0}
NEEDS = st.fixed_dictionaries(
    {},
    optional={
        "cores": st.integers(1, 4),
        "gpu": st.integers(0, 2),
        "licence": st.sampled_from([0, 0.5, 1, 1.5, 2]),
        "memory": st.sampled_from([0, 0.1, 0.2, 0.3, 0.7, 1.0]),
    },
)


def total(needs: dict[str, float]) -> dict[str, Fraction]:
    """What a task occupies, by exact arithmetic of its own."""
    return {name: Fraction(str(much)) for name, much in {"cores": 1, **needs}.items() if much}


class Packed(RuleBasedStateMachine):
    """Beside the packing, the plainest account of who came, runs and waits."""

    @initialize()
    def begin(self) -> None:
        self.packing = Packing(HAS)
        self.needs: list[dict[str, float]] = []
        self.waiting: list[int] = []
        self.running: dict[int, dict[str, tuple[str, ...]]] = {}

    @rule(needs=NEEDS)
    def ask(self, needs: dict[str, float]) -> None:
        self.packing.ask(len(self.needs), needs)
        self.waiting.append(len(self.needs))
        self.needs.append(needs)

    @rule()
    def start(self) -> None:
        started = self.packing.start()
        keys = [key for key, _ in started]
        assert keys == sorted(keys)
        for key, grant in started:
            self.waiting.remove(key)
            self.running[key] = grant

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def end(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.running)))
        del self.running[key]
        self.packing.give_back(key)

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def drop(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(self.waiting))
        self.waiting.remove(key)
        assert self.packing.drop(key)
        assert not self.packing.drop(key)

    def free(self) -> dict[str, Fraction]:
        used = [total(self.needs[key]) for key in self.running]
        return {name: Fraction(str(much)) - sum(u.get(name, 0) for u in used) for name, much in AMOUNTS.items()}

    @invariant()
    def never_more_than_there_is(self) -> None:
        assert min(self.free().values()) >= 0
        ids = [each for grant in self.running.values() for each in grant.get("gpu", ())]
        assert len(ids) == len(set(ids))
        assert set(ids) <= {"0", "3"}

    @invariant()
    def each_has_what_it_asked_for(self) -> None:
        for key, grant in self.running.items():
            assert len(grant.get("gpu", ())) == self.needs[key].get("gpu", 0)

    @invariant()
    def what_is_free_is_told(self) -> None:
        wanted = [total(self.needs[key]) for key in self.waiting]
        beyond = {name: much - sum(w.get(name, 0) for w in wanted) for name, much in self.free().items()}
        assert self.packing.free() == {name: float(max(0, much)) for name, much in beyond.items()}
        assert self.packing.room() == beyond["cores"]
        assert len(self.packing) == len(self.waiting)

    @invariant()
    def the_first_that_waits_starts_once_it_fits(self) -> None:
        started = {key for key, _ in self.packing_as_is().start()}
        free = self.free()
        if self.waiting:
            first = total(self.needs[self.waiting[0]])
            assert (self.waiting[0] in started) == all(much <= free[name] for name, much in first.items())

    def packing_as_is(self) -> Packing:
        """One in the same state but for what was kept, made anew."""
        made = Packing(HAS)
        for key in (*self.running, *self.waiting):
            made.ask(key, self.needs[key])
            if key in self.running:
                assert [each for each, _ in made.start()] == [key]
        return made

    def teardown(self) -> None:
        while self.running or self.waiting:
            self.start()
            assert self.running, "nothing runs, and nothing starts"
            self.end_first()
        assert self.packing.has() == AMOUNTS
        assert self.packing.free() == AMOUNTS

    def end_first(self) -> None:
        key = min(self.running)
        del self.running[key]
        self.packing.give_back(key)


TestPacked = Packed.TestCase


def keys(started: list[tuple[object, object]]) -> list[object]:
    return [key for key, _ in started]


def test_a_wait_for_a_licence_holds_up_nobody_who_needs_a_core():
    packing = Packing({"cores": 3, "licence": 1})
    for key in "ab":
        packing.ask(key, {"licence": 1})
    packing.ask("c", {})
    packing.ask("d", {"licence": 0.5})
    packing.ask("e", {"cores": 1})
    assert keys(packing.start()) == ["a", "c", "e"]
    packing.give_back("a")
    assert keys(packing.start()) == ["b"]
    packing.give_back("b")
    assert keys(packing.start()) == ["d"]


def test_what_was_short_is_kept_though_something_else_is_short_now():
    packing = Packing({"cores": 9, "a": 1, "b": 1})
    packing.ask("a0", {"a": 1})
    packing.ask("both", {"a": 1, "b": 1})
    packing.ask("b0", {"b": 1})
    assert keys(packing.start()) == ["a0", "b0"]
    packing.ask("a1", {"a": 1})
    packing.give_back("a0")
    packing.ask("b1", {"b": 1})
    assert keys(packing.start()) == []  # both waits for b now, a is kept for it
    packing.give_back("b0")
    assert keys(packing.start()) == ["both"]


@given(st.lists(NEEDS, min_size=1, max_size=6), NEEDS)
def test_no_stream_of_others_keeps_one_waiting(stream, patient):
    packing = Packing(HAS)
    running: list[object] = []
    for number, needs in enumerate(stream * 3):
        packing.ask(number, needs)
    running += keys(packing.start())
    packing.ask("patient", patient)
    before = len(packing) + len(running)
    for turn in range(200):
        started = keys(packing.start())
        if "patient" in started:
            break
        running += started
        packing.give_back(running.pop(0))
        packing.ask(f"later {turn}", stream[turn % len(stream)])
    else:
        pytest.fail("it never started")
    # All that was there has ended, and for each resource what had taken it before it was found short.
    assert turn <= before + 4 * len(HAS)


@given(st.lists(NEEDS, max_size=12))
def test_what_does_not_start_lacks_something_that_nobody_before_it_waits_for(stream):
    packing = Packing(HAS)
    for number, needs in enumerate(stream):
        packing.ask(number, needs)
    started = set(keys(packing.start()))
    free = {name: Fraction(str(much)) for name, much in AMOUNTS.items()}
    for number in started:
        for name, much in total(stream[number]).items():
            free[name] -= much
    blocked: set[str] = set()
    for number, needs in enumerate(stream):
        short = {name for name, much in total(needs).items() if much > free[name] or name in blocked}
        assert number in started or short
        blocked |= set() if number in started else {name for name in total(needs) if name in short}


def test_the_pieces_used_last_are_given_again_first():
    packing = Packing({"cores": [0, 1, 2, 3], "gpu": ["a", "b"]})
    for key in "xy":
        packing.ask(key, {"cores": 2, "gpu": 1})
    first = dict(packing.start())
    assert first == {"x": {"cores": (0, 1), "gpu": ("a",)}, "y": {"cores": (2, 3), "gpu": ("b",)}}
    packing.give_back("y")
    packing.ask("z", {"cores": 2, "gpu": 1})
    assert dict(packing.start()) == {"z": first["y"]}


def test_what_was_kept_for_one_that_is_gone_is_not_kept_for_the_next():
    packing = Packing({"cores": 9, "a": 1, "b": 1})
    for key, needs in {"a0": {"a": 1}, "gone": {"a": 1, "b": 1}, "next": {"a": 1, "b": 1}, "b0": {"b": 1}}.items():
        packing.ask(key, needs)
    assert keys(packing.start()) == ["a0", "b0"]
    assert packing.drop("gone")
    packing.give_back("a0")
    packing.ask("a1", {"a": 1})
    assert keys(packing.start()) == ["a1"]  # next has found only b short


# Arithmetic.


def test_three_tenths_are_three_times_a_tenth():
    free: dict[str, float] = {"cores": 9, "licence": 0.3}
    for _ in range(3):
        assert fits({"licence": 0.1}, free)
        free = left(free, {"licence": 0.1})
    assert free == {"cores": 6, "licence": 0}
    assert not fits({"licence": 1e-9}, free)


@given(NEEDS)
def test_what_can_never_be_met_is_what_does_not_fit_into_all_there_is(needs):
    assert (wrong_needs(needs, AMOUNTS) is None) == fits(needs, AMOUNTS)
    doubled = {name: 2 * much for name, much in needs.items()}
    assert (wrong_needs(doubled, AMOUNTS) is None) == fits(doubled, AMOUNTS)


def test_a_task_without_needs_fits_everywhere_but_where_no_core_is_free():
    assert fits({}, {})
    assert fits({}, {"cores": 1})
    assert not fits({}, {"cores": 0})


@pytest.mark.parametrize(
    ("needs", "line"),
    [
        ({"licnce": 1}, "needs: there is no 'licnce'; did you mean 'licence'? There is cores 4, gpu 2, licence 1.5"),
        ({"oven": 1}, "needs: there is no 'oven'; there is cores 4, gpu 2, licence 1.5"),
        ({"gpu": 3}, "needs: gpu 3 can never be had: there is cores 4, gpu 2, licence 1.5"),
        ({"licence": -1}, "needs: expected a number of 'licence' from 0 up, got -1"),
        ({"licence": nan}, "needs: expected a number of 'licence' from 0 up, got nan"),
        ({"licence": inf}, "needs: expected a number of 'licence' from 0 up, got inf"),
        ({"licence": "1"}, "needs: expected a number of 'licence', got '1'"),
        ({"licence": True}, "needs: expected a number of 'licence', got True"),
        ({"gpu": 0.5}, "needs: expected a whole number of 'gpu', got 0.5"),
        ({"cores": 0}, "needs: a task occupies at least one core, got cores 0"),
        ([1], "needs: expected names with numbers such as {'cores': 2, 'licence': 1}, got [1]"),
        ({1: 1}, "needs: there is no 1; there is cores 4, gpu 2, licence 1.5"),
        ({}, None),
        ({"cores": 4, "gpu": 2.0, "licence": 1.5}, None),
    ],
)
def test_wrong_needs_are_told_in_a_line(needs, line):
    assert wrong_needs(needs, {"cores": 4, "gpu": 2, "licence": 1.5}) == line


def test_numbers_of_numpy_are_numbers():
    numpy = pytest.importorskip("numpy")
    assert wrong_needs({"licence": numpy.float64(0.1), "cores": numpy.int64(2)}, {"cores": 2, "licence": 0.1}) is None
    assert exact(numpy.float32(0.5)) == Fraction(1, 2)
