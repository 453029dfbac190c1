"""From the quantities of the terms of one evaluation to its loss, as they come in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from operator import mul
from typing import Any, Final, final

import numpy as np

from cohobate.core.capture import Raised, Returned, capture
from cohobate.core.errors import BadOutput, CallFailed, Rejected
from cohobate.core.outcome import Cancelled, Failure, Outcome, Value
from cohobate.core.parts import Made
from cohobate.fit.naming import named
from cohobate.fit.reading import Rooted
from cohobate.fit.tree import Leaf, Tree
from cohobate.fit.worst import Worst
from cohobate.propose.scaling import Numbers

ALMOST: Final = 1 - 1e-9
"""Below this part of a bound a sum is certainly below it, however its terms were rounded."""


@final
class Judging:
    """Follows the terms of one evaluation; a term that fails decides it at once, and so does a loss beyond ``bound``.

    ``error`` is what was raised, where that is why the outcome is a failure; it names its term.
    """

    def __init__(self, tree: Tree, worst: Worst, bound: float | None = None) -> None:
        self._tree, self._worst = tree, worst
        self._bound = bound if tree.monotone else None
        self._made: dict[str, Made] = {}
        self._failed: dict[str, Failure] = {}
        self._losses = [0.0] * len(tree.leaves)
        self._rooted: list[Rooted] = [0.0] * len(tree.leaves)
        self._sum = 0.0
        self.error: BaseException | None = None

    def take(self, name: str, made: Made, error: BaseException | None = None) -> Outcome | None:
        """Takes in what a term gave, or what it raised."""
        self.error = None if error is None else named(error, name)
        place = self._tree.places[name]
        leaf = self._tree.leaves[place]
        if isinstance(made.outcome, Cancelled):
            return made.outcome
        scored = self._scored(leaf, made.outcome)
        if isinstance(scored, Failure):
            if not (leaf.worst and self._worst.knows(name)):
                return scored
            self._failed[name] = scored
            beyond = self._worst.beyond(name)
            scored = float(beyond @ beyond), beyond
        self._losses[place], self._rooted[place] = loss, _ = scored
        self._sum += leaf.weight * loss
        self._made[name] = made
        return self._whole() if len(self._made) == len(self._losses) else self._early()

    def _scored(self, leaf: Leaf, outcome: Value | Failure) -> tuple[float, Rooted] | Failure:
        """Returns the loss of a term and its residuals, or why it has none."""
        name = leaf.term.name
        if isinstance(outcome, Failure):
            return replace(outcome, message=f"term {name!r}: {outcome.message}")
        match capture(leaf.term.scorer.both, outcome.outputs["value"]):
            case Returned(value):
                found: tuple[float, Rooted] = value
                return found
            case raised:
                self.error = named(raised.error, name)
                return failure_of(raised, f"term {name!r}: ")

    def _early(self) -> Outcome | None:
        """Losses are at least 0, so that what is not in yet cannot make the whole smaller."""
        if self._bound is None or (self._tree.linear and self._sum < self._bound * ALMOST):
            return None
        ended = capture(self._tree.reduced, self._losses)
        if isinstance(ended, Returned) and ended.value > self._bound:
            return Cancelled(f"partial loss {ended.value:.6g} over the bound {self._bound:.6g}")
        return None

    def _whole(self) -> Outcome:
        self.error = None
        if len(self._failed) == len(self._losses):
            first = next(iter(self._failed.values()))
            return replace(first, message=f"all {len(self._losses)} terms failed; {first.message}")
        match capture(self._outputs):
            case Returned(outputs):
                return Value(outputs)
            case Raised() as raised:
                self.error = raised.error
                return failure_of(raised, "")

    def _outputs(self) -> dict[str, Any]:
        loss = self._tree.reduced(self._losses)
        leaves = self._tree.leaves
        for leaf, rooted in zip(leaves, self._rooted, strict=True):
            if leaf.worst and leaf.term.name not in self._failed:
                self._worst.note(leaf.term.name, np.atleast_1d(rooted))
        terms = {leaf.term.name: self._told(leaf, own) for leaf, own in zip(leaves, self._losses, strict=True)}
        if self._tree.refusal is not None:
            return {"loss": loss, "terms": terms}
        return {"loss": loss, "residuals": _joined(map(mul, self._tree.roots, self._rooted)), "terms": terms}

    def _told(self, leaf: Leaf, loss: float) -> dict[str, Any]:
        name = leaf.term.name
        made, failure = self._made[name], self._failed.get(name)
        told: dict[str, Any] = {"loss": leaf.weight * loss, "seconds": made.seconds}
        if failure is not None:
            return {**told, "failed": failure.message, "kind": failure.kind}
        assert isinstance(made.outcome, Value)
        told["quantities"] = made.outcome.outputs["value"]
        return {**told, "reused": True} if made.reused else told


def _joined(each: Iterable[Rooted]) -> Numbers:
    """Returns all residuals as one array (m,)."""
    parts = list(each)
    if not any(isinstance(part, np.ndarray) for part in parts):
        return np.array(parts)
    return np.concatenate([np.atleast_1d(part) for part in parts])


def failure_of(raised: Raised, where: str) -> Failure:
    """Returns what user code raised where a term is scored as a failure."""
    match raised.error:
        case BadOutput() as error:
            return Failure("bad_output", str(error))
        case Rejected() as error:
            return Failure("rejected", f"{where}{error}")
    return Failure("raised", f"{where}{raised.message}", raised.traceback)


def outputs_of(outcome: Outcome, error: BaseException | None = None) -> Mapping[str, Any]:
    """Returns the outputs, or raises what became of an evaluation: what user code raised as itself."""
    match outcome:
        case Value(outputs):
            return outputs
        case Cancelled(reason):
            raise CallFailed(f"the evaluation was cancelled{reason and ': '}{reason}")
        case Failure(message=message, traceback=traceback) if error is None:
            raise _failed(message, traceback)
    assert error is not None
    raise error


def _failed(message: str, traceback: str) -> CallFailed:
    """What was raised elsewhere is text here."""
    failed = CallFailed(message)
    if traceback:
        failed.add_note(traceback.rstrip())
    return failed
