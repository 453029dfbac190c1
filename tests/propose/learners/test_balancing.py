"""Evaluations go to the child that comes first, and each child learns as it would alone."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cohobate as co
from cohobate.core.errors import LearnerError
from cohobate.core.outcome import Failure, Value
from cohobate.core.protocols import Exhausted, Later
from cohobate.core.trial import Result, Trial
from cohobate.propose.learners import Learner
from cohobate.propose.learners.balancing import STRATEGIES, Balanced, Strategy
from propose.learners.halving import halving

SCALES = (1.0, 4.0, 2.0)


def three(strategy: Strategy = "loss_improvements", **more: Any) -> Learner[Balanced[Any]]:
    return co.BalancingLearner([halving(scale) for scale in SCALES], strategy=strategy, **more)


def counts(learner: Learner[Balanced[Any]]) -> list[int]:
    return [child.npoints for child in learner.method.learners]


def step(learner: Learner[Balanced[Any]], value: float = 1.0) -> int:
    """Evaluates one point, and returns whose it was."""
    ((i, point),) = learner.ask(1)[0]
    learner.tell((i, point), value)
    return int(i)


# Strategies.


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_first_points_go_to_all_children(strategy: Strategy):
    learner = co.BalancingLearner([halving(1 + i) for i in range(20)], strategy=strategy)
    assert sorted(i for i, _ in learner.ask(20)[0]) == list(range(20))
    uneven = co.BalancingLearner([co.SequenceLearner(range(2 + i)) for i in range(20)], strategy=strategy)
    assert sorted(i for i, _ in uneven.ask(20)[0]) == list(range(20))


def brute(learner: Learner[Balanced[Any]], strategy: Strategy) -> int:
    """Whose turn it is, by looking at every child of one that knows the same."""
    twin = learner.new()
    twin.copy_from(learner)
    for point in learner.pending_points:
        twin.tell_pending(point)
    methods = [child.method for child in twin.method.learners]
    sizes = [len(method.data) + len(method.pending) + len(method.holes) for method in methods]
    worth = {
        "loss_improvements": lambda method: method.ask(1)[1][0],
        "loss": lambda method: method.loss(real=False),
        "npoints": lambda method: 0,
    }[strategy]
    ranks = [(size > 0, -worth(method), size) for method, size in zip(methods, sizes, strict=True)]
    return ranks.index(min(ranks))


@pytest.mark.parametrize("strategy", ["loss_improvements", "loss", "npoints"])
@given(st.lists(st.sampled_from(["ask", "ask", "tell", "hole", "forget"]), max_size=40))
def test_the_child_that_comes_first_is_asked(strategy: Strategy, path: list[str]):
    learner = three("npoints")
    for _ in range(9):
        step(learner)
    learner.method.strategy = strategy
    for kind in path:
        out = list(learner.pending_points)
        if kind == "ask":
            expected = brute(learner, strategy)
            assert learner.ask(1)[0][0][0] == expected
        elif out and kind == "forget":
            learner.remove_unfinished()
        elif out:
            learner.tell(out[len(out) // 2], 1.0 if kind == "tell" else None)
    assert len(set(learner.ask(6)[0])) == 6


def test_a_cycle_goes_round():
    learner = three("cycle")
    assert [step(learner) for _ in range(9)] == [0, 1, 2] * 3
    ahead = halving()
    for point in ahead.ask(50)[0]:
        ahead.tell(point, 1.0)
    uneven = co.BalancingLearner([halving(), ahead], strategy="cycle")
    assert [step(uneven) for _ in range(6)] == [0, 1, 0, 1, 0, 1]
    assert [i for i, _ in uneven.ask(3, tell_pending=False)[0]] == [0, 1, 0]
    assert [step(uneven) for _ in range(2)] == [0, 1]


def test_a_cycle_leaves_out_who_has_nothing():
    learner = co.BalancingLearner([co.SequenceLearner(range(n)) for n in (1, 3, 2)], strategy="cycle")
    assert [i for i, _ in learner.ask(10)[0]] == [0, 1, 2, 1, 2, 1]


def test_points_go_where_fewest_are():
    learner = three("npoints")
    for _ in range(31):
        step(learner)
        assert max(counts(learner)) - min(counts(learner)) <= 1


def test_points_go_where_they_gain_most():
    learner = three("loss_improvements")
    for _ in range(200):
        step(learner)
    gains = [child.method.gain() for child in learner.method.learners]
    assert max(gains) <= 2 * min(gains)
    first, second, third = counts(learner)
    assert first < third < second


def test_the_strategy_changes_while_it_runs():
    learner = three("npoints")
    assert [step(learner) for _ in range(6)] == [0, 1, 2] * 2
    described = learner.describe()
    learner.method.strategy = "loss_improvements"
    assert learner.method.strategy == "loss_improvements"
    asked = Counter(step(learner) for _ in range(60))
    assert asked[1] > asked[2] > asked[0]
    assert learner.describe() == described
    with pytest.raises(LearnerError, match=r"expected a strategy of .*did you mean 'npoints'"):
        learner.method.strategy = "npoint"  # type: ignore[assignment]
    assert learner.method.strategy == "loss_improvements"


def test_who_fails_does_not_take_all():
    learner = three("npoints")
    for _ in range(30):
        ((i, point),) = learner.ask(1)[0]
        learner.tell((i, point), None if i == 1 else 1.0)
    assert counts(learner) == [10, 0, 10]


# The children.


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_each_child_learns_as_it_would_alone(strategy: Strategy):
    learner = three(strategy)
    for _ in range(60):
        step(learner)
    for i, scale in enumerate(SCALES):
        alone = halving(scale)
        for _ in range(counts(learner)[i]):
            (point,) = alone.ask(1)[0]
            alone.tell(point, 1.0)
        child = learner.method.learners[i]
        assert child.data == alone.data
        assert child.loss() == alone.loss()
        assert child.residuals.latest() == alone.residuals.latest()
        assert {point: v for (k, point), v in learner.data.items() if k == i} == alone.data


def test_the_loss_is_the_greatest():
    learner = three()
    for _ in range(40):
        for real in (True, False):
            assert learner.loss(real=real) == max(child.loss(real=real) for child in learner.method.learners)
        points = learner.ask(2)[0]
        assert learner.loss(real=False) == max(child.loss(real=False) for child in learner.method.learners)
        for point in points:
            learner.tell(point, 1.0)


def test_it_is_done_when_all_are():
    learner = co.BalancingLearner([co.SequenceLearner("ab"), co.SequenceLearner("c")])
    assert learner.finite
    assert not three().finite
    points = learner.ask(9)[0]
    assert learner.suggest(1) == Later()
    for point in points:
        assert not learner.done()
        learner.tell(point, f"value of {point}")
    assert learner.done()
    assert learner.loss() == 0
    assert learner.suggest(1) == Exhausted("nothing is left to learn")
    assert learner.learned() == [["value of (0, 0)", "value of (0, 1)"], ["value of (1, 0)"]]


def test_a_child_that_is_told_directly():
    learner = three("npoints")
    for _ in range(6):
        step(learner)
    child = learner.method.learners[0]
    points = child.ask(9)[0]
    for point in points:
        child.tell(point, 1.0)
    learner.tell((0, points[0]), 5.0)
    assert learner.data[0, points[0]] == 1.0
    assert learner.npoints == 15
    learner.method.refresh()
    assert Counter(step(learner) for _ in range(18)) == {1: 9, 2: 9}


def test_what_is_known_of_points_that_are_none():
    learner = three()
    step(learner)
    for point in [(-3, 0.0), (3, 0.0), ("a", 0.0), 0, "ab", None, (0,), (0, 0.0, 0), (0, 0.5)]:
        assert point not in learner.data
        assert point not in learner.holes
        assert point not in learner.pending_points
        assert learner.data.get(point) is None
    assert (0, 0.0) in learner.data
    assert repr(learner.data) == "{(0, 0.0): 1.0}"


def test_more_children_take_in_what_fewer_know():
    fewer, more = co.BalancingLearner([halving(), halving()]), three()
    for _ in range(40):
        step(fewer)
    more.copy_from(fewer)
    assert dict(more.data) == dict(fewer.data)
    assert more.error() == fewer.error()
    with pytest.raises(LearnerError, match="number of a child below 2"):
        fewer.copy_from(_with_a_point_of(2))


def _with_a_point_of(i: int) -> Learner[Balanced[Any]]:
    learner = three()
    learner.tell((i, 0.5), 1.0)
    return learner


def test_children_of_other_domains_span_theirs():
    learner = co.BalancingLearner([halving(), halving(hi=3.0)])
    assert learner.problem.variables == {"learner": co.Integer(0, 1), "x": co.Real(0.0, 3.0)}
    learner.tell((1, 2.5), 1.0)
    with pytest.raises(LearnerError, match="within the bounds"):
        learner.tell((0, 2.5), 1.0)


def test_what_makes_no_sense_for_a_child_is_refused():
    learner = three()
    rows = learner.suggest(3)
    assert isinstance(rows, list)
    learner.ingest(
        [Result(Trial(0, rows[0]), Value({"f": "text"})), Result(Trial(1, rows[1]), Failure("raised", "no"))]
    )
    (refused,) = learner.refused
    assert refused == (0, 0.0)
    assert learner.holes == {(0, 0.0): "expected a number, got 'text'", (1, 0.0): "no"}
    assert learner.method.learners[1].holes == {0.0: "no"}


# Labels.


def test_labels_are_inputs_of_the_simulator():
    labels = [{"a": 1, "kind": "soft"}, {"a": 2, "kind": "hard"}]
    learner = co.BalancingLearner([halving(), halving()], labels=labels)
    assert learner.problem.names == ("a", "kind", "x")
    assert learner.problem.variables == {
        "a": co.Choice([1, 2]),
        "kind": co.Choice(["soft", "hard"]),
        "x": co.Real(0.0, 1.0),
    }
    assert learner.suggest(2) == [{"a": 1, "kind": "soft", "x": 0.0}, {"a": 2, "kind": "hard", "x": 0.0}]
    assert learner.method.point({"a": 2, "kind": "hard", "x": 0.5}) == (1, 0.5)
    with pytest.raises(LearnerError, match="no child is labelled"):
        learner.method.point({"a": 1, "kind": "hard", "x": 0.5})


def test_every_combination_is_a_child():
    seen: list[tuple[float, str]] = []

    def make(a: float, b: str) -> Learner[Any]:
        seen.append((a, b))
        return halving(hi=a)

    learner = co.balancing_product(make, {"a": [1.0, 2.0], "b": ["u", "v"]}, strategy="cycle")
    assert seen == [(1.0, "u"), (1.0, "v"), (2.0, "u"), (2.0, "v")]
    assert list(learner.method.labels)[1] == {"a": 1.0, "b": "v"}
    template = halving()
    alike = co.balancing_product(template, {"a": range(5)})
    assert len(alike.method.learners) == 5
    alike.ask(5)
    assert not template.pending_points


def test_labels_may_be_lists_and_mappings():
    labels = [{"cell": [[i, 0.5], [0.5, i]], "more": {"n": i}, "pair": (i, "b")} for i in range(3)]
    learner = co.BalancingLearner([halving() for _ in labels], labels=labels)
    for i, row in enumerate(learner.suggest(3)):  # type: ignore[arg-type]
        assert learner.method.point(row) == (i, 0.0)  # type: ignore[arg-type]


def test_labels_keep_their_types():
    kinds = [[False, True], [0.0, 1.0], [0, 1], ["0", "1"]]
    for values in kinds:
        learner = co.balancing_product(halving(), {"a": values})
        rows = learner.suggest(2)
        assert isinstance(rows, list)
        assert [(type(row["a"]), row["a"]) for row in rows] == [(type(one), one) for one in values]
        assert all(learner.problem.check(row) is None for row in rows)
    mixed = co.balancing_product(halving(), {"a": [1, 2.5]})
    assert mixed.method.point({"a": 1.0, "x": 0.5}) == (0, 0.5)


def test_balanced_learners_balance():
    inner = [co.balancing_product(halving(float(i)), {"b": [1, 2]}) for i in (1, 2)]
    learner = co.BalancingLearner(inner, labels=[{"a": "u"}, {"a": "v"}])
    points = learner.ask(8)[0]
    assert learner.problem.names == ("a", "b", "x")
    assert Counter((i, k) for i, (k, _) in points) == {(0, 0): 2, (0, 1): 2, (1, 0): 2, (1, 1): 2}
    for point in points:
        learner.tell(point, 1.0)
    assert learner.method.inputs(points[0]) == {"a": "u", "b": 1, "x": 0.0}


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: co.BalancingLearner([]), "at least one learner"),
        (lambda: co.BalancingLearner([halving()] * 2), "there twice"),
        (lambda: co.BalancingLearner([halving(), co.SequenceLearner("ab")]), "of one kind"),
        (lambda: co.BalancingLearner([halving(), halving(output="g")]), "0 and 1 have other variables or outputs"),
        (lambda: co.BalancingLearner([halving()], labels=[{"a": 1}, {"a": 2}]), "labels for 1 learners, got 2"),
        (lambda: co.BalancingLearner([halving(), halving()], labels=[{"a": 1}, {"a": 1}]), "tell the children apart"),
        (lambda: co.BalancingLearner([halving(), halving()], labels=[{"a": 1}, {"b": 1}]), "the same names"),
        (lambda: co.BalancingLearner([halving()], labels=[{"x": 1}]), "labels and variables"),
        (lambda: co.BalancingLearner([halving()], labels=[{}]), "the same names"),
        (lambda: three(labels=[{"a": np.eye(2) * i} for i in range(3)]), "that can be compared"),
        (lambda: three(labels=[{"a": object()} for i in range(3)]), "no canonical form"),
        (lambda: three(strategy="best"), "expected a strategy"),
        (lambda: co.balancing_product(halving(), {}), "the same names"),
        (lambda: co.balancing_product(halving(), {"a": []}), "at least one learner"),
    ],
)
def test_what_cannot_be_balanced_is_refused(make: Any, says: str):
    with pytest.raises(LearnerError, match=says) as caught:
        make()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("point", [(3, 0.5), (-1, 0.5), (True, 0.5), (0.0, 0.5), 0.5, (0,), (0, 0.5, 1), "ab"])
def test_points_of_no_child_are_refused(point: Any):
    with pytest.raises(LearnerError, match="BalancingLearner: expected"):
        three().tell(point, 1.0)


# Files and a campaign.


def test_each_child_has_a_file(tmp_path: Path):
    learner = co.balancing_product(halving(), {"a": [1, 2], "b": ["u"]})
    for _ in range(20):
        step(learner)
    names = [tmp_path / "1-u", tmp_path / "2-u"]
    learner.save(lambda labels: tmp_path / f"{labels['a']}-{labels['b']}")
    assert sorted(tmp_path.iterdir()) == names
    for twin in (learner.new(), learner.new()):
        twin.load(names)
        assert twin.data == learner.data
        assert [one.residuals.latest() for one in twin.method.learners] == [
            one.residuals.latest() for one in learner.method.learners
        ]
    alone = halving()
    alone.load(names[1])
    assert alone.data == learner.method.learners[1].data


@pytest.mark.parametrize("names", [["a"], ["a", "b", "c", "d"], ["a", "b", "a"], lambda labels: "same"])
def test_files_of_children_have_names_of_their_own(names: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    for act in (three().save, three().load):
        with pytest.raises(LearnerError, match="expected 3 different names"):
            act(names)
    assert list(tmp_path.iterdir()) == []


def test_one_learner_has_one_file():
    with pytest.raises(LearnerError, match="expected the name of one file"):
        halving().save(["a", "b"])


def test_one_file_holds_what_each_child_remembers(tmp_path: Path):
    learner = three()
    for k in range(150):
        step(learner, 1.01 + k / 100)
    for i, child in enumerate(learner.method.learners):
        child.residuals.add(0.5 + i)
    learner.save(tmp_path / "all")
    twin = three()
    twin.load(tmp_path / "all")
    for child, other in zip(twin.method.learners, learner.method.learners, strict=True):
        assert child.residuals.latest() == other.residuals.latest()
        assert child.error() == other.error() > 0
    assert twin.error() == learner.error() > 0


def test_a_campaign_over_labels(tmp_path: Path):
    learner = co.balancing_product(halving(), {"a": [1.0, 2.0]}, strategy="npoints")
    campaign = co.Campaign(learner, lambda a, x: a * x, co.inline(), run=tmp_path / "run")
    rows = campaign.run(co.evaluations(10)).table()
    assert Counter(row["a"] for row in rows) == {1.0: 5, 2.0: 5}
    assert all(row["f"] == row["a"] * row["x"] for row in rows)
    assert learner.npoints == 10
    assert learner.method.learners[1].data[1.0] == 2.0
