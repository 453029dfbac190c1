"""The names of two types that no checker can know: a user's values, and plain JSON data."""

from __future__ import annotations

from typing import Any, TypeAlias

Payload: TypeAlias = Any
"""Whatever a user's function takes or returns."""

Plain: TypeAlias = Any
"""JSON data: mappings, lists, text, numbers, booleans, ``None``."""
