"""Chooses the most promising candidates of a pool by what is known of the others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Any, final

from cohobate.core.fidelity import Fidelity
from cohobate.core.pool import Pool
from cohobate.core.problem import Output, Problem
from cohobate.core.protocols import Answer, Chosen, Exhausted, Later, Lesson, Row, Rows, Unfit
from cohobate.core.trial import Note, Result
from cohobate.models.acquisition import Choice, describe, first_best
from cohobate.models.levels import LevelView
from cohobate.models.posterior import GaussianView
from cohobate.models.prediction import Model, Prediction, Unable, View
from cohobate.models.ready import named
from cohobate.models.refits import Refits
from cohobate.models.surrogate import Surrogate
from cohobate.propose.aims import Aims, acquisition_for, check_levels, check_readable
from cohobate.propose.candidates import Candidates
from cohobate.propose.choosing import Outlook, scores
from cohobate.propose.lessons import Lessons
from cohobate.propose.posing import Names, pose
from cohobate.propose.rounds import Rounds
from cohobate.propose.sampling import philox
from cohobate.propose.standing import Standing


@final
class ActiveLearning:
    """Proposes rows of a pool: the first ``initial`` at random, then by model and acquisition.

    ``model``: "tanimoto" (molecules), "rbf" (numbers), "knn", "forest", or an object; ``acquisition``:
    "ei", "ucb", "pi", "greedy", "thompson", for several objectives "ehvi", or an object. Outputs with a
    limit (``AtMost``, ``AtLeast``) are modelled too, and a choice counts as much as it is likely to keep
    all limits.

    Each choice is made when a worker is free, and knows what is pending. With ``batch``, so many are
    proposed, and the next ones only when all have come back. Rows the model cannot see (broken
    SMILES) are proposed as ``Unfit``: at their turn among the random ones where that is known, the
    others beside the first choice. A row is proposed once, whatever becomes of it. Where a model cannot
    predict (all values are equal, an estimator raises), rows are chosen at random, and their notes say
    why.

    With a ``fidelity`` each of the initial rows is evaluated at all levels; then each choice is of a row
    and a level, by what the evaluation is expected to tell of the full one, and its cost. Needs a
    Gaussian process and one of "ei", "pi" and "ehvi". It ends when all rows were proposed at the full one.

    A choice depends on the seed and on what was proposed and told, in that order, and on nothing
    else; so a resumed campaign goes on with the same choices. With a Gaussian process a choice costs
    O(proposed rows of the pool) in time, and 4 bytes of memory for each pair and output. Needs scipy,
    and rdkit for molecules.
    """

    __slots__ = (
        "_acquisition",
        "_aims",
        "_candidates",
        "_lessons",
        "_model",
        "_random",
        "_refits",
        "_rounds",
        "_seed",
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
        maximize: Names = None,
        minimize: Names = None,
        model: str | Model | None = None,
        acquisition: str | Choice | None = None,
        initial: int = 8,
        batch: int | None = None,
        seed: int = 0,
        outputs: tuple[Output, ...] = (),
        fidelity: Fidelity | None = None,
    ) -> None:
        self._model = named("tanimoto" if model is None else model)
        self.problem = pose(pool, outputs=outputs, maximize=maximize, minimize=minimize, fidelity=fidelity)
        self._candidates, self._aims = Candidates(self.problem), Aims.of(self.problem)
        self.pool = self._candidates.pool
        self._acquisition = acquisition_for(acquisition, self._aims, self._model)
        check_readable(self._model, self.pool)
        check_levels(self._candidates.levels, self._acquisition, self._model)
        self._rounds = Rounds(initial * self._candidates.levels, batch)
        self._standing = Standing(self._candidates, self._aims.names)
        self._seed = seed
        self._random = _untaken(philox(seed).permutation(len(self.pool)).tolist(), self._candidates, self._standing)
        self._refits = Refits(self._model.pace)
        self._lessons = Lessons()
        self._surrogate = Surrogate(partial(_view, self._model, self._candidates), self._aims.names)
        self._settings = {
            "generator": "ActiveLearning",
            "model": self._model.describe(),
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
        self._settle(room)
        rows = self._choose(room)
        self._rounds.advance(len(rows))
        return rows or Exhausted(f"all {len(self.pool)} rows of the pool were proposed")

    def ingest(self, results: Sequence[Result]) -> None:
        """Takes in what came back; rows without a value are not proposed again."""
        for result in results:
            values = self._standing.ingest(result)
            if values is not None:
                self._lessons.compare(result.trial.note, dict(zip(self._aims.names, values, strict=True)))

    def lessons(self) -> Sequence[Lesson]:
        """Returns the fits that took hold since it was last asked."""
        return self._lessons.take()

    def finalize(self) -> None:
        """Lets go of the thread that fits."""
        self._surrogate.close()

    def recall(self, rows: Rows) -> None:
        """Takes note of an earlier answer; what it was computed from is made anew when it is needed."""
        self._settle(len(rows))
        self._standing.recall(rows)
        self._rounds.advance(len(rows))

    def describe(self) -> Mapping[str, Any]:
        """Returns all settings but the problem."""
        return self._settings

    def _settle(self, rows: int) -> None:
        """Decides which fit holds; one that would hold at once is left out as long as all ``rows`` are random."""
        if self._model.pace.prompt and self._rounds.starting(rows) == rows:
            return
        fit = self._refits.settle(self._standing.targets)
        if fit is not None:
            self._lessons.learn(self._refits.version, fit.known, self._aims.best(self._standing.known()))

    def _choose(self, room: int) -> list[Row]:
        at_random = self._rounds.starting(room) if len(self._standing.known()) else room
        rows: list[Row] = [self._unseen(i, Note("initial")) for i in islice(self._random, at_random)]
        if at_random == room:
            return rows
        rows += self._unfit()
        for _ in range(at_random, room):
            if self._standing.taken[self._candidates.full :].all():
                break
            rows.append(self._most_promising())
        return rows

    def _unseen(self, i: int, note: Note) -> Row:
        """Proposes a row the model has not seen: ``Unfit`` where it is known that it cannot."""
        self._standing.propose(i)
        inputs = self._candidates[i]
        why = self._model.unreadable(self._candidates.row(i))
        return Chosen(inputs, note) if why is None else Unfit(inputs, why)

    def _unfit(self) -> list[Row]:
        broken = {i: why for i, why in self._surrogate.view().unfit.items() if not self._standing.taken[i]}
        for i in broken:
            self._standing.propose(i)
        return [Unfit(self._candidates[i], why) for i, why in broken.items()]

    def _most_promising(self) -> Row:
        standing = self._standing
        match self._surrogate.predict(standing.targets, self._refits):
            case Unable(why):
                return self._unseen(next(self._random), Note(f"random: {why}", self._refits.version))
            case predictions:
                random = philox(self._seed, 1 + standing.count)
                known, pending = standing.known(), standing.pending()
                costs, work = self._candidates.costs, standing.work()
                outlook = Outlook(predictions, known, pending, ~standing.taken, random, costs, work)
                found = scores(self._acquisition, self._aims, outlook)
                i = first_best(found.each, outlook.open)
                standing.propose(i)
                return Chosen(self._candidates[i], self._note(i, predictions, found.why, float(found.each[i])))

    def _note(self, i: int, predictions: Mapping[str, Prediction], why: str, score: float) -> Note:
        mean = {name: float(found.mean[i]) for name, found in predictions.items()}
        std = {name: float(found.std[i]) for name, found in predictions.items() if found.std is not None}
        return Note(why, self._refits.version, mean, std, score)


def _untaken(order: Sequence[int], candidates: Candidates, standing: Standing) -> Iterator[int]:
    """Returns the rows in a random order, at each level in turn, each as long as it has not been proposed."""
    levels = range(0, len(candidates), len(candidates.pool))
    return (first + i for i in order for first in levels if not standing.taken[first + i])


def _view(model: Model, candidates: Candidates) -> View:
    view = model.view(candidates.pool)
    if candidates.levels == 1:
        return view
    assert isinstance(view, GaussianView)
    return LevelView(view, candidates.levels)
