"""A generator of others as one of ours."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, final

from cohobate.core.errors import GeneratorError, UserError
from cohobate.core.outcome import Failure
from cohobate.core.payload import Payload
from cohobate.core.problem import Problem
from cohobate.core.protocols import Answer, Chosen, Exhausted, Later, Rows, inputs_of
from cohobate.core.trial import Inputs, Note, Result
from cohobate.propose.gest.outstanding import Outstanding, Recorded
from cohobate.propose.gest.rows import Dropped, Row, Suggested, Told, key_of
from cohobate.propose.gest.starting import starting_points
from cohobate.propose.gest.theirs import Lacking, Theirs

Resume = Literal["ingest", "repeat"]
ALL: Final = 10_000
"""What a persistent generator is asked for: it gives what it has, and repeats itself only if always asked alike."""
ROUNDS: Final = 10_000
"""Questions in a row to which all suggestions are answered at once."""


@final
class Adopted:
    """Speaks gest-api to the generator and our protocol to the campaign.

    It is asked again only when it was told something, or nothing is out: some wait for ever otherwise.
    ``dropped`` counts evaluations it was told nothing of.
    """

    __slots__ = (
        "_ahead",
        "_batch",
        "_begun",
        "_foreign",
        "_news",
        "_out",
        "_own",
        "_recorded",
        "_resume",
        "_settings",
        "_start",
        "_suggested",
        "_theirs",
        "_told",
        "dropped",
        "problem",
    )

    def __init__(
        self,
        theirs: Theirs,
        problem: Problem,
        *,
        told: Told,
        batch: int | None,
        resume: Resume,
        settings: Mapping[str, Any],
    ) -> None:
        self.problem = problem
        self.dropped = 0
        self._theirs: Theirs | None = theirs
        self._suggested, self._told = Suggested(problem, theirs.name), told
        self._batch, self._resume = batch, resume
        self._settings = {"generator": theirs.name, **settings}
        self._out = Outstanding()
        self._recorded = Recorded()
        self._start: deque[Inputs] = deque()
        self._ahead: deque[Inputs] = deque()
        self._own: list[Row] = []
        self._foreign: list[Row] = []
        self._news = self._begun = False

    def suggest(self, n: int) -> Answer:
        """Returns points to evaluate; ``Later`` while what is out must come back first."""
        theirs = self._held()
        if not (self._start or self._ahead):
            if self._must_wait(theirs):
                return Later()
            self._refill(theirs, n)
        if self._start or self._ahead:
            return self._hand_out(n)
        return Later() if len(self._out) else Exhausted(self._why_no_more(theirs))

    def ingest(self, results: Sequence[Result]) -> None:
        """Tells it what came back, its own points as it gave them."""
        theirs = self._held()
        for result in results:
            self._take(theirs, result)
        if not (self._batch and len(self._out)):
            own, self._own = self._own, []
            theirs.ingest(own)

    def finalize(self) -> None:
        """Tells it what it does not know yet, and lets it go, whatever happened."""
        theirs, self._theirs = self._theirs, None
        if theirs is None:
            return
        try:
            if theirs.used:
                self._tell(theirs)
        finally:
            theirs.finalize()

    def recall(self, rows: Rows) -> None:
        """Takes note of an earlier answer, or asks for it once more."""
        recalled = [inputs_of(row) for row in rows]
        if self._resume == "repeat":
            self._repeat(recalled)
            return
        for inputs in recalled:
            self._out.add_foreign(inputs)
            self._recorded.expect(inputs)
            if self._start:
                self._start.popleft()

    def describe(self) -> Mapping[str, Any]:
        """Returns the generator's name, its settings and ours."""
        return self._settings

    def inform(self, known: Sequence[Mapping[str, Any]]) -> None:
        """Takes in points with their outputs, to be told before it is asked."""
        for row in known:
            if missing := [name for name in (*self.problem.names, *self.problem.output_names) if name not in row]:
                raise UserError(f"known: the point {dict(row)!r:.200} lacks {missing}")
            inputs = self._suggested.inputs(row)
            if (wrong := self.problem.check(inputs)) is not None:
                raise UserError(f"known: the point {dict(row)!r:.200}: {wrong}")
            self._foreign.append({**self._suggested.row(inputs), **self._told.values(row)})

    def start_with(self, n: int | None) -> None:
        """Proposes ``n`` points of a design (``None``: a few) before the generator is asked."""
        self._start.extend(starting_points(self.problem, n, int(self._settings["seed"])))

    # asking

    def _held(self) -> Theirs:
        if self._theirs is None:
            name = self._settings["generator"]
            raise GeneratorError(f"this {name} was finalized with its campaign: call from_gest again, with its class")
        return self._theirs

    def _hand_out(self, n: int) -> Answer:
        if not self._start:
            return [self._ahead.popleft() for _ in range(min(n, len(self._ahead)))]
        rows = [self._start.popleft() for _ in range(min(n, len(self._start)))]
        for inputs in rows:
            self._out.add_foreign(inputs)
        return [Chosen(inputs, Note("initial")) for inputs in rows]

    def _refill(self, theirs: Theirs, n: int) -> None:
        """Asks it; makes points to start from where it has nothing to go on."""
        lacking = self._ask(theirs, self._batch or (ALL if theirs.persistent else n))
        if lacking is None:
            return
        if self._settings["initial"] is not None or self._begun:
            raise lacking.error
        self._begun = True
        self.start_with(None)

    def _ask(self, theirs: Theirs, n: int) -> Lacking | None:
        """Asks until it suggests what no earlier session has evaluated, or nothing."""
        outside = ""
        for _ in range(ROUNDS):
            self._tell(theirs)
            rows = theirs.suggest(n)
            self._news = False
            if isinstance(rows, Lacking):
                return rows
            for row in rows:
                outside = self._note(row) or outside
            if self._ahead or not self._own:
                return None
        raise GeneratorError(f"{ROUNDS} times nothing but what cannot be run; the last: {outside}")

    def _note(self, row: Payload) -> str | None:
        """Takes in one suggestion; returns what is wrong with one that is told as a failure at once."""
        inputs = self._suggested.inputs(row)
        wrong = self.problem.check(inputs)
        if wrong is not None:
            wrong = f"{self._settings['generator']} suggested {dict(row)!r:.200}: {wrong}"
            told = (
                self._told.row(Failure("rejected", wrong, attempt=0)) if self._suggested.outside(inputs) else Dropped()
            )
            if isinstance(told, Dropped):
                raise GeneratorError(wrong)
            self._own.append(self._answer(dict(row), inputs, told))
        elif (known := self._recorded.answer(inputs)) is not None:
            self._own.append(self._answer(dict(row), inputs, known))
        elif self._out.add(inputs, dict(row)):
            self._ahead.append(inputs)
        return wrong

    def _answer(self, row: Row, inputs: Inputs, told: Row) -> Row:
        """Returns a suggestion with what came of it; its constants are ours, some generators give objects for them."""
        return {**row, **{name: inputs[name] for name in self._suggested.constants}, **told}

    def _must_wait(self, theirs: Theirs) -> bool:
        if not len(self._out):
            return False
        return bool(self._out.foreign or self._batch or theirs.one_by_one or not self._news)

    def _why_no_more(self, theirs: Theirs) -> str:
        untold = f"; {self.dropped} failed points it was not told of" if self.dropped else ""
        return f"{theirs.name} has nothing more to suggest{untold}"

    def _repeat(self, recalled: Sequence[Inputs]) -> None:
        again = self.suggest(len(recalled))
        rows = [inputs_of(row) for row in again] if isinstance(again, list) else []
        if [key_of(row) for row in rows] != [key_of(row) for row in recalled]:
            raise GeneratorError(
                f"{self._settings['generator']} does not repeat itself: {recalled!r:.200} is recorded, "
                f"now it suggests {again!r:.200}; use resume='ingest', or a new run folder"
            )

    # telling

    def _take(self, theirs: Theirs, result: Result) -> None:
        inputs = result.trial.inputs
        mine = self._out.back(inputs)
        told = self._told.row(result.outcome)
        if isinstance(told, Dropped):
            self.dropped += 1
            self._check_deaf(theirs, mine)
            return
        self._news = True
        self._own += [self._answer(row, inputs, told) for row in mine]
        if not mine:
            self._recorded.note(inputs, told)
            self._foreign.append({**self._suggested.row(inputs), **told})

    def _check_deaf(self, theirs: Theirs, mine: list[Row]) -> None:
        """A generator that waits for each of its points must be told of those that fail."""
        waits = theirs.persistent or theirs.one_by_one
        self._news |= not waits
        if mine and waits and not len(self._out) and not self._news:
            raise GeneratorError(
                f"{theirs.name} waits for points that failed, and on_failure='drop' tells it nothing of them: "
                "use on_failure='worst' or 'nan'"
            )

    def _tell(self, theirs: Theirs) -> None:
        """Tells what waits to be told: points of others together, so that a sample is one call."""
        foreign, self._foreign = self._foreign, []
        own, self._own = self._own, []
        theirs.ingest(foreign, "points of others")
        theirs.ingest(own)
