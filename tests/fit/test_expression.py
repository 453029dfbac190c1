"""Ties by expressions: the same numbers as Python, and nothing but numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cohobate as co
from cohobate.core.errors import UserError
from cohobate.fit.dual import Dual
from cohobate.fit.expression import parsed

VALUES = {"a": 1.7, "Ar.sigma": -0.3, "r0[1]": 12.0, "Na-Cl.x": 0.0}
SPELLED = {"a": "a", "Ar.sigma": "Ar.sigma", "r0[1]": "r0[1]", "Na-Cl.x": "{Na-Cl.x}"}
PYTHON = {"a": "v['a']", "Ar.sigma": "v['Ar.sigma']", "r0[1]": "v['r0[1]']", "Na-Cl.x": "v['Na-Cl.x']"}
SCOPE = {name: getattr(math, name) for name in ("sqrt", "exp", "log", "sin", "cos", "pi")}
SCOPE |= {"abs": math.fabs, "min": min, "max": max, "__builtins__": {}}


def grammar():
    """Pairs of texts: as it is written here, and as Python has it."""
    number = st.floats(0, 1e3).map(lambda x: (repr(x), repr(x)))
    name = st.sampled_from(sorted(VALUES)).map(lambda one: (SPELLED[one], PYTHON[one]))
    leaves = st.one_of(number, name, st.just(("pi", "pi")))

    def grown(inner):
        def both(form, *parts):
            return tuple(form.format(*(part[side] for part in parts)) for side in (0, 1))

        binary = st.tuples(st.sampled_from(["+", "-", "*", "/", "**"]), inner, inner)
        one = st.tuples(st.sampled_from(["sqrt", "exp", "log", "sin", "cos", "abs"]), inner)
        several = st.tuples(st.sampled_from(["min", "max"]), inner, inner)
        return st.one_of(
            binary.map(lambda t: both(f"({{}} {t[0]} {{}})", t[1], t[2])),
            binary.map(lambda t: both(f"{{}} {t[0]} {{}}", t[1], t[2])),
            inner.map(lambda t: both("-({})", t)),
            inner.map(lambda t: both("+{}", t)),
            one.map(lambda t: both(f"{t[0]}({{}})", t[1])),
            several.map(lambda t: both(f"{t[0]}({{}}, {{}})", t[1], t[2])),
        )

    return st.recursive(leaves, grown, max_leaves=8)


@given(grammar())
def test_it_comes_to_what_python_comes_to(texts):
    ours, python = texts
    try:
        wanted = eval(python, SCOPE, {"v": VALUES})
    except (ValueError, ZeroDivisionError, OverflowError, TypeError):
        wanted = None
    if isinstance(wanted, complex) or (wanted is not None and not math.isfinite(wanted)):
        wanted = None
    try:
        found = parsed(ours)(VALUES)
    except (ValueError, ZeroDivisionError, OverflowError):
        found = None
    assert found == wanted


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "open('x')",
        "().__class__.__bases__[0]",
        "(1).__class__",
        "a.__class__()",
        "sqrt.__self__",
        "sqrt",
        "exec('a')",
        "eval(a)",
        "lambda: 1",
        "[x for x in (1,)]",
        "a if a else 1",
        "a < 2",
        "a and 1",
        "not a",
        "~1",
        "a // 2",
        "a % 2",
        "a @ a",
        "a << 2",
        "'a'",
        "f'{a}'",
        "b'a'",
        "True",
        "None",
        "...",
        "1j",
        "a := 2",
        "(a := 2)",
        "a = 2",
        "a; a",
        "import os",
        "a[a]",
        "a[0:1]",
        "a[-1]",
        "a[True]",
        "{a}(1)",
        "{}",
        "{1: 2}",
        "{a, a}",
        "{a",
        "sqrt(a, a)",
        "sqrt()",
        "sqrt(x=a)",
        "sqrt(*a)",
        "min(a)",
        "max(a, key=a)",
        "Ar.sqrt(a)",
        "1e999",
        "9" * 900,
        "a" * 2000,
        "(" * 300 + "a" + ")" * 300,
        "+" * 900 + "a",
        "a\n+1",
        "a\x00",
        "",
        "  ",
        "a b",
        "0777",
        "1if 2 else 3",
        "await a",
        "yield",
        "print(1)",
    ],
)
def test_all_else_is_refused_in_one_line(text):
    with pytest.raises(UserError, match=r"parameter .tied.: expr=") as raised:
        co.Parameters({"a": 1.7, "Ar": {"sigma": -0.3}, "r0": [0.0, 12.0], "tied": co.Parameter(expr=text)})
    assert "\n" not in str(raised.value)


def test_only_numbers_that_are_named_are_needed():
    tie = parsed("2*{Na-Cl}.x + min(a, Ar.sigma, 3) - r0[1]**2")
    assert tie.names == ("Na-Cl.x", "a", "Ar.sigma", "r0[1]")
    assert tie(VALUES) == -0.3 - 144.0
    assert parsed("pi")({"pi": 3.0}) == math.pi
    assert parsed("{pi}")({"pi": 3.0}) == 3.0


@pytest.mark.parametrize(
    "text", ["1 / {Na-Cl}.x", "log({Na-Cl}.x)", "Ar.sigma ** 0.5", "exp(1000)", "10.0**400", "1e308 * 10"]
)
def test_what_has_no_value_says_so(text):
    with pytest.raises((ValueError, ZeroDivisionError, OverflowError)):
        parsed(text)(VALUES)


@given(grammar(), st.floats(0.5, 2), st.floats(0.5, 2))
def test_derivatives_are_those_of_differences(texts, a, sigma):
    tie, h = parsed(texts[0]), 1e-6
    at = {**VALUES, "a": a, "Ar.sigma": sigma}
    duals = {**at, "a": Dual(a, np.array([1.0, 0.0])), "Ar.sigma": Dual(sigma, np.array([0.0, 1.0]))}

    def difference(name, h):
        return (tie({**at, name: at[name] + h}) - tie({**at, name: at[name] - h})) / (2 * h)

    try:
        found, value = tie.dual(duals), tie(at)
        fine, coarse = (np.array([difference(name, step) for name in ("a", "Ar.sigma")]) for step in (h, 10 * h))
    except (ValueError, ZeroDivisionError, OverflowError):
        return
    if not isinstance(found, Dual):
        assert found == value
        return
    assert found.value == value
    smooth = np.abs(fine - coarse) <= 1e-4 * np.abs(fine) + 1e-4
    size = 1e-3 * np.abs(fine) + 1e-3 + 1e-9 * abs(value) / h
    assert np.all((np.abs(found.slopes - fine) <= size) | ~smooth)
