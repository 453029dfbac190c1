"""What comes from elsewhere is shown, never obeyed."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cohobate.view.text import duration, number, shown


@given(st.text(max_size=400))
def test_nothing_that_steers_a_terminal_is_left(text):
    out = shown(text)
    assert len(out) <= 200
    assert all(unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Zl", "Zp"} for c in out)


@given(st.text(alphabet=st.characters(categories=["L", "N", "P", "S", "Zs"]), max_size=100))
def test_ordinary_text_is_shown_as_it_is(text):
    assert shown(text) == text


@pytest.mark.parametrize(
    ("text", "out"),
    [
        ("<b>[red]x[/red]</b>", "<b>[red]x[/red]</b>"),
        ("a\x1b]0;title\x07", r"a\x1b]0;title\x07"),
        ("two\nlines", r"two\nlines"),
        ("abc\u202edef", r"abc\u202edef"),
        ("\x00", r"\x00"),
    ],
)
def test_markup_stays_and_control_characters_are_spelled(text, out):
    assert shown(text) == out


def test_long_text_is_cut_where_it_shows():
    assert shown("x" * 1_000_000, 10) == "xxxxxxxxx…"


def test_numbers_and_durations_read_well():
    assert [number(v) for v in (15.8312345, 1e-12, float("nan"), 3, True, "CCO")] == [
        "15.8312",
        "1e-12",
        "nan",
        "3",
        "True",
        "CCO",
    ]
    assert [duration(s) for s in (-1, 0, 59.6, 3600, 86_400)] == ["0 s", "0 s", "1 min 00 s", "1 h 00 min", "1 d 0 h"]
