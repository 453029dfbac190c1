"""A sum of terms as one function of the parameters."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from typing import Any, Literal, final

import numpy as np

from cohobate.campaign.parts.gathering import Gathering
from cohobate.core.canonical import content_hash
from cohobate.core.errors import UserError, did_you_mean
from cohobate.core.identity import code_hash
from cohobate.core.outcome import Outcome
from cohobate.core.parts import Part
from cohobate.core.payload import Payload
from cohobate.core.protocols import Cooperative, Engine
from cohobate.engines import as_engine
from cohobate.fit.calling import Params
from cohobate.fit.compiled import compiled
from cohobate.fit.fresh import PLAIN
from cohobate.fit.here import called_here
from cohobate.fit.judging import Judging, outputs_of
from cohobate.fit.losses import Reduce, check_reduce
from cohobate.fit.planning import Plan, parts_of, planned, slope_parts_of
from cohobate.fit.score import Score, recorded, score_of
from cohobate.fit.slopes import called, check_differentiable, differentiable, elements, slopes
from cohobate.fit.targets import check_weight
from cohobate.fit.term import Term
from cohobate.fit.tree import Leaf, Node, planted
from cohobate.fit.worst import Worst
from cohobate.propose.scaling import Numbers

Failed = Literal["fail", "worst"]
"""What a failing term is: the failure of the candidate, or worse than it was ever seen."""


@final
class CombinedObjective:
    """Terms, or objectives of terms, added up: ``objective(params)`` is the loss at nested ``params``.

    ``weights`` multiply the losses of what it holds (1 by default). ``reduce`` adds them up (``"sum"``), takes their
    ``"mean"``, the root of that (``"root_mean"``), or is a function of the list of weighted losses. Objectives
    within objectives are flattened into one list of ``leaves``; what is put together is never changed by it.
    The terms of one with a ``name`` are called ``name/term`` in the whole, and terms of equal names are numbered.

    ``engine`` (any of ours, or an executor) runs the terms of one call concurrently; see ``on``.

    ``failed="worst"``: a term that fails counts as worse than the worst seen of it, and is marked so in the
    terms of the score; until it has been seen once, and where all terms fail, the evaluation fails.

    Raises ``UserError`` for weights that are negative or NaN, of another number than the terms, or all 0.

    >>> near = Term(lambda x: x, 2.0, name="near")
    >>> small = Term(lambda x: x, 0.0, sigma=2.0, name="small")
    >>> objective = CombinedObjective([near, small], weights=[1, 4])
    >>> objective({"x": 1.0})
    2.0
    >>> objective.residuals({"x": 1.0}).tolist()
    [-1.0, 1.0]
    """

    def __init__(
        self,
        terms: Sequence[Term | CombinedObjective],
        weights: Sequence[float] | None = None,
        *,
        reduce: Reduce = "sum",
        name: str = "",
        failed: Failed = "fail",
        engine: Engine | Executor | None = None,
    ) -> None:
        self.terms = tuple(terms)
        self.weights = (1.0,) * len(self.terms) if weights is None else tuple(weights)
        self.reduce = reduce
        self.name = name
        self.failed = failed
        self._who = f"objective {name!r}" if name else "CombinedObjective"
        self._check()
        self.node = Node(tuple(map(_child, self.terms)), self.weights, reduce, name, failed == "worst")
        self._tree = planted(self.node)
        self._plans: dict[tuple[str, ...], Plan] = {}
        self._calls: dict[tuple[str, ...], tuple[Callable[[Params], float], Callable[[Params], float]]] = {}
        self._worst = Worst()
        self.engine = _engine_of(engine, self.terms, self._who)
        self._at = None if self.engine is None else Gathering(self, self.engine)
        self._plain = self.engine is None and not any(leaf.worst for leaf in self.leaves)

    @property
    def leaves(self) -> tuple[Leaf, ...]:
        """All terms, with their weights in the whole, in their order."""
        return self._tree.leaves

    @property
    def refusal(self) -> str | None:
        """Why there are no residuals, in one line; ``None`` where there are."""
        return self._tree.refusal

    # what it is worth

    def __call__(self, params: Params) -> float:
        """Returns the loss; what a term raises is raised at once, with a note that names the term."""
        if not self._plain:
            return self.evaluate(params).loss
        if type(params) is not dict:
            _check_params(params, self._who)
        calls = self._calls.get(tuple(params)) or self._compiled(params)
        return calls[not PLAIN.issuperset(map(type, params.values()))](params)

    def evaluate(self, params: Params) -> Score:
        """Returns loss, residuals and all terms."""
        if self._at is not None:
            self._plan(params)
            return score_of(outputs_of(self._at(params)))
        judge = self.judge(params)
        outcome = called_here(self.parts(params), judge)
        return score_of(outputs_of(outcome, judge.error))

    def residuals(self, params: Params) -> Numbers:
        """Returns residuals (m,) whose squares sum up to the loss; of a root mean, to its square.

        Raises ``UserError`` where there are none (see ``refusal``).
        """
        self._check_residuals()
        found = self.evaluate(params).residuals
        assert found is not None
        return found

    def quantities(self, params: Params) -> dict[str, Mapping[str, Any]]:
        """Returns the quantities of all terms by name."""
        return self.evaluate(params).quantities

    def jacobian(self, params: Params, names: Sequence[str] | None = None) -> Numbers:
        """Returns the derivatives of ``residuals`` by the parameters of these dotted names (default: all): (m, d).

        Raises ``UserError`` where a term has no ``jac``.
        """
        self.check_slopes()
        known = list(elements(params))
        wanted = known if names is None else list(names)
        for name in wanted:
            if name not in known:
                raise UserError(f"{self._who}: no parameter {name!r}{did_you_mean(name, known)}; there are {known}")
        each = zip(self.leaves, self.slope_parts(params), strict=True)
        given = [called(part, leaf.term.name) for leaf, part in each]
        return self.slopes(params, self.quantities(params), given, wanted)

    def score(self, terms: Mapping[str, Any]) -> Score:
        """Returns what recorded quantities are worth to this objective; nothing runs.

        ``terms`` are quantities by the names of the terms, or the ``terms`` of a score or of a trial's outputs.
        """
        judge = Judging(self._tree, self._worst)
        outcome: Outcome | None = None
        for leaf in self.leaves:
            if outcome is None:
                outcome = judge.take(leaf.term.name, recorded(terms, leaf.term.name, self._who))
        assert outcome is not None
        return score_of(outputs_of(outcome, judge.error))

    # where its terms run

    def on(self, engine: Engine | Executor) -> CombinedObjective:
        """Returns this objective with its terms at an engine: called as before, they run concurrently.

        The call works within a running event loop too, and within a term of another objective at the same
        threads. What fails surfaces at once, as ``CallFailed``, and what still runs is cancelled; once it is known
        how long the terms take, the slowest start first, and tiny ones go together. What deterministic terms gave
        is remembered. The engine of the objective that is called is the one that counts. It is never closed here.
        """
        return self._with(engine=engine)

    async def acall(self, params: Params) -> float:
        """Returns the loss, while the event loop goes on; without an engine the terms are called in a thread."""
        return (await self.aevaluate(params)).loss

    async def aevaluate(self, params: Params) -> Score:
        """Returns loss, residuals and all terms, while the running event loop goes on."""
        if self._at is None or isinstance(self.engine, Cooperative):
            return await asyncio.to_thread(self.evaluate, params)
        self._plan(params)
        return score_of(outputs_of(await asyncio.wrap_future(self._at.start(params))))

    # what it is made of

    def add(self, *terms: Term | CombinedObjective, weights: Sequence[float] | None = None) -> CombinedObjective:
        """Returns an objective of these terms too; this one stays as it is."""
        more = (1.0,) * len(terms) if weights is None else tuple(weights)
        return self._with(terms=(*self.terms, *terms), weights=(*self.weights, *more))

    def _with(self, **changes: Payload) -> CombinedObjective:
        return CombinedObjective(**{**self.__getstate__(), "engine": self.engine, **changes})

    def __getstate__(self) -> dict[str, Any]:
        """A copy that goes elsewhere is made anew there, and has no engine."""
        names = ("terms", "weights", "reduce", "name", "failed")
        return {name: getattr(self, name) for name in names}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        CombinedObjective.__init__(self, **state)

    # as parts of a campaign

    def parts(self, inputs: Params) -> Sequence[Part]:
        """Returns the calls of all terms at nested parameters."""
        return parts_of(self._tree, self._plan(inputs), inputs)

    def judge(self, inputs: Params, bound: float | None = None) -> Judging:
        """Returns what makes an outcome of the quantities as they come in.

        With a ``bound`` the outcome is ``Cancelled`` as soon as the terms that are in make a larger loss
        (where the reducers are sums, means and roots: losses are at least 0, so that the rest cannot help).
        """
        return Judging(self._tree, self._worst, bound)

    def recall(self, inputs: Params, outputs: Mapping[str, Any]) -> Mapping[str, Payload]:
        """Returns the recorded quantities of each term that has some."""
        terms: Mapping[str, Any] = outputs.get("terms", {})
        found = {name: told["quantities"] for name, told in terms.items() if "quantities" in told}
        for leaf in self.leaves:
            if leaf.worst and leaf.term.name in found:
                self._worst.note(leaf.term.name, leaf.term.rooted(found[leaf.term.name]))
        return found

    # as parts that give derivatives

    @property
    def differentiable(self) -> bool:
        """Whether it has residuals, and all terms tell their derivatives."""
        return self.refusal is None and differentiable(self.leaves)

    def check_slopes(self) -> None:
        """Raises ``UserError`` where there are no derivatives of residuals."""
        self._check_residuals()
        check_differentiable(self.leaves)

    def slope_parts(self, inputs: Params) -> Sequence[Part]:
        """Returns the calls of ``jac`` of all terms, in their order."""
        return slope_parts_of(self._tree, self._plan(inputs), inputs)

    def slopes(
        self,
        params: Params,
        quantities: Mapping[str, Mapping[str, Any]],
        given: Sequence[Mapping[str, Any]],
        wanted: Sequence[str],
    ) -> Numbers:
        """Returns the derivatives of the residuals by the ``wanted`` parameters, (m, d), of what each ``jac`` gave.

        Those of a term without quantities, which has failed and counts as worse than the worst, are 0.
        """
        each = zip(self.leaves, self._plan(params).calls, given, strict=True)
        return np.concatenate(
            [
                slopes(leaf, how, params, quantities[name], given=found, wanted=wanted)
                if (name := leaf.term.name) in quantities
                else np.zeros((len(self._worst.beyond(name)), len(wanted)))
                for leaf, how, found in each
            ]
        )

    def describe(self) -> dict[str, Any]:
        """Returns what tells it from another objective: the terms, what they are compared with, and how they count."""
        terms = {
            leaf.term.name: {
                **leaf.term.describe(),
                "in all": leaf.weight,
                **({"failed": "worst"} if leaf.worst else {}),
            }
            for leaf in self.leaves
        }
        return {"terms": terms, "reduce": _shape(self.node)}

    def identity(self) -> str:
        """Returns a hash of that."""
        return content_hash(self.describe())

    # checks

    def _check(self) -> None:
        check_reduce(self.reduce, self._who)
        if self.failed not in ("fail", "worst"):
            raise UserError(f"{self._who}: failed must be 'fail' or 'worst', got {self.failed!r:.60}")
        if not self.terms:
            raise UserError(f"{self._who} needs at least one term, got none")
        for one in self.terms:
            if not isinstance(one, Term | CombinedObjective):
                hint = "wrap a function in Term(function, target), or Term(function, loss='value')"
                raise UserError(f"{self._who}: expected terms and objectives, got {one!r:.60}: {hint}")
        if len(self.weights) != len(self.terms):
            raise UserError(f"{self._who}: {len(self.terms)} terms, but {len(self.weights)} weights")
        for one, weight in zip(self.terms, self.weights, strict=True):
            check_weight(weight, f"{self._who}, weight of {one.name or 'an objective'!r}")

    def _check_residuals(self) -> None:
        if self.refusal is not None:
            raise UserError(f"there are no residuals: {self.refusal}")

    # what is decided once for parameters of certain names

    def _plan(self, params: Params) -> Plan:
        _check_params(params, self._who)
        names = tuple(params)
        if names not in self._plans:
            self._plans[names] = planned(self._tree, params)
        return self._plans[names]

    def _compiled(self, params: Params) -> tuple[Callable[[Params], float], Callable[[Params], float]]:
        plan = self._plan(params)
        calls = compiled(self._tree, plan, deep=False), compiled(self._tree, plan, deep=True)
        self._calls[tuple(params)] = calls
        return calls

    def __repr__(self) -> str:
        return f"{self._who}: {len(self.leaves)} terms, {self.reduce if isinstance(self.reduce, str) else 'reduced'}"


def _child(one: Term | CombinedObjective) -> Term | Node:
    return one if isinstance(one, Term) else one.node


def _shape(node: Node) -> Payload:
    reduce = code_hash(node.reduce) if callable(node.reduce) else node.reduce
    return [reduce, [_shape(child) if isinstance(child, Node) else "" for child in node.children]]


def _engine_of(engine: Engine | Executor | None, terms: Sequence[Term | CombinedObjective], who: str) -> Engine | None:
    """Returns where the terms run: what was said, else the engine of the objectives within."""
    if engine is not None:
        return as_engine(engine)
    inner = {id(one.engine): one.engine for one in terms if isinstance(one, CombinedObjective) and one.engine}
    if len(inner) > 1:
        raise UserError(f"{who}: what it holds is bound to {len(inner)} engines: say which by engine= or on(engine)")
    return next(iter(inner.values()), None)


def _check_params(params: Payload, who: str) -> None:
    if not isinstance(params, Mapping):
        raise UserError(f"{who}: expected parameters by name, such as {{'epsilon': 0.01}}, got {params!r:.60}")
