"""Chooses points of a space of variables by Gaussian processes of what is known of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, final

from cohobate.core.problem import Output
from cohobate.core.protocols import Answer, Chosen, Exhausted, Later, Lesson, Row, Rows
from cohobate.core.trial import Inputs, Note, Result
from cohobate.host.blas import one_thread
from cohobate.models.refits import Pace, Refits
from cohobate.propose.aims import Aims
from cohobate.propose.continuous.ascent import Peak, highest
from cohobate.propose.continuous.design import WHOLE, Design
from cohobate.propose.continuous.encoding import Encoding
from cohobate.propose.continuous.outlook import Basis, Fitted, Outlook, fitted, outlook
from cohobate.propose.continuous.told import Told
from cohobate.propose.continuous.worth import checked_reference, leaders, worth
from cohobate.propose.lessons import Lessons
from cohobate.propose.posing import Names, Space, pose
from cohobate.propose.rounds import Rounds
from cohobate.propose.sampling import check_seed, philox

WHO = "BayesianOptimizer"
GROWTH = 1.05
"""Scales are fitted at each new value, from twenty values on for every 5 % more."""


@final
class BayesianOptimizer:
    """Proposes points of a space: the first ``initial`` by Sobol', then those that promise most.

    Each output with a goal or a limit has a Gaussian process (Matern 5/2, a length scale for each
    variable, noise by likelihood). One objective: expected improvement over what is believed of the
    known points, so noise does no harm; several: exact expected hypervolume improvement, up to the
    ``reference``, a value of each objective that is worth nothing (by default somewhat beyond the worst
    on the front that is expected). Limits (``AtMost``, ``AtLeast``) count by the probability of keeping
    them. Where evaluations fail, the probability of having a value is modelled too, so that what lies
    near is avoided.

    Each choice is made when a worker is free, and knows what is pending: it counts as if it had come
    back as expected. With ``batch``, so many are proposed, and the next ones only when all have come
    back. No point is proposed twice. ``initial``: by default two more than twice the number of variables.

    A choice depends on the seed and on what was proposed and told, in that order, and on nothing
    else; so a resumed campaign goes on with the same choices. For minutes of simulation, not
    milliseconds: a choice takes 0.1 s at 100 known points of 6 variables and O(points^3). Needs scipy.

    >>> from cohobate.core.problem import Real
    >>> BayesianOptimizer({"x": Real(0, 1)}, minimize="f").suggest(1)[0].note.why
    'initial'
    """

    __slots__ = (
        "_aims",
        "_basis",
        "_design",
        "_encoding",
        "_fitted",
        "_lessons",
        "_reference",
        "_refits",
        "_rounds",
        "_seed",
        "_settings",
        "_told",
        "problem",
    )

    def __init__(
        self,
        space: Space,
        *,
        maximize: Names = None,
        minimize: Names = None,
        outputs: tuple[Output, ...] = (),
        reference: Mapping[str, float] | None = None,
        initial: int | None = None,
        batch: int | None = None,
        seed: int = 0,
    ) -> None:
        check_seed(seed)
        self.problem = pose(space, outputs=outputs, maximize=maximize, minimize=minimize)
        self._encoding, self._aims = Encoding.of(self.problem, WHO), Aims.of(self.problem, WHO)
        initial = 2 * len(self._encoding.axes) + 2 if initial is None else initial
        self._rounds = Rounds(initial, batch)
        self._told = Told(self._encoding, self.problem.names, self._aims.names)
        self._design = Design(self._encoding, seed)
        self._refits = Refits(Pace(1, GROWTH, prompt=True))
        self._basis = Basis({}, ())
        self._fitted: tuple[int, Fitted] | None = None
        self._lessons = Lessons()
        self._seed = seed
        self._reference = checked_reference(reference, self._aims)
        self._settings = {"generator": WHO, "initial": initial, "batch": batch, "seed": seed}
        self._settings |= {"reference": dict(self._reference)} if self._reference else {}

    @property
    def finite(self) -> bool:
        """Whether the space has so few points that it can be exhausted."""
        return self._encoding.size <= WHOLE

    def suggest(self, n: int) -> Answer:
        """Returns up to ``n`` rows to run; ``Later`` between batches, ``Exhausted`` once nothing is left."""
        room = self._rounds.room(n, self._told.out)
        if room == 0:
            return Later()
        with one_thread():
            return self._chosen(room)

    def _chosen(self, room: int) -> Answer:
        self._settle(room)
        rows: list[Row] = []
        while len(rows) < room and (row := self._choose(self._rounds.starting(len(rows) + 1) > len(rows))):
            rows.append(row)
        self._rounds.advance(len(rows))
        return rows or Exhausted(f"all {self._told.count} points of the space were proposed")

    def ingest(self, results: Sequence[Result]) -> None:
        """Takes in what came back, also of points that others proposed."""
        for result in results:
            values = self._told.ingest(result)
            if values is not None:
                self._lessons.compare(result.trial.note, dict(zip(self._aims.names, values, strict=True)))

    def lessons(self) -> Sequence[Lesson]:
        """Returns the fits that took hold since it was last asked."""
        return self._lessons.take()

    def finalize(self) -> None:
        """Does nothing: nothing is held open."""

    def recall(self, rows: Rows) -> None:
        """Takes note of an earlier answer; what it was computed from is made anew when it is needed."""
        self._settle(len(rows))
        self._told.recall(rows)
        self._rounds.advance(len(rows))

    def describe(self) -> Mapping[str, Any]:
        """Returns all settings but the problem."""
        return self._settings

    def _settle(self, rows: int) -> None:
        """Decides which fit holds; none as long as all ``rows`` are initial ones."""
        if self._rounds.starting(rows) == rows:
            return
        snapshot = self._refits.settle(self._told.targets)
        if snapshot is not None:
            self._basis = Basis(snapshot.targets, tuple(self._told.holes))
            self._lessons.learn(self._refits.version, snapshot.known, self._aims.best(self._told.known()))

    def _choose(self, initial: bool) -> Row | None:
        if initial or not len(self._told.known()):
            inputs = self._design.next(self._told.taken)
            return None if inputs is None else self._proposed(inputs, Note("initial"))
        expected = outlook(self._scales(), self._told, self._encoding)
        found = worth(self._aims, expected, self._reference)
        best = self._encoding.points(expected.known[leaders(self._aims, expected)])
        random = philox(self._seed, 1 + self._told.count)
        peak = highest(found, self._encoding, self._told.taken, best, random)
        return None if peak is None else self._proposed(peak.inputs, self._note(found.why, peak, expected))

    def _proposed(self, inputs: Inputs, note: Note) -> Row:
        self._told.propose(inputs)
        return Chosen(inputs, note)

    def _scales(self) -> Fitted:
        if self._fitted is None or self._fitted[0] != self._refits.version:
            made = fitted(self._basis, self._told, self._encoding, len(self._aims.names))
            self._fitted = self._refits.version, made
        return self._fitted[1]

    def _note(self, why: str, peak: Peak, expected: Outlook) -> Note:
        mean, std = {}, {}
        for name, surface in zip(self._aims.names, expected.outputs, strict=True):
            found = surface.at(peak.columns[None])
            mean[name] = float(surface.standard.values(found[0])[0])
            std[name] = float(surface.standard.widths(found[1])[0])
        return Note(why, self._refits.version, mean, std, peak.score)
