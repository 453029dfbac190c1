"""From the quantities of the terms of one evaluation to its loss, as they come in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import sqrt
from typing import Any, final

import numpy as np

from cohobate.core.capture import Raised, Returned, capture
from cohobate.core.errors import BadOutput, CallFailed, Rejected
from cohobate.core.outcome import Cancelled, Failure, Outcome, Value
from cohobate.core.parts import Made
from cohobate.fit.naming import named
from cohobate.fit.tree import Leaf, Tree
from cohobate.fit.worst import Worst
from cohobate.propose.scaling import Numbers


@final
class Gathering:
    """Gathers the terms of one evaluation; a term that fails decides it at once, and so does a loss beyond ``bound``.

    ``error`` is what was raised, where that is why the outcome is a failure; it names its term.
    """

    def __init__(self, tree: Tree, worst: Worst, bound: float | None = None) -> None:
        self._tree, self._worst = tree, worst
        self._bound = bound if tree.monotone else None
        self._places = {leaf.term.name: place for place, leaf in enumerate(tree.leaves)}
        self._made: dict[str, Made] = {}
        self._failed: dict[str, Failure] = {}
        self._rooted: dict[str, Numbers] = {}
        self._losses = [0.0] * len(tree.leaves)
        self.error: BaseException | None = None

    def take(self, name: str, made: Made, error: BaseException | None = None) -> Outcome | None:
        """Takes in what a term gave, or what it raised."""
        self.error = None if error is None else named(error, name)
        leaf = self._tree.leaves[self._places[name]]
        match self._scored(leaf, made):
            case Cancelled() as cancelled:
                return cancelled
            case Failure() as failure:
                if not (leaf.worst and self._worst.knows(name)):
                    return failure
                self._failed[name] = failure
                self._rooted[name] = beyond = self._worst.beyond(name)
                self._losses[self._places[name]] = float(beyond @ beyond)
            case loss, rooted:
                self._rooted[name] = rooted
                self._losses[self._places[name]] = loss
        self._made[name] = made
        return self._whole() if len(self._made) == len(self._losses) else self._early()

    def _scored(self, leaf: Leaf, made: Made) -> tuple[float, Numbers] | Failure | Cancelled:
        """Returns the loss of a term and its residuals, or why it has none."""
        name = leaf.term.name
        match made.outcome:
            case Cancelled() as cancelled:
                return cancelled
            case Failure(message=message) as failure:
                return replace(failure, message=f"term {name!r}: {message}")
            case Value(outputs):
                ended = capture(leaf.term.scored, outputs["value"])
        match ended:
            case Returned((float() as loss, rooted)):
                return loss, rooted
            case Raised() as raised:
                self.error = named(raised.error, name)
                return _failure(raised, f"term {name!r}: ")
        raise AssertionError("a term gives a loss and residuals")

    def _early(self) -> Outcome | None:
        """Losses are at least 0, so that what is not in yet cannot make the whole smaller."""
        if self._bound is None:
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
                return _failure(raised, "")

    def _outputs(self) -> dict[str, Any]:
        loss = self._tree.reduced(self._losses)
        for leaf in self._tree.leaves:
            if leaf.worst and leaf.term.name not in self._failed:
                self._worst.note(leaf.term.name, self._rooted[leaf.term.name])
        terms = {
            leaf.term.name: self._told(leaf, own) for leaf, own in zip(self._tree.leaves, self._losses, strict=True)
        }
        if self._tree.refusal is not None:
            return {"loss": loss, "terms": terms}
        each = [sqrt(leaf.weight) * self._rooted[leaf.term.name] for leaf in self._tree.leaves]
        return {"loss": loss, "residuals": np.concatenate(each), "terms": terms}

    def _told(self, leaf: Leaf, loss: float) -> dict[str, Any]:
        name = leaf.term.name
        made = self._made[name]
        told: dict[str, Any] = {"loss": leaf.weight * loss}
        if name in self._failed:
            told |= {"failed": self._failed[name].message, "kind": self._failed[name].kind}
        else:
            told["quantities"] = quantities(made)
        return {**told, "seconds": made.seconds, **({"reused": True} if made.reused else {})}


def quantities(made: Made) -> Mapping[str, Any]:
    """Returns what a term gave."""
    assert isinstance(made.outcome, Value)
    found: Mapping[str, Any] = made.outcome.outputs["value"]
    return found


def _failure(raised: Raised, where: str) -> Failure:
    match raised.error:
        case BadOutput() as error:
            return Failure("bad_output", str(error))
        case Rejected() as error:
            return Failure("rejected", f"{where}{error}")
    return Failure("raised", f"{where}{raised.message}", raised.traceback)


def outputs_of(outcome: Outcome, error: BaseException | None) -> Mapping[str, Any]:
    """Returns the outputs, or raises what became of an evaluation: what user code raised as itself."""
    match outcome:
        case Value(outputs):
            return outputs
        case Cancelled(reason):
            raise CallFailed(f"the evaluation was cancelled{reason and ': '}{reason}")
        case Failure(message=message) if error is None:
            raise CallFailed(message)
    assert error is not None
    raise error
