"""Generators with the manners found in the wild, each hand-written here, run through whole campaigns."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gest_api
import numpy as np
import pytest
from gest_api.generator import Generator
from gest_api.vocs import VOCS

import cohobate as co
from cohobate.core.errors import GeneratorError, MissingExtra, UserError
from cohobate.core.outcome import Failure, Value
from cohobate.core.protocols import Described, Exhausted, Later, Posed, Recalls, inputs_of
from cohobate.core.trial import Result, Trial
from cohobate.host import extras
from cohobate.propose.gest import adopted as module

SQUARE = co.Problem({"x": co.Real(-1, 1), "y": co.Real(-1, 1)}, (co.Output("f", "minimize"),))
Rows = list[dict[str, Any]]


def bowl(x: float, y: float) -> float:
    return x**2 + y**2


def broken(x: float, y: float) -> float:
    raise ValueError("no value here")


class Plain(Generator):
    """Random points of a seed; remembers every call."""

    def __init__(self, vocs: VOCS, seed: int = 0) -> None:
        super().__init__(vocs)
        self.vocs, self.random = vocs, np.random.default_rng(seed)
        self.asked: list[int | None] = []
        self.told: list[Rows] = []
        self.finalized = 0

    def _validate_vocs(self, vocs: VOCS) -> None:
        if not vocs.objectives:
            raise ValueError("needs an objective")

    def point(self) -> dict[str, Any]:
        """Values are numpy's, constants are left out."""
        return {name: self.random.uniform(*one.domain) for name, one in self.vocs.variables.items()}

    def suggest(self, num_points: int | None) -> Rows:
        self.asked.append(num_points)
        assert num_points is not None
        return [self.point() for _ in range(num_points)]

    def ingest(self, results: Rows) -> None:
        self.told.append([dict(row) for row in results])

    def finalize(self) -> None:
        self.finalized += 1

    def rows(self) -> Rows:
        return [row for group in self.told for row in group]


class Numbered(Plain):
    """Gives ids and extra fields, and wants each back exactly once."""

    returns_id = True

    def __init__(self, vocs: VOCS) -> None:
        super().__init__(vocs)
        self.out: dict[int, dict[str, Any]] = {}

    def suggest(self, num_points: int | None) -> Rows:
        rows = [
            {**row, "_id": 100 + len(self.asked) * 50 + i, "scaled": 7}
            for i, row in enumerate(super().suggest(num_points))
        ]
        self.out |= {row["_id"]: dict(row) for row in rows}
        return rows

    def ingest(self, results: Rows) -> None:
        for row in results:
            if "_id" in row:
                mine = self.out.pop(row["_id"])
                assert {name: row[name] for name in mine} == mine
        super().ingest(results)


class OneByOne(Plain):
    """Refuses several at once, repeats itself until it is told, and takes back nothing but its own point."""

    last: dict[str, Any] | None = None

    def suggest(self, num_points: int | None) -> Rows:
        self.asked.append(num_points)
        if num_points != 1:
            raise RuntimeError("one candidate at a time")
        self.last = self.last or self.point()
        return [dict(self.last)]

    def ingest(self, results: Rows) -> None:
        if self.last is not None:
            [row] = results
            assert row["x"] == self.last["x"]
            self.last = None
        super().ingest(results)


class Hungry(Plain):
    """Suggests nothing before it was told something."""

    def suggest(self, num_points: int | None) -> Rows:
        if not self.told:
            self.asked.append(num_points)
            raise RuntimeError("no data contained in generator")
        return super().suggest(num_points)


class Batches(Plain):
    """Wants a whole generation back, in one call."""

    size = 0

    def suggest(self, num_points: int | None) -> Rows:
        assert self.size == 0, "asked before the generation was back"
        self.size = num_points or 0
        return super().suggest(num_points)

    def ingest(self, results: Rows) -> None:
        assert len(results) == self.size
        self.size = 0
        super().ingest(results)


class Three(Plain):
    """Has three points, then none."""

    def suggest(self, num_points: int | None) -> Rows:
        left = 3 - len(getattr(self, "given", []))
        rows = super().suggest(min(num_points or 0, left))
        self.given = [*getattr(self, "given", []), *rows]
        return rows


class Persistent(Plain):
    """Blocks for ever when it is asked twice without having been told something: here, fails."""

    owed = 1

    def suggest(self, num_points: int | None) -> Rows:
        assert self.owed, "this would have blocked for ever"
        self.owed -= 1
        return super().suggest(num_points)

    def ingest(self, results: Rows) -> None:
        self.owed += 1
        super().ingest(results)


KINDS = [Plain, Numbered, OneByOne, Hungry, Persistent]


def campaign(generator: Any, simulator: Any = bowl, run: Path | None = None, **settings: Any) -> co.Campaign:
    return co.Campaign(generator, simulator, co.threads(3), run=run, **settings)


def run(generator: Any, n: int, simulator: Any = bowl, **settings: Any) -> Any:
    return campaign(generator, simulator, **settings).run(co.evaluations(n))


def theirs(adopted: Any) -> Any:
    return adopted._theirs._generator


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_runs_and_is_told_everything_once(kind: type[Plain]):
    adopted = co.from_gest(kind, SQUARE)
    generator = theirs(adopted)
    result = run(adopted, 20)
    assert result.tally.counted == 20
    told = generator.rows()
    points = {(row["x"], row["y"]): row["f"] for row in result.table()}
    assert len(told) == len(points) == 20
    assert all(points[row["x"], row["y"]] == row["f"] for row in told)
    assert generator.finalized == 1


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_resumed_and_repeats_nothing(kind: type[Plain], tmp_path: Path):
    run(co.from_gest(kind, SQUARE), 10, run=tmp_path / "r")
    adopted = co.from_gest(kind, SQUARE)
    generator = theirs(adopted)
    result = run(adopted, 18, run=tmp_path / "r")
    assert len({(row["x"], row["y"]) for row in result.table()}) == 18
    assert {row["f"] for row in generator.rows()} == {row["f"] for row in result.table()}


def test_it_is_a_generator_of_ours_that_brings_its_problem():
    adopted = co.from_gest(Plain, SQUARE, settings={"seed": 4})
    assert isinstance(adopted, Posed)
    assert isinstance(adopted, Recalls)
    assert isinstance(adopted, Described)
    assert adopted.problem is SQUARE
    assert adopted.describe()["generator"] == "Plain"
    assert adopted.describe()["settings"] == {"seed": 4}


def test_values_become_plain_numbers_within_bounds_and_constants_are_filled_in():
    class Odd(Plain):
        def suggest(self, num_points: int | None) -> Rows:
            return [{"x": np.float64(1 + 1e-12), "n": np.float64(3), "c": np.str_("b"), "k": object()}]

    problem = co.Problem(
        {"x": co.Real(0, 1), "n": co.Integer(0, 5), "c": co.Choice(["b", "a"]), "k": co.Constant("fixed")},
        (co.Output("f", "minimize"),),
    )
    adopted = co.from_gest(Odd, problem)
    generator = theirs(adopted)
    [row] = adopted.suggest(1)
    assert row == {"x": 1.0, "n": 3, "c": "b", "k": "fixed"}
    assert [type(value) for value in row.values()] == [float, int, str, str]
    adopted.ingest([Result(Trial(0, row), Value({"f": 2.0}))])
    assert generator.rows() == [{"x": 1 + 1e-12, "n": 3, "c": "b", "k": "fixed", "f": 2.0}]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"x": "left", "y": 0.0}, "Says suggested .*: x: expected a number, got 'left'"),
        ({"x": 3.0, "y": 0.0}, r"Says suggested .*: x: 3.0 is not within \[-1, 1\]"),
        ({"x": 0.5}, r"Says suggested \['x'\]: expected the variables \['x', 'y'\]"),
        ([0.5, 0.5], r"Says suggested \[0.5, 0.5\]: expected a mapping"),
    ],
)
def test_a_row_that_is_no_point_is_named(row: Any, message: str):
    class Says(Plain):
        def suggest(self, num_points: int | None) -> Rows:
            return [row]

    adopted = co.from_gest(Says, SQUARE)
    generator = theirs(adopted)
    with pytest.raises(GeneratorError, match=message):
        run(adopted, 3)
    assert generator.finalized == 1


def test_a_point_beyond_the_bounds_is_told_as_failed_and_not_run():
    class Strays(Plain):
        def point(self) -> dict[str, Any]:
            return {name: 3 * value for name, value in super().point().items()}

    adopted = co.from_gest(Strays, SQUARE, on_failure="nan")
    generator = theirs(adopted)
    result = run(adopted, 10)
    assert result.tally.counted == 10
    beyond = [row for row in generator.rows() if max(abs(row["x"]), abs(row["y"])) > 1]
    assert len(beyond) > 10
    assert all(np.isnan(row["f"]) for row in beyond)
    assert all(abs(row["x"]) <= 1 for row in result.table())


def test_nothing_but_points_beyond_the_bounds_come_to_an_end(monkeypatch: pytest.MonkeyPatch):
    class Lost(Plain):
        def point(self) -> dict[str, Any]:
            return {"x": 7.0, "y": 0.0}

    monkeypatch.setattr(module, "ROUNDS", 20)
    with pytest.raises(
        GeneratorError, match=r"20 times nothing but what cannot be run; the last: Lost suggested .*7.0"
    ):
        run(co.from_gest(Lost, SQUARE, on_failure="nan"), 10)


@pytest.mark.parametrize("answer", ["points", None, {"x": 0.5}])
def test_an_answer_that_is_no_list_is_named(answer: Any):
    class Says(Plain):
        def suggest(self, num_points: int | None) -> Any:
            return answer

    with pytest.raises(GeneratorError, match=r"Says.suggest\(3\) returned .*: expected a list of mappings"):
        run(co.from_gest(Says, SQUARE), 3)


@pytest.mark.parametrize("call", ["suggest", "ingest", "finalize"])
def test_what_it_raises_is_named_and_it_is_let_go_of(call: str):
    class Fails(Plain):
        def suggest(self, num_points: int | None) -> Rows:
            return self.fails("suggest") if self.told else super().suggest(num_points)

        def ingest(self, results: Rows) -> None:
            super().ingest(results)
            self.fails("ingest")

        def finalize(self) -> None:
            super().finalize()
            self.fails("finalize")

        def fails(self, now: str) -> Rows:
            if now == call:
                raise KeyError("boom")
            return super().suggest(2)

    adopted = co.from_gest(Fails, SQUARE)
    generator = theirs(adopted)
    with pytest.raises(GeneratorError, match=rf"Fails.{call}\(.*\) raised KeyError: 'boom'"):
        run(adopted, 9)
    assert generator.finalized == 1


def test_it_is_never_asked_to_decide_how_many():
    adopted = co.from_gest(Plain, SQUARE)
    generator = theirs(adopted)
    run(adopted, 12)
    assert None not in generator.asked


def test_several_at_once_are_tried_only_until_they_are_refused():
    adopted = co.from_gest(OneByOne, SQUARE)
    generator = theirs(adopted)
    run(adopted, 8)
    assert generator.asked[0] == 3
    assert set(generator.asked[1:]) == {1}


def test_it_starts_from_a_few_points_where_it_lacks_data():
    adopted = co.from_gest(Hungry, SQUARE)
    generator = theirs(adopted)
    result = run(adopted, 10)
    assert len(generator.told[0]) == 4
    assert [row["why"] for row in result.table()][:5] == ["initial"] * 4 + [None]


def test_initial_points_are_evaluated_first_and_told_together():
    adopted = co.from_gest(Plain, SQUARE, initial=6)
    generator = theirs(adopted)
    run(adopted, 9)
    assert len(generator.told[0]) == 6
    assert all("_id" not in row for row in generator.told[0])


def test_known_points_are_told_first():
    adopted = co.from_gest(Hungry, SQUARE, known=[{"x": 0, "y": 0.5, "f": 0.25}])
    generator = theirs(adopted)
    run(adopted, 5)
    assert generator.told[0] == [{"x": 0.0, "y": 0.5, "f": 0.25}]
    assert len(generator.rows()) == 6


@pytest.mark.parametrize(
    ("row", "message"),
    [({"x": 0, "y": 0}, r"lacks \['f'\]"), ({"x": 0, "y": 9, "f": 1}, "y: 9.0 is not within")],
)
def test_known_points_must_be_points_with_values(row: Mapping[str, float], message: str):
    with pytest.raises(UserError, match=message):
        co.from_gest(Plain, SQUARE, known=[row])


def test_lack_of_data_that_does_not_end_is_an_error():
    class Starving(Plain):
        def suggest(self, num_points: int | None) -> Rows:
            raise RuntimeError("no data contained in generator")

    with pytest.raises(GeneratorError, match=r"Starving.suggest.1. raised RuntimeError: no data"):
        run(co.from_gest(Starving, SQUARE), 20)


def test_a_batch_is_asked_for_and_told_as_one():
    adopted = co.from_gest(Batches, SQUARE, batch=4)
    generator = theirs(adopted)
    run(adopted, 12)
    assert [len(group) for group in generator.told] == [4, 4, 4]
    assert set(generator.asked) == {4}


def test_no_more_points_end_the_campaign():
    result = run(co.from_gest(Three, SQUARE), 50)
    assert result.tally.counted == 3
    assert "Three has nothing more to suggest" in result.reason


def test_a_point_is_not_proposed_again_while_it_is_out():
    class Stubborn(Numbered):
        def point(self) -> dict[str, Any]:
            return {"x": 0.5, "y": 0.25}

    adopted = co.from_gest(Stubborn, SQUARE)
    generator = theirs(adopted)
    [row] = adopted.suggest(3)
    assert adopted.suggest(2) == Later()
    adopted.ingest([Result(Trial(0, row), Value({"f": 1.0}))])
    assert generator.out == {}
    assert [r["f"] for r in generator.rows()] == [1.0, 1.0, 1.0]


def test_failures_are_not_told_by_default_and_counted():
    adopted = co.from_gest(Plain, SQUARE)
    generator = theirs(adopted)
    result = run(adopted, 6, broken)
    assert result.tally.failed == 6
    assert adopted.dropped == 6
    assert generator.rows() == []


def test_the_end_says_how_many_it_was_not_told_of():
    adopted = co.from_gest(Three, SQUARE)
    assert "3 failed points it was not told of" in run(adopted, 50, broken).reason


@pytest.mark.parametrize(("policy", "told"), [("nan", np.nan), ("worst", 5.0)])
def test_failures_are_told_as_wished(policy: Any, told: float):
    adopted = co.from_gest(Plain, SQUARE, on_failure=policy)
    generator = theirs(adopted)
    rows = adopted.suggest(3)
    outcomes = [Value({"f": 5.0}), Value({"f": 1.0}), Failure("raised", "boom")]
    adopted.ingest(
        [Result(Trial(i, row), outcome) for i, (row, outcome) in enumerate(zip(rows, outcomes, strict=True))]
    )
    np.testing.assert_array_equal([row["f"] for row in generator.rows()], [5.0, 1.0, told])


def test_one_that_waits_for_a_failed_point_is_not_left_waiting():
    with pytest.raises(GeneratorError, match=r"OneByOne waits for points that failed.*use on_failure='worst' or 'nan'"):
        run(co.from_gest(OneByOne, SQUARE), 6, broken)
    assert run(co.from_gest(OneByOne, SQUARE, on_failure="nan"), 6, broken).tally.failed == 6


def test_columns_of_xopt_are_added_for_what_is_made_of_it():
    adopted = co.from_gest(type("Mine", (Plain,), {"__module__": "xopt.mine"}), SQUARE, on_failure="nan")
    generator = theirs(adopted)
    rows = adopted.suggest(2)
    adopted.ingest([Result(Trial(0, rows[0]), Value({"f": 5.0})), Result(Trial(1, rows[1]), Failure("raised", "boom"))])
    assert [row["xopt_error"] for row in generator.rows()] == [False, True]
    assert all("xopt_runtime" in row for row in generator.rows())


def test_a_resume_can_repeat_what_was_asked(tmp_path: Path):
    first = co.from_gest(Numbered, SQUARE, resume="repeat")
    run(first, 10, run=tmp_path / "r")
    again = co.from_gest(Numbered, SQUARE, resume="repeat")
    generator = theirs(again)
    run(again, 15, run=tmp_path / "r")
    assert all("_id" in row for row in generator.rows())
    assert len(generator.rows()) == 15


def test_a_resume_that_does_not_repeat_itself_is_refused(tmp_path: Path):
    made = iter(range(9))
    run(co.from_gest(lambda vocs: Plain(vocs, next(made)), SQUARE, resume="repeat"), 4, run=tmp_path / "r")
    with pytest.raises(GeneratorError, match=r"Plain does not repeat itself: .*use resume='ingest'"):
        run(co.from_gest(lambda vocs: Plain(vocs, next(made)), SQUARE, resume="repeat"), 8, run=tmp_path / "r")


def test_a_changed_setting_is_refused(tmp_path: Path):
    run(co.from_gest(Plain, SQUARE, settings={"seed": 1}), 4, run=tmp_path / "r")
    with pytest.raises(co.CohobateError, match=r"generator.settings.settings.seed = 1, now it is 2"):
        run(co.from_gest(Plain, SQUARE, settings={"seed": 2}), 8, run=tmp_path / "r")


def test_an_object_is_taken_once():
    vocs = VOCS(variables={"x": [-1, 1], "y": [-1, 1]}, objectives={"f": "MINIMIZE"})
    generator = Plain(vocs)
    adopted = co.from_gest(generator)
    assert adopted.problem == SQUARE
    run(adopted, 4)
    with pytest.raises(GeneratorError, match="was finalized with its campaign: call from_gest again"):
        adopted.suggest(1)
    with pytest.raises(UserError, match=r"this Plain was used already .* give from_gest its class"):
        co.from_gest(generator)


def test_a_vocs_will_do_for_a_problem():
    vocs = VOCS(variables={"x": [-1, 1], "y": [-1, 1]}, objectives={"f": "MINIMIZE"})
    assert co.from_gest(Plain, vocs).problem == SQUARE


def test_a_class_may_take_the_vocs_by_keyword_or_first():
    def by_keyword(*, vocs: VOCS, seed: int = 1) -> Plain:
        return Plain(vocs, seed)

    def first(anything: VOCS, seed: int = 1) -> Plain:
        return Plain(anything, seed)

    for function in (by_keyword, first):
        assert theirs(co.from_gest(function, SQUARE, settings={"seed": 3})).vocs.variable_names == ["x", "y"]


@pytest.mark.parametrize(
    ("arguments", "settings", "message"),
    [
        ((Plain,), {}, "a class needs a problem"),
        ((7, SQUARE), {}, "expected a generator with suggest and ingest, or its class, got 7"),
        ((lambda vocs: 7, SQUARE), {}, "made 7: expected a generator"),
        ((Plain, co.Problem({"x": co.Real(0, 1)})), {}, "Plain could not be made .* ValueError: needs an objective"),
        ((Plain, SQUARE), {"settings": {"sead": 1}}, "could not be made .* unexpected keyword argument 'sead'"),
        ((Plain, SQUARE), {"initial": 0}, "initial.*at least 1, or None, got 0"),
        ((Plain, SQUARE), {"batch": True}, "batch.*got True"),
        ((Plain, SQUARE), {"on_failure": "worse"}, "did you mean 'worst'"),
        ((Plain, SQUARE), {"resume": "again"}, "expected ingest, repeat"),
    ],
)
def test_what_cannot_work_is_refused_in_one_line(arguments: Any, settings: Any, message: str):
    with pytest.raises(co.CohobateError, match=message) as caught:
        co.from_gest(*arguments, **settings)
    assert "\n" not in str(caught.value)


def test_an_object_that_hides_its_vocs_needs_a_problem_beside_it():
    class Shy:
        def suggest(self, num_points: int) -> Rows:
            return [{"x": 0.5, "y": 0.5}]

        def ingest(self, results: Rows) -> None:
            """Learns nothing."""

    with pytest.raises(UserError, match="this Shy does not show its VOCS"):
        co.from_gest(Shy())
    assert run(co.from_gest(Shy(), SQUARE), 1).tally.counted == 1


def test_a_pool_is_chosen_from():
    class Picks(Plain):
        def suggest(self, num_points: int | None) -> Rows:
            return [{"smiles": np.str_(value)} for value in sorted(self.vocs.variables["smiles"].values)]

    pool = co.Pool(["CCO", "CC", "C"], name="smiles")
    problem = co.Problem(pool, (co.Output("n", "maximize"),))
    result = run(co.from_gest(Picks, problem), 3, len)
    assert result.best()[0]["smiles"] == "CCO"


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch):
    def missing(name: str) -> Any:
        raise ModuleNotFoundError(f"No module named {name!r}", name="gest_api")

    monkeypatch.setattr(extras, "import_module", missing)
    with pytest.raises(MissingExtra, match=r"pip install 'cohobate\[gest\]'"):
        co.from_gest(Plain, SQUARE)
    assert gest_api


def test_suggestions_of_a_finished_one_are_exhausted_not_later():
    adopted = co.from_gest(Three, SQUARE)
    rows = adopted.suggest(5)
    assert len(rows) == 3
    assert adopted.suggest(2) == Later()
    adopted.ingest([Result(Trial(i, inputs_of(row)), Value({"f": 1.0})) for i, row in enumerate(rows)])
    assert isinstance(adopted.suggest(2), Exhausted)
