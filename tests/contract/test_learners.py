"""What every learner promises, proved on each of them; a new one is one more line in ``CASES``."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isnan, nan
from operator import itemgetter
from pathlib import Path
from random import Random
from typing import Any

import cloudpickle
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

import cohobate as co
from cohobate.core.canonical import canonical, content_hash
from cohobate.core.capture import Raised, capture
from cohobate.core.errors import BudgetExceeded, LearnerError, ResumeRefused
from cohobate.core.outcome import Cancelled, Failure, Outcome, Value
from cohobate.core.protocols import Described, Exhausted, Finite, Generator, Honest, Later, Lossy, Posed, Recalls
from cohobate.core.trial import Result, Trial
from cohobate.propose.learners import Learner
from propose.learners.halving import halving
from propose.learners.moves import moves, wander

AnyLearner = Learner[Any]


@dataclass(frozen=True)
class Case:
    """A name, a maker, a maker of another one, and the function at a point (see ``Learner.tell``).

    ``outputs`` makes what a simulator returns of what is told. Not ``rebuilt`` is what asks for other points
    when it was told everything at once: what it looked into depends on when it was asked.
    """

    name: str
    make: Callable[[], AnyLearner]
    other: Callable[[], AnyLearner]
    function: Callable[[Any], Any]
    outputs: Callable[[Any], Any] = lambda told: told
    rebuilt: bool = True


def smooth(x: float) -> float:
    return x * x + 0.3 / (0.01 + (x - 0.4) ** 2)


def whole(x: float) -> dict[str, Any]:
    return {"y": smooth(x), "more": [x, "text"]}


def sequence(n: int = 60, **more: Any) -> AnyLearner:
    return co.SequenceLearner([3 * i for i in range(n)], **more)


def balanced(**more: Any) -> AnyLearner:
    return co.BalancingLearner([halving(), halving(2.0), halving(hi=2.0)], **more)


def in_balance() -> AnyLearner:
    return co.BalancingLearner([co.DataSaver(halving(), "y"), co.DataSaver(halving(0.5), "y")])


def product(values: list[int]) -> AnyLearner:
    return co.balancing_product(sequence(20), {"a": values, "b": ["u", "v"]})


def lines() -> AnyLearner:
    return co.BalancingLearner([co.Learner1D((0, 1)), co.Learner1D((0, 2))])


def saved_lines() -> AnyLearner:
    return co.balancing_product(co.DataSaver(co.Learner1D((0, 1)), "y"), {"a": [1, 2]})


def planes() -> AnyLearner:
    return co.BalancingLearner([co.LearnerND(SQUARE), co.LearnerND(SQUARE)])


def averages() -> AnyLearner:
    return co.BalancingLearner([co.AverageLearner(0.01), co.AverageLearner(0.02)])


def noises() -> AnyLearner:
    return co.BalancingLearner([co.AverageLearner1D((0, 1), min_samples=4), co.AverageLearner1D((0, 2), min_samples=4)])


def integrals() -> AnyLearner:
    return co.BalancingLearner([co.IntegratorLearner((0, 1), 1e-12), co.IntegratorLearner((0, 2), 1e-12)])


def rough(x: float) -> float:
    return abs(x - 0.3) ** 0.5 + smooth(x)


def noise(seed: int) -> float:
    return Random(seed).gauss(1.0, 1.0)


def noisy(point: tuple[int, float]) -> float:
    return smooth(point[1]) + noise(point[0])


def bowl(point: tuple[float, ...]) -> float:
    return sum(smooth(x) for x in point)


SQUARE = [(0, 1), (0, 1)]
CASES = (
    Case("1D", lambda: co.Learner1D((0, 1)), lambda: co.Learner1D((0, 2)), smooth),
    Case("1D vectors", lambda: co.Learner1D((0, 1)), lambda: co.Learner1D((0, 1), output="g"), lambda x: [x, rough(x)]),
    Case("2D", lambda: co.LearnerND(SQUARE), lambda: co.LearnerND([(0, 1), (0, 2)]), bowl),
    Case(
        "2D vectors", lambda: co.LearnerND(SQUARE), lambda: co.LearnerND(SQUARE, output="g"), lambda x: [bowl(x), x[0]]
    ),
    Case("3D", lambda: co.LearnerND([(0, 1)] * 3), lambda: co.LearnerND(SQUARE), bowl),
    Case("average", lambda: co.AverageLearner(0.01), lambda: co.AverageLearner(0.02), noise),
    Case("average 1D", lambda: co.AverageLearner1D((0, 1), min_samples=4), lambda: co.AverageLearner1D((0, 1)), noisy),
    Case(
        "integrator",
        lambda: co.IntegratorLearner((0, 1), 1e-12),
        lambda: co.IntegratorLearner((0, 1), 1e-3),
        rough,
        rebuilt=False,
    ),
    Case("balanced 1D", lines, lambda: co.Learner1D((0, 1)), lambda point: smooth(point[1])),
    Case("balanced savers of 1D", saved_lines, lines, lambda point: whole(point[1])),
    Case("balanced 2D", planes, lines, lambda point: bowl(point[1])),
    Case("balanced averages", averages, lines, lambda point: noise(point[1])),
    Case("balanced averages 1D", noises, lines, lambda point: noisy(point[1])),
    Case("balanced integrators", integrals, lines, lambda point: rough(point[1])),
    Case("sequence", sequence, lambda: sequence(59), lambda i: smooth(i / 59)),
    Case("halving", halving, lambda: halving(2.0), smooth),
    Case("saver", lambda: co.DataSaver(halving(), "y"), lambda: co.DataSaver(halving(), "more"), whole),
    Case("picker", lambda: co.DataSaver(halving(), itemgetter("y")), lambda: co.DataSaver(halving(), len), whole),
    Case("balancing", balanced, lambda: balanced(strategy="loss"), lambda point: smooth(point[1])),
    Case("balancing-loss", lambda: balanced(strategy="loss"), balanced, lambda point: smooth(point[1])),
    Case("balancing-npoints", lambda: balanced(strategy="npoints"), balanced, lambda point: smooth(point[1])),
    Case("balancing-cycle", lambda: balanced(strategy="cycle"), balanced, lambda point: smooth(point[1])),
    Case("product", lambda: product([1, 2]), lambda: product([1, 3]), lambda point: smooth(point[1])),
    Case("balanced savers", in_balance, lambda: co.DataSaver(in_balance(), len), lambda point: whole(point[1])),
    Case("saved balance", lambda: co.DataSaver(balanced(), "y"), balanced, lambda point: whole(point[1])),
)
NUMBERS = ("1D", "2D", "3D", "average", "integrator", "balanced ")
"""How those begin that take nothing but numbers."""
NOWHERE: tuple[Any, ...] = ("nowhere", None, nan, 1e300, -(10**30), (0,), (0, "nowhere"), object(), [])
TIMES = {"started", "finished", "seconds", "proposed", "traceback"}
MANY = 25
"""Points after which a learner is in the middle of its work."""


@pytest.fixture(params=CASES, ids=lambda case: case.name)
def case(request: pytest.FixtureRequest) -> Case:
    found: Case = request.param
    return found


def learn(learner: AnyLearner, case: Case, n: int, at_once: int = 1) -> list[Any]:
    """Asks for ``n`` points, ``at_once`` of them out, tells them in the order asked, and returns them."""
    out: list[Any] = []
    told: list[Any] = []
    while len(told) < n:
        out += learner.ask(min(at_once, n - len(told)) - len(out))[0]
        if not out:
            break
        told.append(out.pop(0))
        learner.tell(told[-1], case.function(told[-1]))
    return told


def grown(case: Case, n: int = MANY) -> AnyLearner:
    """A learner with values, two points pending, and one hole."""
    learner = case.make()
    learn(learner, case, n, 3)
    (hole,) = learner.ask(1)[0]
    learner.tell(hole, None)
    learner.ask(2)
    return learner


def following(learner: AnyLearner, case: Case, n: int = 10) -> list[Any]:
    """The next points it asks for, one after the other, and what it says of each: the learner is used up by this."""
    steps = []
    for _ in range(n):
        points, gains = learner.ask(1)
        for point in points:
            learner.tell(point, case.function(point))
        steps.append((points, gains, learner.loss(), learner.loss(real=False), learner.done()))
    return steps


def choices(learner: AnyLearner, case: Case, n: int = 10) -> list[Any]:
    return [step[0] for step in following(learner, case, n)]


def state(learner: AnyLearner) -> Any:
    """What is known, in its order, and what is said of it."""
    measured = learner.loss(), learner.loss(real=False), learner.method.gain(), learner.done()
    return listed(learner.data), list(learner.pending_points), dict(learner.holes), measured


def listed(told: Mapping[Any, Any]) -> list[tuple[Any, Any]]:
    """Points and values in their order, arrays as lists, which can be compared."""
    return [(point, value.tolist() if isinstance(value, np.ndarray) else value) for point, value in told.items()]


# What it is.


def test_it_is_a_generator_for_campaigns(case: Case):
    learner = case.make()
    generator: Generator = learner
    assert generator is learner
    for protocol in (Posed, Described, Recalls, Finite, Lossy, Honest):
        assert isinstance(learner, protocol), protocol
    assert learner.problem.names
    assert isinstance(learner.finite, bool)


def test_equal_settings_are_described_alike_and_others_are_not(case: Case):
    described = case.make().describe()
    assert json.loads(json.dumps(described)) == described
    assert canonical(case.make().describe()) == canonical(described)
    assert canonical(grown(case).describe()) == canonical(described)
    assert canonical(case.make().new().describe()) == canonical(described)
    assert canonical(case.other().describe()) != canonical(described)
    assert described["learner"]


def test_it_shows_itself(case: Case):
    for learner in (case.make(), grown(case)):
        kind = learner.describe()["learner"]
        assert repr(learner).startswith(f"<{kind}: ")
        assert "\n" not in repr(learner)
        assert kind in learner._repr_html_()
    assert f"{MANY} points" in repr(grown(case))


# Asking and telling.


def test_no_point_is_asked_for_twice(case: Case):
    learner = case.make()
    points = learner.ask(5)[0] + learner.ask(1)[0] + learner.ask(7)[0]
    told = learn(learner, case, MANY - 2, 4)
    assert len({*points, *told}) == len(points) + len(told)
    learner.tell(points[0], None)
    more = learner.ask(8)[0]
    assert not {*more} & {*points, *told}


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=moves)
def test_whatever_is_done_the_states_are_disjoint_and_looking_changes_nothing(case: Case, path: list[tuple[str, int]]):
    learner = wander(case.make, case.function, path)
    points = [*learner.data, *learner.pending_points, *learner.holes]
    assert len(points) == len(set(points))


def test_nothing_is_asked_for_by_zero(case: Case):
    learner = grown(case)
    before = state(learner)
    assert learner.ask(0) == ([], [])
    assert state(learner) == before


@pytest.mark.parametrize("n", [1, 2, 9])
@pytest.mark.parametrize("known", [0, 1, MANY])
def test_asking_without_pending_changes_no_later_choice(case: Case, known: int, n: int):
    learner, untouched = case.make(), case.make()
    for one in (learner, untouched):
        learn(one, case, known, 2)
        one.ask(2)
    before = state(learner)
    first = learner.ask(n, tell_pending=False)
    assert learner.ask(n, tell_pending=False) == first
    assert state(learner) == before
    assert learner.ask(n) == untouched.ask(n) == first
    assert following(learner, case) == following(untouched, case)


def test_the_gain_is_that_of_the_next_point(case: Case):
    learner = case.make()
    for _ in range(MANY):
        expected = learner.method.gain()
        (point,), (gain,) = learner.ask(1)
        assert gain == expected
        learner.tell(point, case.function(point))


def test_what_is_unfinished_is_forgotten(case: Case):
    learner = case.make()
    told = learn(learner, case, MANY)
    points = learner.ask(4)[0]
    assert set(learner.pending_points) == {*points}
    learner.remove_unfinished()
    assert not learner.pending_points
    assert learner.ask(4)[0] == points
    assert list(dict.fromkeys(told)) == told


def test_the_first_value_told_stays(case: Case):
    learner = grown(case)
    before = state(learner)
    for point in learner.data:
        learner.tell(point, case.function(learner.ask(1, tell_pending=False)[0][0]))
        learner.tell_pending(point)
    learner.tell_many(list(learner.data), [None] * MANY)
    assert state(learner) == before


def test_a_value_for_a_hole_makes_it_known(case: Case):
    learner = grown(case)
    (hole,) = learner.holes
    learner.tell(hole, case.function(hole))
    assert not learner.holes
    assert hole in learner.data
    assert learner.npoints == MANY + 1


def test_points_that_were_not_asked_for(case: Case):
    source, learner = case.make(), case.make()
    points = source.ask(8)[0]
    learner.tell_pending(points[3])
    learner.tell_pending(points[3])
    for point in points[4:]:
        learner.tell(point, case.function(point))
    assert list(learner.pending_points) == [points[3]]
    assert set(learner.data) == {*points[4:]}
    assert not {*learner.ask(6)[0]} & {*points[3:]}


def test_many_at_once_are_as_many_one_by_one(case: Case):
    points = case.make().ask(12)[0]
    values = [case.function(point) for point in points]
    one, many = case.make(), case.make()
    for point, value in zip(points, values, strict=True):
        one.tell(point, value)
    many.tell_many([*points, points[0]], [*values, values[1]])
    assert sorted(listed(many.data)) == sorted(listed(one.data))
    assert many.npoints == 12
    assert many.loss() == pytest.approx(one.loss())
    with pytest.raises(LearnerError, match="as many values as points"):
        many.tell_many(points, values[1:])


def test_points_that_are_none_are_refused(case: Case):
    learner = grown(case)
    before = state(learner)
    for point in NOWHERE:
        for act in (lambda p: learner.tell(p, 1.0), learner.tell_pending, lambda p: learner.tell_many([p], [1.0])):
            with pytest.raises(LearnerError, match=r"expected|not within") as caught:
                act(point)
            assert "\n" not in str(caught.value)
    assert state(learner) == before


def test_inputs_are_points(case: Case):
    learner = case.make()
    for point in learner.ask(12)[0]:
        inputs = learner.method.inputs(point)
        assert learner.problem.check(inputs) is None
        assert learner.method.point(inputs) == point
        assert learner.method.admit(point) == point


def test_loss_is_a_number_from_zero_up(case: Case):
    learner = case.make()
    for _ in range(MANY):
        for point in learner.ask(2)[0]:
            for real in (True, False):
                assert learner.loss(real=real) >= 0
            learner.tell(point, case.function(point))
        assert not isnan(learner.method.gain())
        assert learner.method.gain() >= 0
        assert learner.error() >= 0 or isnan(learner.error())


# Failures.


def test_holes_are_not_asked_for_again(case: Case):
    learner = case.make()
    holes = learner.ask(3)[0]
    for hole in holes:
        learner.tell(hole, None)
        learner.tell_pending(hole)
    assert set(learner.holes) == {*holes}
    assert all(learner.holes.values())
    assert not {*learn(learner, case, MANY - 3, 2)} & {*holes}


def test_nan_is_a_hole_where_it_cannot_be_a_value(case: Case):
    learner = case.make()
    points = learner.ask(3)[0]
    learner.tell(points[0], nan)
    learner.tell_many(points[1:], [nan, case.function(points[2])])
    assert points[2] in learner.data
    assert {*learner.holes, *learner.data} == {*points}
    assert learner.holes.keys().isdisjoint(learner.data)
    if case.name.startswith(NUMBERS):
        assert {*learner.holes} == {*points[:2]}
    assert not learner.pending_points


def test_where_everything_fails_points_are_new_or_there_are_none(case: Case):
    learner = case.make()
    seen: dict[Any, None] = {}
    for _ in range(150):
        points = learner.ask(2)[0]
        if not points:
            break
        for point in points:
            assert point not in seen
            seen[point] = None
            learner.tell(point, None)
        assert learner.loss() >= 0
    assert set(learner.holes) == set(seen)
    answer = learner.suggest(1)
    assert answer if isinstance(answer, list) else isinstance(answer, Exhausted)


def outcomes(learner: AnyLearner, case: Case) -> Callable[[Trial], Outcome]:
    """What became of a trial: every seventh failed, every eleventh was cancelled."""

    def outcome(trial: Trial) -> Outcome:
        if trial.id % 7 == 3:
            return Failure("raised", "it failed")
        if trial.id % 11 == 5:
            return Cancelled()
        return Value(outputs_at(learner, case, trial))

    return outcome


def outputs_at(learner: AnyLearner, case: Case, trial: Trial) -> dict[str, Any]:
    told = case.outputs(case.function(case.make().method.point(trial.inputs)))
    return told if isinstance(told, dict) else {learner.problem.output_names[0]: told}


def in_rounds(learner: AnyLearner, case: Case, rounds: int, size: int = 4) -> tuple[list[Any], int]:
    """Drives a generator by hand: the calls made, and how many trials there were."""
    calls: list[Any] = []
    outcome, trials = outcomes(learner, case), 0
    for _ in range(rounds):
        rows = learner.suggest(size)
        if not isinstance(rows, list):
            break
        results = [Result(one, outcome(one)) for one in (Trial(trials + i, row) for i, row in enumerate(rows))]
        trials += len(rows)
        calls += [("recall", rows), ("ingest", results[1:]), ("ingest", results[:1])]
        learner.ingest(results[1:])
        learner.ingest(results[:1])
    return calls, trials


def test_recalled_and_told_again_it_goes_on_as_if_it_had_never_stopped(case: Case):
    for rounds in range(6):
        learner, resumed = case.make(), case.make()
        calls, _ = in_rounds(learner, case, rounds)
        for name, argument in calls:
            getattr(resumed, name)(argument)
        assert state(resumed) == state(learner)
        assert following(resumed, case) == following(learner, case)


def test_recorded_rows_win_over_what_it_would_choose(case: Case):
    learner, older = case.make(), case.make()
    rows = older.suggest(9)
    assert isinstance(rows, list)
    points = [older.method.point(row) for row in rows]
    learner.recall(rows[6:])
    learner.recall(rows[4:6])
    assert set(learner.pending_points) == {*points[4:]}
    assert not {*learner.ask(5)[0]} & {*points[4:]}
    untouched = case.make()
    untouched.recall([])
    assert state(untouched) == state(case.make())


def test_failures_are_holes_and_cancelled_points_are_open(case: Case):
    learner = case.make()
    rows = learner.suggest(3)
    assert isinstance(rows, list)
    points = [learner.method.point(row) for row in rows]
    kinds: list[Outcome] = [
        Failure("timeout", "too long"),
        Cancelled(),
        Value(outputs_at(learner, case, Trial(2, rows[2]))),
    ]
    learner.ingest([Result(Trial(i, row), kinds[i]) for i, row in enumerate(rows)])
    assert learner.holes == {points[0]: "too long"}
    assert list(learner.data) == points[2:]
    assert not learner.pending_points
    assert learner.ask(1)[0] == [points[1]]


def test_it_waits_or_ends_where_it_has_no_point(case: Case):
    learner = case.make()
    rows, answer = 0, learner.suggest(3)
    while isinstance(answer, list) and rows < 500:
        rows += len(answer)
        answer = learner.suggest(3)
    assert len(learner.pending_points) == rows + (len(answer) if isinstance(answer, list) else 0)
    assert isinstance(answer, list | Later)
    for point in list(learner.pending_points):
        learner.tell(point, case.function(point))
    assert isinstance(learner.suggest(1), list | Exhausted)


# Copies.


def test_a_new_one_knows_nothing(case: Case):
    used = grown(case)
    used.error()
    fresh = used.new()
    assert state(fresh) == state(case.make())
    assert (fresh.refused, fresh.residuals.latest()) == ({}, [])
    assert following(fresh, case) == following(case.make(), case)
    assert used.npoints == MANY


def test_a_copy_knows_the_same_and_is_its_own(case: Case):
    source, untouched, copy = grown(case), grown(case), case.make()
    copy.copy_from(source)
    assert sorted(listed(copy.data)) == sorted(listed(source.data))
    assert dict(copy.holes) == dict(source.holes)
    assert not copy.pending_points
    following(copy, case)
    copy.tell(copy.ask(1)[0][0], None)
    assert state(source) == state(untouched)
    assert following(source, case) == following(untouched, case)


def test_what_is_known_stays_when_more_is_copied(case: Case):
    learner, source = case.make(), grown(case)
    point, another = list(source.data)[:2]
    learner.tell(point, case.function(another))
    before = listed(learner.data)
    learner.copy_from(source)
    assert listed(learner.data)[0] == before[0] != listed(source.data)[0]
    assert set(learner.data) == set(source.data)


@pytest.mark.parametrize("pickler", [pickle, cloudpickle], ids=["pickle", "cloudpickle"])
def test_pickled_it_goes_on_the_same(case: Case, pickler: Any):
    learner = grown(case)
    twin = pickler.loads(pickler.dumps(learner))
    assert state(twin) == state(learner)
    assert twin.residuals.latest() == learner.residuals.latest()
    assert following(twin, case) == following(learner, case)


@pytest.mark.parametrize("compress", [True, False])
def test_saved_and_loaded_it_goes_on_the_same(case: Case, compress: bool, tmp_path: Path):
    learner = grown(case)
    learner.remove_unfinished()
    learner.refused[next(iter(learner.holes))] = "refused"
    file = tmp_path / "missing" / "folders" / "file"
    learner.save(file, compress=compress)
    twin = case.make()
    twin.load(file)
    assert listed(twin.data) == listed(learner.data)
    assert twin.holes == learner.holes
    assert twin.refused == learner.refused
    assert twin.residuals.latest() == learner.residuals.latest()
    assert twin.error() == learner.error() or isnan(twin.error())
    assert listed(twin.known().told) == listed(learner.known().told)
    assert choices(twin, case) == choices(learner, case) or not case.rebuilt
    with pytest.raises(LearnerError, match="cannot be loaded: "):
        case.other().load(file)


def test_as_a_table_and_back(case: Case):
    pandas = pytest.importorskip("pandas")
    learner, twin = grown(case), case.make()
    frame = learner.frame()
    assert isinstance(frame, pandas.DataFrame)
    assert len(frame) == MANY
    assert list(frame.columns)[: len(learner.problem.names)] == list(learner.problem.names)
    twin.load_frame(frame)
    assert listed(twin.data) == listed(learner.data)
    assert sorted(listed(twin.known().told), key=repr) == sorted(listed(learner.known().told), key=repr)
    assert len(case.make().frame()) == 0
    with pytest.raises(LearnerError, match="expected the columns"):
        twin.load_frame(frame.drop(columns=[learner.problem.names[0]]))


# In a campaign.


def campaign(case: Case, folder: Path | None = None, *, working: float = 0.6) -> co.Campaign:
    """One in which a share of the evaluations gives a value: which, is decided by the inputs."""
    point = case.make().method.point

    @co.simulator(version="1")
    def simulate(**inputs: Any) -> Any:
        if int(content_hash(inputs)[:4], 16) >= working * 16**4:
            raise ValueError("it fails")
        return case.outputs(case.function(point(inputs)))

    return co.Campaign(case.make(), simulate, co.inline(), run=folder, durability="normal")


def table(campaign: co.Campaign, evaluations: int) -> list[dict[str, Any]]:
    """What is in the table after so many evaluations, but for what is another at each run."""
    rows = campaign.run(co.evaluations(evaluations)).table()
    return [{name: cell for name, cell in row.items() if cell is not None and name not in TIMES} for row in rows]


def test_stopped_anywhere_a_campaign_goes_on_the_same(case: Case, tmp_path: Path):
    whole = table(campaign(case), 14)
    assert len(whole) == 14
    assert 0 < sum(row["status"] == "done" for row in whole) < 14
    for stop in range(1, 15):
        assert table(campaign(case, tmp_path / "run"), stop) == whole[:stop]


def test_a_run_of_others_is_not_continued(case: Case, tmp_path: Path):
    campaign(case, tmp_path / "run").run(co.evaluations(2))
    other = Case("other", case.other, case.make, case.function, case.outputs)
    with pytest.raises(ResumeRefused):
        campaign(other, tmp_path / "run").run(co.evaluations(4))


def test_a_campaign_in_which_all_fails_ends(case: Case):
    stopped = capture(campaign(case, working=0).run, co.evaluations(500))
    if isinstance(stopped, Raised):
        assert isinstance(stopped.error, BudgetExceeded)
        assert "it fails" in str(stopped.error)
    else:
        rows = stopped.value.table()
        assert 0 < len(rows) < 500
        assert {row["status"] for row in rows} == {"raised"}
