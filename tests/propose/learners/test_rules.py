"""Rules against quadrature and polynomials of numpy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.polynomial import Legendre, Polynomial

from cohobate.propose.learners.pieces import Piece, Total, is_narrow, is_node
from cohobate.propose.learners.rules import (
    AT_INNER,
    AT_NEW,
    INNER,
    NEW,
    NODES,
    STRIDES,
    at,
    coefficients,
    distance,
    norm,
    on_half,
    slope,
)

CURVE = Polynomial([0.3, -1.0, 0.5, 2.0, -0.7])
SIZES = (5, 9, 17, 33)


def legendre(c):
    """The polynomial that coefficients are."""
    return Legendre(c * np.sqrt(np.arange(len(c)) + 0.5))


def test_nodes_are_nested_and_symmetric():
    assert sorted(i for new in NEW for i in new) == list(range(33))
    for depth, stride in enumerate(STRIDES):
        assert sorted(i for new in NEW[: depth + 1] for i in new) == list(range(0, 33, stride))
    assert [-x for x in reversed(NODES)] == list(NODES)
    assert list(NODES) == sorted(set(NODES))
    assert np.allclose(NODES, -np.cos(np.pi * np.arange(33) / 32), atol=1e-16)


@pytest.mark.parametrize("depth", range(4))
def test_polynomials_are_their_coefficients(depth):
    c = coefficients(depth, [float(CURVE(x)) for x in NODES[:: STRIDES[depth]]])
    assert len(c) == SIZES[depth]
    x = np.linspace(-1, 1, 21)
    assert np.allclose(legendre(c)(x), CURVE(x), atol=1e-14)
    assert c[0] * np.sqrt(2) == pytest.approx(CURVE.integ()(1) - CURVE.integ()(-1), rel=1e-14)
    square = (CURVE**2).integ()
    assert norm(c) == pytest.approx(np.sqrt(square(1) - square(-1)), rel=1e-14)
    bent = (CURVE.deriv() ** 2).integ()
    assert slope(c) == pytest.approx(np.sqrt(bent(1) - bent(-1)), rel=1e-11)
    for new in range(4):
        assert at(AT_NEW[new], c) == pytest.approx([CURVE(NODES[i]) for i in NEW[new]], abs=1e-13)
    for side, sign in enumerate((-1, 1)):
        half = on_half(side, c)
        assert np.allclose(legendre(half)(x), CURVE((x + sign) / 2), atol=1e-13)
        assert at(AT_INNER[side], c) == pytest.approx([CURVE((NODES[i] + sign) / 2) for i in INNER], abs=1e-13)


@given(st.integers(0, 3), st.data())
def test_holes_leave_a_polynomial_through_the_rest(depth, data):
    nodes = NODES[:: STRIDES[depth]]
    holes = data.draw(st.sets(st.integers(0, len(nodes) - 1), max_size=min(3, len(nodes))))
    c = coefficients(depth, [None if i in holes else float(np.sin(3 * x)) for i, x in enumerate(nodes)])
    assert len(c) == len(nodes) - len(holes)
    kept = [x for i, x in enumerate(nodes) if i not in holes]
    assert legendre(c)(np.array(kept)) == pytest.approx(np.sin(3 * np.array(kept)), abs=1e-9)
    assert len(coefficients(depth, [None] * len(nodes))) == 0


def test_the_distance_is_that_of_functions():
    one = coefficients(0, [float(CURVE(x)) for x in NODES[::8]])
    two = coefficients(1, [0.0] * 9)
    assert distance(one, two) == distance(two, one) == pytest.approx(norm(one))
    assert distance(one, one) == 0


@given(st.floats(-1e3, 1e3), st.floats(1e-3, 1e3), st.lists(st.booleans(), max_size=25), st.integers(0, 32))
def test_nodes_of_halves_of_halves_are_known_again(lo, width, sides, i):
    piece = Piece(lo, lo + width)
    for side in sides:
        for depth in range(4):
            piece.place(depth)
        if piece.is_smallest():
            break
        piece = piece.halved()[side]
    for depth in range(4):
        piece.place(depth)
    assert piece.x == sorted(set(piece.x))
    assert is_node(piece.x[i], lo, lo + width)


@given(st.floats(0, 1, exclude_min=True, exclude_max=True))
def test_other_numbers_are_no_nodes(x):
    at_random = 0.1 + 0.8 * x
    assert is_node(at_random, 0.0, 1.0) == (at_random in brute(0.0, 1.0, at_random))


def brute(lo, hi, x):
    """All nodes of the intervals about a number."""
    found = set()
    while not is_narrow(lo, hi):
        piece = Piece(lo, hi)
        for depth in range(4):
            piece.place(depth)
        found |= set(piece.x)
        lo, hi = (lo, piece.x[16]) if x < piece.x[16] else (piece.x[16], hi)
    return found


@given(st.lists(st.floats(-1e12, 1e12), max_size=30), st.randoms())
def test_a_total_forgets_what_is_dropped(numbers, order):
    total = Total()
    for x in (*numbers, np.inf, 1.0):
        total.add(float(x))
    assert total.get() == np.inf
    order.shuffle(numbers)
    for x in numbers:
        total.drop(x)
    total.drop(np.inf)
    assert total.get() == pytest.approx(1.0, abs=1e-10)
