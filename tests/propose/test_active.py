"""Active learning: finds what is best, repeats itself exactly, and loses no row."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cohobate.core.errors import GeneratorError, ProblemError
from cohobate.core.outcome import Cancelled, Failure, Outcome, Value
from cohobate.core.pool import Pool
from cohobate.core.problem import Output, Problem, Real
from cohobate.core.protocols import Chosen, Described, Exhausted, Later, Learns, Posed, Recalls, Row, Unfit, inputs_of
from cohobate.core.trial import Inputs, Note, Result, Trial
from cohobate.models.acquisition import UpperConfidence
from cohobate.models.ready import RBFGP
from cohobate.propose.active import ActiveLearning
from cohobate.propose.sampling import RandomSampler

Made = Callable[..., ActiveLearning]
GRID = Pool([{"x": x / 20, "y": y / 20} for x in range(20) for y in range(20)])
CHAINS = Pool(
    [a + "C" * n + b for a in ("", "F", "N", "O", "CC(C)") for n in range(1, 9) for b in ("", "F", "Cl", "C#N")]
)


def hill(row: Inputs) -> float:
    return float(np.exp(-20 * ((row["x"] - 0.7) ** 2 + (row["y"] - 0.35) ** 2)))


def halogens(row: Inputs) -> float:
    smiles: str = row["candidate"]
    return 3.0 * smiles.count("F") + smiles.count("N") - 0.1 * len(smiles)


@pytest.fixture
def make() -> Iterator[Made]:
    """Makes generators and lets them go at the end."""
    made: list[ActiveLearning] = []

    def factory(pool: Pool | Problem = GRID, **settings: Any) -> ActiveLearning:
        settings = {"model": None if pool is CHAINS else RBFGP(), "maximize": "f", **settings}
        made.append(ActiveLearning(pool, **settings))
        return made[-1]

    yield factory
    for generator in made:
        generator.finalize()


def result(row: Row, outcome: Outcome | float, note: Note | None = None) -> Result:
    value = Value({"f": outcome}) if isinstance(outcome, float) else outcome
    return Result(Trial(0, inputs_of(row), note=note), value)


def rows_of(generator: ActiveLearning, n: int = 1) -> list[Any]:
    answer = generator.suggest(n)
    assert not isinstance(answer, Later | Exhausted), answer
    return list(answer)


def ask(generator: ActiveLearning, n: int = 1) -> list[Any]:
    """The inputs of what is chosen, and what is unfit as it is."""
    return [row.inputs if isinstance(row, Chosen) else row for row in rows_of(generator, n)]


def best_after(generator: Any, n: int, value: Callable[[Inputs], float]) -> float:
    best = -np.inf
    for _ in range(n):
        [row] = map(inputs_of, generator.suggest(1))
        best = max(best, value(row))
        generator.ingest([result(row, value(row))])
    return best


def test_is_a_generator_that_brings_its_problem_and_can_be_recalled(make: Made):
    generator = make()
    assert isinstance(generator, Posed)
    assert isinstance(generator, Recalls)
    assert isinstance(generator, Described)
    assert isinstance(generator, Learns)
    assert generator.problem == Problem(GRID, (Output("f", "maximize"),))
    assert generator.describe() == {
        "generator": "ActiveLearning",
        "model": {"model": "RBFGP", "features": "numbers"},
        "acquisition": {"is": "ExpectedImprovement"},
        **{"initial": 8, "batch": None, "seed": 0},
    }


@pytest.mark.parametrize(("pool", "value"), [(GRID, hill), (CHAINS, halogens)], ids=["points", "molecules"])
def test_finds_the_best_row_where_random_choice_does_not(make: Made, pool: Pool, value: Callable[[Inputs], float]):
    top = max(map(value, pool))
    found = [best_after(make(pool, seed=seed), 30, value) for seed in range(4)]
    chance = [best_after(RandomSampler(pool, seed=seed), 30, value) for seed in range(4)]
    assert found == [top] * 4
    assert np.mean(chance) < top


def test_minimizing_is_maximizing_the_negative(make: Made):
    up, down = make(acquisition="ucb"), make(acquisition="ucb", maximize=None, minimize="f")
    for _ in range(25):
        [row] = ask(up)
        assert ask(down) == [row]
        up.ingest([result(row, hill(row))])
        down.ingest([result(row, -hill(row))])


def test_the_first_rows_are_random_and_need_no_features(make: Made):
    def broken(pool: Pool) -> np.ndarray:
        raise RuntimeError("features were needed")

    generator = make(model=RBFGP(features=broken), seed=5)
    first = ask(generator, 3) + ask(generator, 5)
    assert first == RandomSampler(GRID, seed=5).suggest(8)
    more = ask(generator, 4)
    assert more == RandomSampler(GRID, seed=5).suggest(12)[8:]
    generator.ingest([result(first[0], 1.0)])
    with pytest.raises(RuntimeError, match="features were needed"):
        generator.suggest(1)


def test_choices_for_several_workers_are_spread_by_what_is_pending(make: Made):
    scores: list[np.ndarray] = []

    def remembering(mean: np.ndarray, std: np.ndarray, best: float) -> np.ndarray:
        scores.append(UpperConfidence(10.0)(mean, std, best))
        return scores[-1]

    generator = make(acquisition=remembering)
    first = ask(generator, 8)
    generator.ingest([result(row, hill(row)) for row in first])
    together = ask(generator, 6)
    ranked = [GRID[i] for i in np.argsort(-scores[0]) if GRID[i] not in first][:6]
    assert together[0] == ranked[0]
    assert distance(together) > 2 * distance(ranked)


def distance(rows: list[Any]) -> float:
    points = np.array([[row["x"], row["y"]] for row in rows])
    return float(np.linalg.norm(points[:, None] - points, axis=2).mean())


def test_a_batch_waits_until_all_of_it_is_back(make: Made):
    generator = make(batch=4)
    first = ask(generator, 100)
    assert len(first) == 8
    for row in first:
        assert generator.suggest(2) == Later()
        generator.ingest([result(row, hill(row))])
    batch = ask(generator, 3) + ask(generator, 3)
    assert len(batch) == 4
    generator.ingest([result(batch[0], Cancelled()), result(batch[1], Failure("raised", "no")), result(batch[2], 0.5)])
    assert generator.suggest(1) == Later()
    generator.ingest([result(batch[3], 0.1)])
    assert len(ask(generator, 9)) == 4


def test_failed_and_cancelled_rows_are_not_proposed_again(make: Made):
    pool = Pool([{"x": x} for x in range(40)])
    generator = make(pool)
    seen: list[int] = []
    outcomes = [Failure("raised", "boom"), Cancelled("enough"), 1.0, 2.5]
    while not isinstance(answer := generator.suggest(3), Exhausted):
        assert not isinstance(answer, Later)
        rows = [inputs_of(row) for row in answer]
        seen += [row["x"] for row in rows]
        generator.ingest([result(row, outcomes[row["x"] % 4]) for row in rows])
    assert sorted(seen) == list(range(40))
    assert generator.suggest(1) == Exhausted("all 40 rows of the pool were proposed")


def test_unfit_rows_come_once_beside_the_first_choice(make: Made):
    good = ["C" * n for n in range(1, 30)]
    pool = Pool([*good, "C1CC", "not a molecule", "C(C)(C)(C)(C)C"], name="smiles")
    generator = make(pool, model=None, initial=2, seed=3)
    rows = ask(generator, 2)
    assert all(row["smiles"] in good for row in rows)
    generator.ingest([result(row, 1.0 * len(row["smiles"])) for row in rows])
    unfit, chosen = ask(generator)[:-1], ask(generator)
    assert [row.inputs["smiles"] for row in unfit] == ["C1CC", "not a molecule", "C(C)(C)(C)(C)C"]
    assert unfit[0].reason == "'C1CC' is not a valid SMILES: check brackets, rings and parentheses"
    assert len(chosen) == 1
    generator.ingest([result(row, Failure("rejected", row.reason)) for row in unfit])
    rest = ask(generator, 100)
    assert len(rest) == 29 - 2 - 2
    assert isinstance(generator.suggest(1), Exhausted)


def test_a_pool_of_unfit_rows_only_ends(make: Made):
    generator = make(Pool(["x!", "y!", "z!"]), model=None, initial=1)
    generator.ingest([result(ask(generator)[0], 1.0)])
    assert all(isinstance(row, Unfit) for row in ask(generator))
    assert isinstance(generator.suggest(1), Exhausted)


@pytest.mark.parametrize("value", [0.0, 7.5, 1e300, -1e-300])
def test_equal_values_and_a_single_value_explore(make: Made, value: float):
    pool = Pool([{"x": x} for x in range(25)])
    generator = make(pool, initial=1)
    seen = set()
    for _ in range(25):
        [row] = ask(generator)
        seen.add(row["x"])
        generator.ingest([result(row, value)])
    assert len(seen) == 25


def test_molecules_with_equal_fingerprints_come_in_the_order_of_the_pool(make: Made):
    generator = make(Pool(["CCO", "OCC", "C(C)O", "CCN", "CCC"]), model=None, initial=2, seed=1)
    rows = ask(generator, 2)
    generator.ingest([result(row, 1.0 + (row["candidate"] != "CCN")) for row in rows])
    order = [row["candidate"] for row in ask(generator, 3)]
    twins = [s for s in order if s in ("CCO", "OCC", "C(C)O")]
    assert twins == sorted(twins, key=["CCO", "OCC", "C(C)O"].index)


script = st.lists(
    st.one_of(
        st.tuples(st.just("ask"), st.integers(1, 5)),
        st.tuples(st.just("tell"), st.integers(1, 6)),
        st.tuples(st.just("fail"), st.integers(1, 2)),
    ),
    min_size=5,
    max_size=50,
)


@pytest.mark.parametrize("batch", [None, 3])
@settings(max_examples=25, deadline=None)
@given(script=script, cut=st.integers(0, 49))
def test_recalled_it_goes_on_with_the_same_choices(batch: int | None, script: list[tuple[str, int]], cut: int):
    def new() -> ActiveLearning:
        return ActiveLearning(GRID, maximize="f", model=RBFGP(), initial=4, batch=batch, seed=11)

    lived, restored = new(), new()
    out: list[Inputs] = []
    for at, (step, n) in enumerate(script):
        if step == "ask":
            answer = lived.suggest(n)
            if at > cut:
                assert restored.suggest(n) == answer
            elif not isinstance(answer, Later | Exhausted):
                restored.recall([inputs_of(row) for row in answer])
            out += [] if isinstance(answer, Later | Exhausted) else map(inputs_of, answer)
        else:
            back, out = out[:n], out[n:]
            results = [result(row, Failure("raised", "") if step == "fail" else hill(row)) for row in back]
            for generator in (lived, restored):
                generator.ingest(results)
    assert restored.suggest(3) == lived.suggest(3)
    lived.finalize()
    restored.finalize()


def test_a_long_log_of_molecules_is_recalled_with_its_fits_and_unfit_rows(make: Made):
    pool = Pool([*CHAINS.column(), "C1CC"])
    lived, restored = (make(pool, model=None, initial=5) for _ in range(2))
    for _ in range(40):
        rows = ask(lived, 2)
        restored.recall([row.inputs if isinstance(row, Unfit) else row for row in rows])
        results = [result(row, Failure("rejected", "") if isinstance(row, Unfit) else halogens(row)) for row in rows]
        lived.ingest(results)
        restored.ingest(results)
    assert [ask(restored, 2) for _ in range(10)] == [ask(lived, 2) for _ in range(10)]


def test_told_what_it_never_proposed_it_learns(make: Made):
    generator = make(initial=1)
    generator.ingest([result(GRID[i], hill(GRID[i])) for i in range(0, 400, 7)])
    ask(generator)
    assert hill(ask(generator)[0]) > 0.8


def test_an_acquisition_of_ones_own_is_used(make: Made):
    generator = make(initial=1, acquisition=lambda mean, std, best: np.arange(400.0))
    generator.ingest([result(ask(generator)[0], 1.0)])
    assert ask(generator, 2) == [GRID[399], GRID[398]]
    assert make(acquisition=UpperConfidence(2.0)).describe()["acquisition"] == {"is": "UpperConfidence", "beta": 2.0}


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: ActiveLearning(GRID), "needs at least one output to maximize= or minimize=, got none"),
        (lambda: ActiveLearning(Problem({"x": Real(0, 1)}), maximize="f"), "beside a Problem"),
        (lambda: ActiveLearning(Problem({"x": Real(0, 1)})), "chooses from a Pool"),
        (lambda: ActiveLearning(GRID, maximize="f", acquisition="eix"), "did you mean 'ei'"),
        (lambda: ActiveLearning(GRID, maximize="f", initial=0), "initial=0"),
        (lambda: ActiveLearning(GRID, maximize="f", batch=0), "batch=0"),
        (lambda: ActiveLearning(GRID, maximize="f", seed=-3), "seed=-3"),
    ],
)
def test_mistakes_are_named(build: Callable[[], object], message: str):
    with pytest.raises(ProblemError, match=message):
        build()


def test_rows_of_another_pool_are_refused(make: Made):
    with pytest.raises(GeneratorError, match="is no row of Pool"):
        make().ingest([result({"x": 99, "y": 0}, 1.0)])
    with pytest.raises(GeneratorError, match="is no row of Pool"):
        make().recall([{"z": 1}])


def test_a_model_of_numbers_refuses_a_pool_of_text():
    with pytest.raises(ProblemError, match=r"model 'rbf' looks at numbers, and .*use 'tanimoto', 'knn' or 'forest'"):
        ActiveLearning(CHAINS, maximize="f", model="rbf")
