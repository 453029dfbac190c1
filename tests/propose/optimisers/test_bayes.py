"""Bayesian optimisation: optima that are known, limits, noise, failures, and what is asked beside what is pending."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cohobate.campaign.campaign import Campaign
from cohobate.campaign.goals import evaluations
from cohobate.core.errors import GeneratorError, ProblemError
from cohobate.core.fidelity import Fidelity
from cohobate.core.front import nondominated
from cohobate.core.outcome import Failure, Outcome, Value
from cohobate.core.pool import Pool
from cohobate.core.problem import AtLeast, AtMost, Choice, Constant, Integer, Output, Problem, Real, Structured
from cohobate.core.protocols import Chosen, Described, Exhausted, Finite, Later, Learns, Posed, Recalls, inputs_of
from cohobate.core.trial import Inputs, Result, Trial
from cohobate.engines.inline import inline
from cohobate.propose.optimisers.bayes import BayesianOptimizer
from cohobate.propose.sampling import Sobol

pytestmark = pytest.mark.timeout(180)
SQUARE = {"x": Real(-5.0, 10.0), "y": Real(0.0, 15.0)}
Simulator = Callable[[Inputs], Outcome]


def branin(row: Inputs) -> float:
    """Minima of 0.397887 at (-pi, 12.275), (pi, 2.275) and (3 pi, 2.475)."""
    x, y = row["x"], row["y"]
    bowl = (y - 5.1 * x**2 / (4 * math.pi**2) + 5 * x / math.pi - 6) ** 2
    return bowl + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10


def value(**outputs: float) -> Outcome:
    return Value(outputs)


def result(row: Any, outcome: Outcome) -> Result:
    return Result(Trial(0, inputs_of(row), note=row.note if isinstance(row, Chosen) else None), outcome)


def story(generator: BayesianOptimizer, n: int, simulator: Simulator) -> list[Result]:
    """The results of ``n`` evaluations, one after the other."""
    results = []
    for _ in range(n):
        answer = generator.suggest(1)
        if isinstance(answer, Exhausted):
            break
        results += [result(row, simulator(inputs_of(row))) for row in answer]
        generator.ingest(results[-1:])
    return results


def best(results: list[Result]) -> float:
    return min(one["f"] for one in results if one.ok)


def test_is_a_generator_that_brings_its_problem_and_can_be_recalled():
    generator = BayesianOptimizer(SQUARE, minimize="f", seed=3)
    for protocol in (Posed, Recalls, Described, Learns, Finite):
        assert isinstance(generator, protocol)
    assert generator.problem == Problem(SQUARE, (Output("f", "minimize"),))
    assert generator.describe() == {"generator": "BayesianOptimizer", "initial": 6, "batch": None, "seed": 3}
    assert not generator.finite


def test_starts_with_sobol_points():
    generator = BayesianOptimizer(SQUARE, minimize="f", seed=5, initial=7)
    assert [inputs_of(row) for row in generator.suggest(7)] == Sobol(SQUARE, minimize="f", seed=5).suggest(7)


@pytest.mark.parametrize("seed", range(5))
def test_branin_within_35_evaluations(seed: int):
    results = story(BayesianOptimizer(SQUARE, minimize="f", seed=seed), 35, lambda row: value(f=branin(row)))
    assert best(results) - 0.397887 < 0.05


@pytest.mark.parametrize("seed", range(3))
def test_the_middle_of_a_bowl_in_four_directions_within_30_evaluations(seed: int):
    space = {"a": Real(1e-3, 1e3, log=True), "b": Real(-1, 1), "c": Real(0, 5), "d": Real(2, 3), "e": Constant(7)}

    def bowl(row: Inputs) -> Outcome:
        assert row["e"] == 7
        apart = [math.log10(row["a"] / 20.0) / 6, (row["b"] - 0.4) / 2, (row["c"] - 1.2) / 5, row["d"] - 2.7]
        return value(f=-sum(x**2 for x in apart))

    results = story(BayesianOptimizer(space, maximize="f", seed=seed), 30, bowl)
    assert max(one["f"] for one in results) > -1e-3


@pytest.mark.parametrize("seed", range(3))
def test_limits_are_kept_where_it_matters(seed: int):
    """The least x + y within two limits is 0.599788 (Gramacy et al. 2016); without the limits it is 0."""
    outputs = (Output("f", "minimize"), Output("g", AtMost(0.0)), Output("h", AtLeast(-1.5)))

    def gramacy(row: Inputs) -> Outcome:
        x, y = row["x"], row["y"]
        g = 1.5 - x - 2 * y - 0.5 * math.sin(2 * math.pi * (x**2 - 2 * y))
        return value(f=x + y, g=g, h=-(x**2) - y**2)

    generator = BayesianOptimizer({"x": Real(0, 1), "y": Real(0, 1)}, outputs=outputs, seed=seed)
    results = story(generator, 30, gramacy)
    assert best([one for one in results if one["g"] <= 0 and one["h"] >= -1.5]) - 0.599788 < 0.02
    assert {one.trial.note.why for one in results if one.trial.note} <= {"initial", "feasibility", "ei"}


@pytest.mark.parametrize("seed", range(3))
def test_noise_does_not_pass_for_success(seed: int):
    """Noise of 1 on a valley 9 deep: what the model believes in is near its bottom."""
    noise = np.random.default_rng(seed)
    space = {"x": Real(-3, 3), "y": Real(-3, 3)}

    def valley(row: Inputs) -> float:
        return (row["x"] - 1) ** 2 + (row["y"] + 0.5) ** 2

    generator = BayesianOptimizer(space, minimize="f", seed=seed)
    results = story(generator, 50, lambda row: value(f=valley(row) + noise.standard_normal()))
    chosen = [one.trial for one in results if one.trial.note and one.trial.note.mean]
    assert np.median([valley(trial.inputs) for trial in chosen[-15:]]) < 1.0
    noises = [one["f"] - one.trial.note.mean["f"] for one in results[-15:] if one.trial.note]
    assert 0.5 < np.std(noises) < 2.0


@pytest.mark.parametrize("seed", range(3))
def test_several_objectives_spread_along_their_front(seed: int):
    """The front of distances to two places is the line between them."""
    space = {"x": Real(0, 1), "y": Real(0, 1)}

    def places(row: Inputs) -> Outcome:
        x, y = row["x"], row["y"]
        return value(f=(x - 0.2) ** 2 + (y - 0.5) ** 2, g=(x - 0.8) ** 2 + (y - 0.5) ** 2)

    generator = BayesianOptimizer(space, minimize=["f", "g"], seed=seed)
    results = story(generator, 24, places)
    front = nondominated(-np.array([[one["f"], one["g"]] for one in results]))
    near = [one for one, on in zip(results, front, strict=True) if on and abs(one.trial.inputs["y"] - 0.5) < 0.03]
    assert len(near) >= 10
    assert max(np.diff(sorted([0.2, *(one.trial.inputs["x"] for one in near), 0.8]))) < 0.12


UNIT = {"x": Real(0, 1), "y": Real(0, 1)}


def test_where_evaluations_fail_is_learned():
    """Two fifths of the space, beside the bottom, have no values: hardly a point falls there once that is known."""

    def partly(row: Inputs) -> Outcome:
        failed = Failure("raised", "no value here")
        return failed if row["x"] > 0.6 else value(f=(row["x"] - 0.55) ** 2 + (row["y"] - 0.3) ** 2)

    results = story(BayesianOptimizer(UNIT, minimize="f"), 20, partly)
    assert best(results) < 1e-3
    assert sum(not one.ok for one in results[8:]) <= 5


@pytest.mark.parametrize("seed", range(2))
def test_a_bottom_beside_a_cliff_is_found_and_no_hole_asked_again(seed: int):
    """The best values lie where there are none: it comes near, and looks further."""

    def cliff(row: Inputs) -> Outcome:
        return Failure("raised", "") if row["x"] > 0.6 else value(f=-row["x"] + (row["y"] - 0.3) ** 2)

    results = story(BayesianOptimizer(UNIT, minimize="f", seed=seed), 22, cliff)
    assert best(results) < -0.55
    assert len({(one.trial.inputs["x"], one.trial.inputs["y"]) for one in results}) == 22


def test_as_long_as_nothing_has_a_value_it_fills_the_space():
    generator = BayesianOptimizer(SQUARE, minimize="f", seed=5, initial=2)
    results = story(generator, 12, lambda row: Failure("rejected", "no"))
    assert [one.trial.inputs for one in results] == Sobol(SQUARE, minimize="f", seed=5).suggest(12)


def test_equal_values_are_no_obstacle():
    generator = BayesianOptimizer(SQUARE, minimize="f", outputs=(Output("g", AtMost(2.0)),), initial=3)
    results = story(generator, 8, lambda row: value(f=1.0, g=1.0))
    assert len({(one.trial.inputs["x"], one.trial.inputs["y"]) for one in results}) == 8


@pytest.mark.parametrize("size", [1e-250, 1e300])
def test_the_size_of_values_is_no_obstacle(size: float):
    generator = BayesianOptimizer(SQUARE, minimize="f")
    results = story(generator, 16, lambda row: value(f=size * ((row["x"] - 2) ** 2 + (row["y"] - 9) ** 2)))
    assert best(results) / size < 0.1


def test_a_choice_knows_what_is_pending():
    """Six at once after the same values are six different places."""
    generator = BayesianOptimizer(SQUARE, minimize="f", initial=6)
    story(generator, 8, lambda row: value(f=branin(row)))
    rows = [inputs_of(row) for row in generator.suggest(6)]
    points = np.array([[row["x"], row["y"]] for row in rows])
    apart = np.linalg.norm(points[:, None] - points, axis=2) + 15 * np.eye(6)
    assert apart.min() > 0.15


def test_batches_wait_for_each_other():
    generator = BayesianOptimizer(SQUARE, minimize="f", initial=4, batch=2)
    first = generator.suggest(9)
    assert len(first) == 4
    assert isinstance(generator.suggest(1), Later)
    generator.ingest([result(row, value(f=branin(inputs_of(row)))) for row in first])
    second = generator.suggest(9)
    assert len(second) == 2
    generator.ingest([result(row, value(f=1.0)) for row in second[:1]])
    assert isinstance(generator.suggest(1), Later)


MIXED = {"n": Integer(1, 6), "kind": Choice(["a", "b", "c"]), "shape": Choice([None, [1, 2]])}


def mixed(row: Inputs) -> Outcome:
    bonus = {"a": 0.0, "b": 3.0, "c": 1.0}[row["kind"]]
    return value(f=-abs(row["n"] - 4) + bonus + (row["shape"] is None))


def test_a_finite_space_is_searched_without_repetition_to_its_end():
    generator = BayesianOptimizer(MIXED, maximize="f", initial=5)
    assert generator.finite
    results = story(generator, 100, mixed)
    assert len(results) == 36
    assert len({repr(one.trial.inputs) for one in results}) == 36
    assert [one["f"] for one in results].index(4.0) < 16
    assert isinstance(generator.suggest(1), Exhausted)


@pytest.mark.parametrize("seed", range(3))
def test_reals_whole_numbers_and_choices_together(seed: int):
    space = {"x": Real(0, 1), "n": Integer(1, 1000, log=True), "m": Integer(-20, 20), "kind": Choice(["a", "b", "c"])}

    def together(row: Inputs) -> Outcome:
        off = abs(math.log10(row["n"] / 50)) + abs(row["m"] - 7) / 20 + (row["kind"] != "b")
        return value(f=(row["x"] - 0.3) ** 2 + off**2)

    results = story(BayesianOptimizer(space, minimize="f", seed=seed), 45, together)
    assert all(Problem(space).check(one.trial.inputs) is None for one in results)
    assert best(results) < 0.02


def test_points_of_others_count_as_if_they_had_been_proposed():
    generator = BayesianOptimizer(SQUARE, minimize="f", initial=1)
    generator.suggest(1)
    others = [{"x": float(x), "y": float(y)} for x in range(-5, 11, 3) for y in range(0, 16, 3)]
    generator.ingest([Result(Trial(0, row), value(f=branin(row))) for row in others])
    results = story(generator, 12, lambda row: value(f=branin(row)))
    assert best(results) < 0.5
    assert all(one.trial.note and one.trial.note.why == "ei" for one in results)


def test_notes_predict_in_units_of_the_outputs_and_lessons_tell_how_well():
    outputs = (Output("f", "maximize"), Output("g", AtMost(60.0)))
    generator = BayesianOptimizer({"x": Real(0, 1)}, outputs=outputs, initial=5)
    results = story(generator, 12, lambda row: value(f=1e6 + 50 * row["x"], g=100 * row["x"]))
    last = results[-1]
    assert last.trial.note is not None
    assert last.trial.note.mean == pytest.approx({"f": last["f"], "g": last["g"]}, abs=1.0)
    assert 0 <= last.trial.note.std["f"] < 5
    lessons = generator.lessons()
    assert [one.model for one in lessons] == list(range(1, 8))
    assert [one.known for one in lessons] == list(range(5, 12))
    assert set(lessons[-1].error) == {"f", "g"}
    assert lessons[-1].best == {"f": max(one["f"] for one in results[:-1] if one["g"] <= 60)}


def test_a_campaign_runs_on_it(tmp_path: Any):
    def simulate(x: float, y: float) -> dict[str, float]:
        return {"f": branin({"x": x, "y": y})}

    generator = BayesianOptimizer(SQUARE, minimize="f")
    Campaign(generator, simulate, inline(), run=tmp_path / "run").run(evaluations(12))
    again = BayesianOptimizer(SQUARE, minimize="f")
    resumed = Campaign(again, simulate, inline(), run=tmp_path / "run").run(evaluations(20))
    whole = story(BayesianOptimizer(SQUARE, minimize="f"), 20, lambda row: value(f=branin(row)))
    assert [row["x"] for row in resumed.table()] == [one.trial.inputs["x"] for one in whole]


LEVELS = Fidelity("level", {"quick": 1.0, "full": 4.0})


@pytest.mark.parametrize(
    ("space", "settings", "complaint"),
    [
        (Pool(["C", "CC"]), {"minimize": "f"}, "needs variables, got a pool: use ActiveLearning"),
        ({"s": Structured("crystal", str, str)}, {"minimize": "f"}, "cannot vary 's', a crystal"),
        ({"c": Constant(1)}, {"minimize": "f"}, "needs at least one Real, Integer or Choice"),
        (SQUARE, {}, "BayesianOptimizer needs at least one output to maximize= or minimize="),
        (Problem(SQUARE, (Output("f", "minimize"),), LEVELS), {}, "knows no levels, got the fidelity 'level'"),
        (SQUARE, {"outputs": (Output("f", "minimize", shape=(2,)),)}, "only a number can be modelled"),
        (SQUARE, {"minimize": "f", "reference": {"f": 1.0}}, "expected a number for each of several objectives"),
        (SQUARE, {"minimize": ["f", "g"], "reference": {"f": 1.0}}, r"here \['f', 'g'\]"),
        (SQUARE, {"minimize": ["f", "g"], "reference": {"f": "low", "g": 1.0}}, "expected a number"),
        (SQUARE, {"minimize": "f", "initial": 0}, "initial=0"),
        (SQUARE, {"minimize": "f", "batch": 0}, "batch=0"),
        (SQUARE, {"minimize": "f", "seed": -1}, "seed=-1"),
    ],
)
def test_what_it_cannot_do_is_said_at_once(space: Any, settings: dict[str, Any], complaint: str):
    with pytest.raises(ProblemError, match=complaint):
        BayesianOptimizer(space, **settings)


def test_a_missing_output_and_a_foreign_point_are_named():
    generator = BayesianOptimizer(SQUARE, minimize="energy")
    [row] = generator.suggest(1)
    with pytest.raises(GeneratorError, match="no output 'energy'; did you mean 'enery'"):
        generator.ingest([result(row, value(enery=1.0))])
    with pytest.raises(GeneratorError, match="is no point of the variables"):
        generator.ingest([Result(Trial(1, {"z": 1.0}), value(energy=1.0))])
