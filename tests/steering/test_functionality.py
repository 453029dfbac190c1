"""What persistent generators of libEnsemble are tested for: stopping, batches, polls, last results, priorities."""

from __future__ import annotations

import threading

import pytest

import cohobate as co
from cohobate.core.events import Closing, Finished, Proposed, Told
from cohobate.core.outcome import Cancelled, Value
from cohobate.core.protocols import Exhausted, Later
from steering.doing import LONG, PROBLEM, Counted, body, events, ids, told, whole, xs


@pytest.fixture(params=["inline", "threads"])
def engine(request: pytest.FixtureRequest):
    with getattr(co, request.param)(*([2] if request.param == "threads" else [])) as engine:
        yield engine


# the generator decides to stop


def test_a_generator_stops_the_campaign_and_its_value_is_kept(engine):
    @body
    def decides(steer):
        best = 1000.0
        for x in (9, 5, 3, 1, 7, 8):
            (result,) = steer.evaluate(xs(x))
            best = min(best, result["f"])
            if best < 4:
                steer.stop({"best": best, "after": x})
        return "never"

    result = co.Campaign(decides, Counted(), engine).run()
    assert result.value == {"best": 1.0, "after": 1}
    assert [row[1] for row in told(result)] == [9, 5, 3, 1]
    assert "returned" in result.reason


def test_of_two_generators_each_is_told_only_its_own_and_either_may_stop(engine):
    heard: dict[str, list[str]] = {"short": [], "long": []}

    def of(name: str, rounds: int):
        @body
        def samples(steer):
            for i in range(rounds):
                results = steer.evaluate(xs(i, i + 0.5))
                heard[name] += [result.trial.generator for result in results]
            return rounds

        return samples

    members = {"short": of("short", 2), "long": of("long", 10_000)}
    result = co.Campaign(members, Counted(), engine).run()
    assert heard["short"] == ["short"] * 4
    assert set(heard["long"]) <= {"long"}
    assert result.values["short"] == 2
    assert {row["generator"] for row in result.table()} == {"short", "long"}


def test_others_go_on_after_a_return_and_a_restarted_body_counts_its_runs():
    @body
    def twice(steer):
        return [result["f"] for result in steer.evaluate(xs(1, 2))]

    def ending(steer, runs: list[int]):
        runs.append(len(runs))
        steer.evaluate(xs(10 * len(runs)))
        return len(runs)

    runs: list[int] = []
    members = {
        "once": co.Member(twice, on_return="others"),
        "again": co.Member(body(lambda steer: ending(steer, runs)), on_return="restart"),
    }
    result = co.Campaign(members, Counted(), co.inline()).run(co.evaluations(5))
    assert result.values["once"] == [1.0, 4.0]
    assert sorted(row["x"] for row in result.table() if row["generator"] == "again")[:3] == [10, 20, 30]
    assert [row["status"] for row in result.table()].count("done") == 5


# batches, one for one, polls


def test_batches_are_delivered_together_and_single_points_one_by_one(tmp_path):
    @body
    def batches(steer):
        for i in range(4):
            assert len(steer.evaluate(xs(*range(5 * i, 5 * i + 5)))) == 5

    @body
    def one_for_one(steer):
        steer.suggest(xs(0, 1, 2))
        for i in range(17):
            steer.suggest(xs(*(3 + i for _ in steer.receive())))

    co.Campaign(batches, Counted(), co.inline(), run=tmp_path / "b").run()
    assert [len(event.trials) for event in events(tmp_path / "b", Proposed)] == [5] * 4
    assert [len(event.trials) for event in events(tmp_path / "b", Told)] == [5] * 4
    co.Campaign(one_for_one, Counted(), co.inline(), run=tmp_path / "a").run()
    assert {len(event.trials) for event in events(tmp_path / "a", Told)} == {1}


def test_a_receive_that_does_not_wait_returns_at_once_and_the_body_goes_on():
    simulate = Counted(1.0)
    spun: list[int] = []

    @body
    def spins(steer):
        steer.suggest(xs(1, 2))
        got = steer.receive(at_least=1)
        simulate.begun[1.0].wait(LONG)
        spun.append(len(steer.receive(at_least=0)))
        spun.append(len(steer.receive(at_least=5, timeout=0)))
        simulate.go[1.0].set()
        got += steer.receive()
        return [result.trial.inputs["x"] for result in got]

    with co.threads(2) as engine:
        result = co.Campaign(spins, simulate, engine).run()
    assert spun == [0, 0]
    assert result.value == [2.0, 1.0]


def test_a_timeout_gives_what_is_there_and_waits_no_longer(tmp_path):
    simulate = Counted(1.0)

    @body
    def impatient(steer):
        steer.suggest(xs(1, 2))
        first = steer.receive(at_least=2, timeout=0.05)
        second = steer.receive(at_least=1, timeout=0.05) if first else steer.receive()
        simulate.go[1.0].set()
        return [ids(first + second), ids(steer.receive())]

    with co.threads(2) as engine:
        result = co.Campaign(impatient, simulate, engine, run=tmp_path / "r").run()
    assert result.value == [[1], [0]]
    assert [event.trials for event in events(tmp_path / "r", Told)][-1] == (0,)


# final results


def test_at_the_goal_what_ran_is_delivered_and_then_nothing_more_comes(tmp_path):
    simulate = Counted(3.0)
    got: list[int] = []

    @body
    def keeps_three(steer):
        steer.suggest(xs(*range(6)))
        try:
            while True:
                got.extend(ids(steer.receive()))
        except co.Closed:
            steer.revise(0, closed=True)
            return {"told": len(got), "pending": len(steer.pending())}

    with co.threads(2) as engine:
        campaign = co.Campaign(keeps_three, simulate, engine, run=tmp_path / "r")
        handle = campaign.start(co.evaluations(4))
        assert simulate.begun[3.0].wait(LONG)
        simulate.go[3.0].set()
        result = handle.result(LONG)
    assert sorted(got) == [0, 1, 2, 3]
    assert result.value == {"told": 4, "pending": 2}
    assert [row["status"] for row in result.table()] == ["done"] * 4 + ["proposed"] * 2
    assert result.table()[0]["closed"] is True
    order = [type(event) for event in events(tmp_path / "r", Told, Closing)]
    assert order[-1] is Closing
    assert order.count(Closing) == 1


def test_seconds_as_goal_end_a_body_that_never_would():
    @body
    def endless(steer):
        points = 0
        try:
            while True:
                steer.evaluate(xs(points % 1000))
                points += 1
        except co.Closed:
            steer.revise(0, last=points)
            return points

    result = co.Campaign(endless, Counted(), co.inline()).run(co.seconds(0.3) & co.evaluations(1))
    assert result.value > 0
    assert result.table()[0]["last"] == result.value == result.tally.counted
    assert "seconds" in result.reason or "0.3" in result.reason


# cancellation


def test_exactly_the_cancelled_rows_are_cancelled_and_those_never_ran(tmp_path):
    simulate = Counted()

    @body
    def cancels(steer):
        first = steer.evaluate(xs(*range(50)))
        second = steer.suggest(xs(*range(50, 100)))
        steer.cancel(second, "pointless")
        third = steer.evaluate(xs(*range(100, 150)))
        return [len(first), len(third), sorted(ids(steer.receive(at_least=50)))]

    result = co.Campaign(cancels, simulate, co.inline(), run=tmp_path / "r").run()
    table = result.table()
    cancelled = [row["id"] for row in table if row["status"] == "cancelled"]
    assert cancelled == list(range(50, 100)) == result.value[2]
    assert sorted(simulate.calls) == [*range(50), *range(100, 150)]
    assert all(row["cancel_requested"] and row["message"] == "pointless" for row in table[50:100])
    assert not any(row["cancel_requested"] for row in table[:50] + table[100:])
    assert sum(row["attempts"] for row in table[50:100]) <= 1  # at most one was with the engine already
    assert whole(tmp_path / "r")


def test_a_batch_that_is_cancelled_whole_ends_like_any_other():
    @body
    def changes_its_mind(steer):
        steer.cancel(steer.suggest(xs(*range(10))))
        results = steer.receive(at_least=10)
        more = steer.evaluate(xs(77))
        return [[type(result.outcome).__name__ for result in results], more[0]["f"]]

    simulate = Counted()
    result = co.Campaign(changes_its_mind, simulate, co.inline()).run()
    assert result.value == [["Cancelled"] * 10, 77.0**2]
    assert simulate.calls == [77.0]


def test_a_running_trial_sees_the_flag_and_its_value_is_kept_and_marked():
    simulate = Counted(1.0)

    @body
    def too_late(steer):
        (trial,) = steer.suggest(xs(1))
        simulate.begun[1.0].wait(LONG)
        steer.cancel([trial], "late")
        simulate.go[1.0].set()
        (result,) = steer.receive()
        return result["f"]

    with co.threads(1) as engine:
        result = co.Campaign(too_late, simulate, engine).run()
    assert result.value == 1.0
    assert simulate.saw == {1.0: True}
    assert told(result, "status", "cancel_requested") == [("done", True)]


def test_cancelling_what_has_its_value_changes_nothing_but_the_flag():
    @body
    def afterwards(steer):
        (result,) = steer.evaluate(xs(2))
        steer.cancel([result.trial, result.trial.id])
        return steer.evaluate(xs(3))[0]["f"]

    result = co.Campaign(afterwards, Counted(), co.inline()).run()
    assert result.value == 9.0
    assert told(result, "status", "f", "cancel_requested") == [("done", 4.0, True), ("done", 9.0, False)]


def test_a_person_may_cancel_what_a_body_waits_for():
    simulate = Counted(1.0)

    @body
    def waits(steer):
        results = steer.evaluate(xs(1, 2, 3))
        return [type(result.outcome).__name__ for result in results]

    with co.threads(1) as engine:
        handle = co.Campaign(waits, simulate, engine).start()
        assert simulate.begun[1.0].wait(LONG)
        handle.cancel_trials((2,), "by hand")
        simulate.go[1.0].set()
        result = handle.result(LONG)
    assert result.value == ["Value", "Value", "Cancelled"]


# edits


def test_a_running_mean_is_written_into_rows_that_are_there(tmp_path):
    @body
    def running_mean(steer):
        values: list[float] = []
        for batch in range(4):
            for result in steer.evaluate(xs(*range(5 * batch, 5 * batch + 5))):
                values.append(result["f"])
                steer.revise(result.trial, f_est=sum(values) / len(values))
        return len(values)

    result = co.Campaign(running_mean, Counted(), co.inline(), run=tmp_path / "r").run()
    squares = [x * x for x in range(20)]
    assert [row["f_est"] for row in result.table()] == [sum(squares[: i + 1]) / (i + 1) for i in range(20)]
    assert [row["f"] for row in result.table()] == squares
    again = co.Campaign(running_mean, Counted(), co.inline(), run=tmp_path / "r").run()
    assert again.table() == result.table()


def test_inputs_change_what_runs_until_it_has_started_and_only_a_column_afterwards(tmp_path):
    simulate = Counted(1.0)

    @body
    def edits(steer):
        first, second = steer.suggest(xs(1, 2))
        simulate.begun[1.0].wait(LONG)
        early, late = steer.revise(second, x=20.0, why="better"), steer.revise(first, x=10.0)
        pending = [trial.inputs["x"] for trial in steer.pending()]
        simulate.go[1.0].set()
        results = steer.receive(at_least=2)
        again = steer.revise(second, x=30.0)
        return [early, late, again, pending, [result.trial.inputs["x"] for result in results]]

    with co.threads(1) as engine:
        result = co.Campaign(edits, simulate, engine, run=tmp_path / "r").run()
    assert result.value == [True, False, False, [1.0, 20.0], [1.0, 20.0]]
    assert simulate.calls == [1.0, 20.0]
    rows = told(result, "x", "f", "revised.x", "why")
    assert rows == [(1.0, 1.0, 10.0, None), (20.0, 400.0, 30.0, "better")]


def test_priorities_order_what_is_queued_and_may_be_revised():
    simulate = Counted(0.0)

    @body
    def orders(steer):
        trials = steer.suggest(xs(0)) + steer.suggest(xs(1, 2)) + steer.suggest(xs(3), priority=5)
        simulate.begun[0.0].wait(LONG)
        trials += steer.suggest(xs(4), priority=9)
        assert steer.revise(trials[2], priority=7)
        assert steer.revise(trials[4], priority=-1)
        simulate.go[0.0].set()
        steer.receive(at_least=5)

    with co.threads(1) as engine:
        co.Campaign(orders, simulate, engine).run()
    assert simulate.calls == [0, 2, 3, 1, 4]


def test_new_outputs_become_columns():
    @body
    def once(steer):
        return [result["extra"] for result in steer.evaluate(xs(1, 2))]

    result = co.Campaign(once, lambda x: {"f": x, "extra": f"at {x:g}", "more": [x]}, co.inline()).run()
    assert result.value == ["at 1", "at 2"]
    assert told(result, "extra", "more") == [("at 1", [1.0]), ("at 2", [2.0])]


# existing points, listeners


class Sampled:
    """Asked for points in turn, and notes whose results it hears."""

    problem = PROBLEM
    finite = True

    def __init__(self, n: int) -> None:
        self.left, self.heard = n, []

    def suggest(self, n: int):
        n = min(n, self.left)
        self.left -= n
        return xs(*range(self.left, self.left + n)) if n else Exhausted("all said")

    def ingest(self, results) -> None:
        self.heard += [result.trial.generator for result in results]

    def finalize(self) -> None:
        """Nothing to let go of."""


@pytest.mark.parametrize("repeat", range(3))
def test_what_is_initial_is_evaluated_first_and_all_hear_of_it(engine, repeat: int):
    @body
    def learns(steer):
        known = steer.receive(at_least=8)
        (mine,) = steer.evaluate(xs(500))
        return [sorted({result.trial.generator for result in known}), len(known), mine["f"]]

    simulate, asked = Counted(), Sampled(0)
    members = {"learns": co.Member(learns, on_return="others"), "asked": asked}
    initial = co.LatinHypercube({"x": co.Real(-1, 1)}, 8, minimize="f")
    campaign = co.Campaign(members, simulate, engine, initial=initial, problem=PROBLEM)
    result = campaign.run()
    assert result.values["learns"] == [["initial"], 8, 250_000.0]
    assert [row["generator"] for row in result.table()][:8] == ["initial"] * 8
    assert asked.heard == ["initial"] * 8


class Needing:
    """Proposes another point only when it was told of the last."""

    problem = PROBLEM
    finite = True

    def __init__(self, n: int) -> None:
        self.n, self.said, self.known = n, 0, 0

    def suggest(self, n: int):
        if self.said > self.known:
            return Later()
        self.said += 1
        return xs(100 + self.said) if self.said <= self.n else Exhausted("all said")

    def ingest(self, results) -> None:
        self.known += len(results)

    def finalize(self) -> None:
        """Nothing to let go of."""


@pytest.mark.parametrize("kind", [Sampled, Needing])
def test_a_body_that_suggests_at_once_comes_after_what_is_initial(engine, kind):
    @body
    def hurries(steer):
        steer.suggest(xs(500, 501))
        return len(steer.receive(at_least=10))

    simulate = Counted()
    result = co.Campaign(hurries, simulate, engine, initial=kind(8)).run()
    assert result.value == 10
    assert sorted(simulate.calls[8:]) == [500, 501]


def test_a_campaign_that_stops_before_what_is_initial_is_over_lets_go_of_the_body(engine):
    @body
    def hurries(steer):
        try:
            steer.evaluate(xs(500, 501))
        except co.Closed:
            return "closed"

    result = co.Campaign(hurries, Counted(), engine, initial=Sampled(1_000)).run(co.evaluations(3))
    assert result.value == "closed"
    assert result.tally.counted == 3


def test_a_listener_hears_everything_and_is_never_asked(engine):
    @body
    def samples(steer):
        steer.evaluate(xs(1, 2, 3))

    listener = Sampled(1000)
    members = {"samples": samples, "listener": co.Member(listener, proposes=False, hears="all")}
    result = co.Campaign(members, Counted(), engine).run()
    assert listener.heard == ["samples"] * 3
    assert result.tally.proposed == 3


def test_one_hears_those_it_names(engine):
    heard: list[str] = []

    @body
    def hears(steer):
        try:
            while True:
                heard.extend(result.trial.generator for result in steer.receive())
        except co.Closed:
            return len(heard)

    def of(n: int):
        @body
        def samples(steer):
            steer.evaluate(xs(*range(n)))

        return co.Member(samples, on_return="others")

    members = {"a": of(3), "b": of(4), "hears": co.Member(hears, hears=("a",))}
    result = co.Campaign(members, Counted(), engine).run()
    assert heard == ["a"] * 3
    assert result.values == {"a": None, "b": None, "hears": 3}


def test_two_listeners_that_wait_for_each_other_come_to_an_end(engine):
    @body
    def waits(steer):
        try:
            steer.receive()
        except co.Closed:
            return "closed"

    members = {"one": co.Member(waits, hears="all"), "two": co.Member(waits, hears=("one",))}
    result = co.Campaign(members, Counted(), engine).run()
    assert result.values == {"one": "closed", "two": "closed"}
    assert result.tally.proposed == 0


def test_who_hears_others_may_still_wait_for_a_while_and_then_go_on(engine):
    @body
    def patient(steer):
        assert steer.receive(timeout=0.05) == []
        return [result["f"] for result in steer.evaluate(xs(2))]

    result = co.Campaign({"one": co.Member(patient, hears="all")}, Counted(), engine).run()
    assert result.values == {"one": [4.0]}


def test_a_body_computes_while_what_it_sent_is_run_and_recorded():
    simulate = Counted()
    done = threading.Event()

    def last(x: float) -> dict[str, float]:
        if x == 9:
            done.set()
        return simulate(x)

    @body
    def computes(steer):
        steer.suggest(xs(*range(10)))
        assert done.wait(LONG)  # all of it ran although nobody called steer
        return len(steer.receive(at_least=10))

    with co.threads(1) as engine:
        assert co.Campaign(computes, last, engine).run().value == 10


def test_each_result_is_delivered_once_whatever_it_is():
    def simulate(x: float) -> dict[str, float]:
        if x == 1:
            raise ValueError("no")
        if x == 2:
            raise co.Rejected("not that")
        return {"f": x}

    @body
    def takes_all(steer):
        kept = steer.suggest(xs(7))
        results = steer.evaluate(xs(0, 1, 2))
        rest = steer.receive(at_least=1)
        assert steer.pending() == []
        return [[type(r.outcome).__name__ for r in results], ids(rest) == [kept[0].id]]

    result = co.Campaign(takes_all, simulate, co.inline()).run()
    assert result.value == [["Value", "Failure", "Failure"], True]


def test_outcomes_are_what_is_recorded(tmp_path):
    seen: dict[int, object] = {}

    @body
    def looks(steer):
        cancelled = steer.suggest(xs(1))
        steer.cancel(cancelled)
        for result in steer.receive() + steer.evaluate(xs(2, 3)):
            seen[result.trial.id] = result.outcome

    co.Campaign(looks, Counted(), co.inline(), run=tmp_path / "r").run()
    assert {event.trial: event.outcome for event in events(tmp_path / "r", Finished)} == seen
    assert isinstance(seen[0], Cancelled)
    assert seen[2] == Value({"f": 9.0})


def test_what_evaluate_set_aside_is_pending_until_it_is_received():
    @body
    def sets_aside(steer):
        aside = steer.suggest(xs(1, 2))
        steer.evaluate(xs(3))
        there = [trial.id for trial in steer.pending()] == [trial.id for trial in aside]
        return [there, len(steer.receive(at_least=0)), len(steer.pending())]

    assert co.Campaign(sets_aside, Counted(), co.inline()).run().value == [True, 2, 0]


def test_a_body_that_suggests_nothing_is_not_started_again_for_ever():
    @body
    def idles(steer):
        return 3

    members = {"idle": co.Member(idles, on_return="restart")}
    result = co.Campaign(members, Counted(), co.inline()).run(co.evaluations(10))
    assert result.reason == "the generator 'idle' has returned and had suggested nothing, so it is not started again"
    assert result.value == 3
