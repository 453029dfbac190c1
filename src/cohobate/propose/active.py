"""Chooses the most promising candidates of a pool by what is known of the others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Any, final

from cohobate.core.errors import ProblemError
from cohobate.core.pool import Pool
from cohobate.core.problem import Output, Problem
from cohobate.core.protocols import Answer, Exhausted, Later, Rows, Unfit
from cohobate.core.trial import Inputs, Result
from cohobate.learn.acquisition import Acquisition, describe, first_best, named
from cohobate.learn.models import Model, TanimotoGP
from cohobate.learn.refits import Refits
from cohobate.learn.surrogate import Surrogate
from cohobate.propose.posing import pose
from cohobate.propose.rounds import Rounds
from cohobate.propose.sampling import philox
from cohobate.propose.standing import Standing


@final
class ActiveLearning:
    """Proposes rows of a pool: the first ``initial`` at random, then by model and acquisition.

    Each choice is made when a worker is free, and knows what is pending. With ``batch``, so many are
    proposed, and the next ones only when all have come back. Rows the model cannot see (broken
    SMILES) are proposed as ``Unfit`` beside its first choice. A row is proposed once, whatever
    becomes of it.

    A choice depends on the seed and on what was proposed and told, in that order, and on nothing
    else; so a resumed campaign goes on with the same choices. A choice costs O(proposed rows of the
    pool) in time, and 4 bytes of memory for each pair. Needs scipy, and rdkit for molecules.
    """

    __slots__ = (
        "_acquisition",
        "_objective",
        "_random",
        "_refits",
        "_rounds",
        "_settings",
        "_standing",
        "_surrogate",
        "pool",
        "problem",
    )

    def __init__(
        self,
        pool: Pool | Problem,
        *,
        maximize: str | None = None,
        minimize: str | None = None,
        model: Model | None = None,
        acquisition: str | Acquisition = "ei",
        initial: int = 8,
        batch: int | None = None,
        seed: int = 0,
        outputs: tuple[Output, ...] = (),
    ) -> None:
        model = TanimotoGP() if model is None else model
        self.problem = pose(pool, outputs=outputs, maximize=maximize, minimize=minimize)
        self.pool, self._objective = _pool(self.problem), _objective(self.problem)
        self._acquisition = named(acquisition)
        self._rounds = Rounds(initial, batch)
        self._standing = Standing(self.pool)
        self._random = _untaken(philox(seed).permutation(len(self.pool)).tolist(), self._standing)
        self._refits = Refits()
        self._surrogate = Surrogate(partial(model.view, self.pool))
        self._settings = {
            "generator": "ActiveLearning",
            "model": model.describe(),
            "acquisition": describe(self._acquisition),
            "initial": initial,
            "batch": batch,
            "seed": seed,
        }

    @property
    def finite(self) -> bool:
        """It ends with the pool."""
        return True

    def suggest(self, n: int) -> Answer:
        """Returns up to ``n`` rows to run (and, once, all that are ``Unfit``); ``Later`` between batches.

        The first call returns at once; the first choice of the model waits for the pool's features.
        """
        room = self._rounds.room(n, len(self._standing.out))
        if room == 0:
            return Later()
        self._surrogate.start()
        self._refits.settle(self._standing.targets)
        rows = self._choose(room)
        self._rounds.advance(len(rows))
        return rows or Exhausted(f"all {len(self.pool)} rows of the pool were proposed")

    def ingest(self, results: Sequence[Result]) -> None:
        """Takes in what came back; rows without a value are not proposed again."""
        for result in results:
            sign = 1.0 if self._objective.goal == "maximize" else -1.0
            self._standing.ingest(result, self._objective.name, sign)

    def finalize(self) -> None:
        """Lets go of the thread that fits."""
        self._surrogate.close()

    def recall(self, rows: Rows) -> None:
        """Takes note of an earlier answer; what it was computed from is made anew when it is needed."""
        self._refits.settle(self._standing.targets)
        self._standing.recall(rows)
        self._rounds.advance(len(rows))

    def describe(self) -> Mapping[str, Any]:
        """Returns all settings but the problem."""
        return self._settings

    def _choose(self, room: int) -> list[Inputs | Unfit]:
        at_random = self._rounds.starting(room) if self._standing.known() else room
        rows: list[Inputs | Unfit] = [self._propose(i) for i in islice(self._random, at_random)]
        if at_random == room:
            return rows
        rows += self._unfit()
        for _ in range(at_random, room):
            if self._standing.taken.all():
                break
            rows.append(self._propose(self._most_promising()))
        return rows

    def _unfit(self) -> list[Inputs | Unfit]:
        broken = self._surrogate.view().unfit
        return [Unfit(self._propose(i), why) for i, why in broken.items() if not self._standing.taken[i]]

    def _most_promising(self) -> int:
        prediction = self._surrogate.predict(self._standing.targets, self._refits)
        scores = self._acquisition(prediction.mean, prediction.std, max(self._standing.known()))
        return first_best(scores, ~self._standing.taken)

    def _propose(self, i: int) -> Inputs:
        self._standing.propose(i)
        return self.pool[i]


def _untaken(order: Sequence[int], standing: Standing) -> Iterator[int]:
    """Returns the rows in a random order, each as long as it has not been proposed."""
    return (i for i in order if not standing.taken[i])


def _pool(problem: Problem) -> Pool:
    if not isinstance(problem.variables, Pool):
        raise ProblemError(f"ActiveLearning chooses from a Pool, got the variables {list(problem.names)}")
    return problem.variables


def _objective(problem: Problem) -> Output:
    if len(problem.objectives) != 1:
        names = [output.name for output in problem.objectives]
        raise ProblemError(f"ActiveLearning needs one output to maximize= or minimize=, got {names or 'none'}")
    return problem.objectives[0]
