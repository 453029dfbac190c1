"""Suggestions for misspelled names."""

from __future__ import annotations

import pytest

from cohobate.core.errors import did_you_mean


@pytest.mark.parametrize("name", ["ei", "IE", "Ie", "iee"])
def test_short_names_are_recognized(name: str):
    assert did_you_mean(name, ["gap", "ie", "neutral"]) == "; did you mean 'ie'?"


@pytest.mark.parametrize("name", ["", "x", "energy", "i"])
def test_nothing_near_is_nothing_said(name: str):
    assert did_you_mean(name, ["gap", "dipole"]) == ""
