"""What is wrong with a body is said in one line where it happens; one that has returned has ended its campaign."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import cohobate as co
from cohobate.campaign.conversation import Conversation
from cohobate.campaign.moves import Ended, StopWanted, Submit
from cohobate.campaign.policy import Policy
from cohobate.campaign.scheduler import Pending, Scheduler
from cohobate.campaign.steering.helm import Helm
from cohobate.core.errors import GeneratorError, ResumeRefused, UserError
from cohobate.core.outcome import Value
from cohobate.core.trial import Evaluated, Trial
from cohobate.propose.persistent import Persistent

LINE = co.Problem({"x": co.Real(0, 1)}, outputs=(co.Output("f", "minimize"),))


def square(x: float) -> float:
    return x * x


def run(body: Callable[..., Any], **settings: Any) -> Any:
    return co.Campaign(co.persistent(body, problem=LINE)(**settings), square, co.inline()).run()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (lambda steer: steer.suggest({"x": 0.5}), r"expected a list of points, got one: write \[\{'x': 0.5\}\]"),
        (lambda steer: steer.suggest([{"x": 0.5}], priority="high"), "a finite number as priority, got 'high'"),
        (lambda steer: steer.suggest([{"x": 0.5}], needs=3), "expected names with numbers such as .*, got 3"),
        (lambda steer: steer.submit(3), "steer.submit: expected a Task, got 3"),
        (lambda steer: steer.revise(steer.suggest([{"x": 0.5}])[0], priority="high"), "steer.revise: .* as priority"),
    ],
)
def test_a_call_that_makes_no_sense_is_refused_where_it_is_made(body: Callable[..., Any], said: str):
    with pytest.raises(GeneratorError, match=said):
        run(body)


def test_a_function_without_steer_is_no_body():
    with pytest.raises(UserError, match=r"expected a function of steer, and it takes nothing"):
        co.persistent(lambda: 3)


def test_what_is_filled_in_is_no_setting():
    with pytest.raises(UserError, match="rng is filled in"):
        co.persistent(lambda steer, rng: 3)(rng=1)


@pytest.mark.parametrize("given", [square, co.Sobol, Persistent])
def test_a_function_or_class_in_the_place_of_a_generator_is_named(given: Any):
    with pytest.raises(UserError, match=f"got {given.__qualname__} itself: call it"):
        co.Campaign(given, square, problem=LINE)


def revising(steer: co.Steer) -> Any:
    _, late = steer.suggest([{"x": 0.5}, {"x": 0.6}])
    early = steer.revise(late, x=0.7, priority=2, needs={"licence": 2})
    shown = steer.pending()[-1]
    steer.evaluate([])
    return [early, shown.inputs["x"], shown.priority, shown.needs["licence"]]


def test_pending_shows_what_a_trial_was_revised_to():
    with co.threads(1, resources={"licence": 2}) as engine:
        result = co.Campaign(co.persistent(revising, problem=LINE), square, engine).run(co.evaluations(1))
    assert result.value == [True, 0.7, 2, 2]


def halving(steer: co.Steer) -> float:
    return min(result["f"] for result in steer.evaluate([{"x": 0.5}, {"x": 0.25}]))


def test_a_body_that_stops_the_campaign_needs_no_goal_beside_an_endless_sampler():
    others = {"random": co.RandomSampler(LINE), "halving": co.persistent(halving, problem=LINE)}
    result = co.Campaign(others, square, co.inline()).run()
    assert result.reason == "the generator 'halving' has returned"
    assert result.value == 0.0625


def test_a_restarted_body_that_is_cut_short_keeps_its_last_value():
    body = co.Member(co.persistent(halving, problem=LINE), on_return="restart")
    result = co.Campaign(body, square, co.inline()).run(co.evaluations(3))
    assert result.value == 0.0625


def leaving(steer: co.Steer) -> str:
    steer.suggest([{"x": 0.1 * n} for n in range(9)])
    steer.receive()
    return "enough"


@pytest.mark.timeout(20)
def test_a_campaign_whose_body_has_returned_evaluates_nothing_more(tmp_path: Path):
    def again() -> Any:
        others = {"random": co.RandomSampler(LINE), "leaving": co.persistent(leaving, problem=LINE)}
        return co.Campaign(others, square, co.inline(), run=tmp_path / "run").run()

    first, second = again(), again()
    assert second.table() == first.table()
    assert second.value == "enough"
    assert second.reason == "the generator 'leaving' has returned"


def test_what_ran_when_a_body_returned_is_brought_to_its_end_by_the_next_session():
    begun, never = Trial(0, {"x": 0.1}), Trial(1, {"x": 0.2})
    talks = (Helm("main", runs=1), Conversation("random"))
    scheduler = Scheduler(Policy(), talks=talks, next_id=2, unfinished=[Pending(begun, 1), Pending(never)])
    scheduler.plan(0.0, 4, None)
    assert scheduler.take()[1] == [Submit(begun, 2)]
    scheduler.on(Ended(0, 2, Evaluated(Value({"f": 1.0}), 0.0, 1.0)), 1.0)
    scheduler.plan(1.0, 4, None)
    assert scheduler.take()[1] == []
    assert scheduler.stopping == StopWanted("the generator has returned")


def sized(steer: co.Steer, n: int = 2) -> int:
    return len(steer.evaluate([{"x": 0.1 * i} for i in range(n)]))


def test_a_setting_that_was_left_out_before_is_named_as_such(tmp_path: Path):
    body = co.persistent(sized, problem=LINE)
    co.Campaign(body, square, co.inline(), run=tmp_path / "run").run(co.evaluations(1))
    with pytest.raises(ResumeRefused, match=r"generator\.settings\.n = left out, now it is 3"):
        co.Campaign(body(n=3), square, co.inline(), run=tmp_path / "run").run()


def looking(steer: co.Steer) -> list[bool]:
    handed_in = steer.suggest([{"x": 0.1 * n} for n in range(3)])
    same = [one is other for one, other in zip(handed_in, steer.pending(), strict=True)]
    while steer.pending():
        steer.receive()
    return same


def test_looking_at_what_is_pending_makes_nothing_anew():
    """A body looks before each receive, and may have thousands pending."""
    assert co.Campaign(co.persistent(looking, problem=LINE), square, co.inline()).run().value == [True] * 3
