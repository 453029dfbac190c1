"""Objectives of any form, for properties: the value of term i is the parameter ``x{i}``."""

from functools import partial
from math import fsum, sqrt

from hypothesis import strategies as st

from cohobate.core.outcome import Value
from cohobate.core.parts import Made
from cohobate.fit.here import called_here
from cohobate.fit.losses import RHO
from cohobate.fit.objective import CombinedObjective
from cohobate.fit.term import Term

weights = st.floats(0.01, 100)
values = st.floats(-1e3, 1e3)


def value(params, i):
    return params[f"x{i}"]


def term(i, target=0.0, loss="square", **settings):
    """Returns a term whose quantity is one parameter."""
    return Term(partial(value, i=i), target, loss=loss, name=f"t{i}", **settings)


def largest(losses):
    """A reducer that no sum of squares is."""
    return max(losses)


@st.composite
def nested(draw, reducers=("sum", "mean"), deep=3):
    """Returns an objective, and what its loss is by the plainest of code: a function of params."""
    counter = iter(range(1000))
    return draw(_node(counter, reducers, deep))


@st.composite
def _node(draw, counter, reducers, deep):
    reduce = draw(st.sampled_from(reducers))
    children, oracles = [], []
    for _ in range(draw(st.integers(1, 3))):
        inner = deep > 0 and draw(st.booleans())
        child, oracle = draw(_node(counter, reducers, deep - 1) if inner else _leaf(counter))
        children.append(child)
        oracles.append(oracle)
    own = [draw(weights) for _ in children]
    return CombinedObjective(children, own, reduce=reduce), partial(_loss, reduce, own, oracles)


@st.composite
def _leaf(draw, counter):
    i, target, weight, loss = next(counter), draw(values), draw(weights), draw(st.sampled_from(list(RHO)))
    return term(i, target, loss, weight=weight), lambda p: weight * RHO[loss].one(p[f"x{i}"] - target)


def _loss(reduce, own, oracles, params):
    losses = [weight * oracle(params) for weight, oracle in zip(own, oracles, strict=True)]
    if callable(reduce):
        return reduce(losses)
    total = fsum(losses) if reduce == "sum" else fsum(losses) / len(losses)
    return sqrt(total) if reduce == "root_mean" else total


def params_of(draw, objective):
    """Returns a value for each term."""
    return {f"x{i}": draw(values) for i in range(len(objective.leaves))}


def run(objective, params):
    """Returns the outcome of an objective that is evaluated here, term by term."""
    return called_here(objective.parts(params), objective.judge(params))


def made(found):
    """Returns a part that gave a value, or what became of it."""
    return Made(Value({"value": found}) if isinstance(found, dict) else found, 0.5)
