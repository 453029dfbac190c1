"""A cell of the table as JSON data that any reader understands.

NaN and the infinities become the strings ``"NaN"``, ``"Infinity"`` and ``"-Infinity"``, complex
numbers ``[real, imag]``; bytes are base64, and a blob is its sha256 with its suffix, which is its
name under ``blobs/``.
"""

from __future__ import annotations

import math
from base64 import b64encode
from collections.abc import Mapping

import numpy as np

from cohobate.core.blob import Blob
from cohobate.core.payload import Payload, Plain
from cohobate.ledger.untag import Kept


def plain(value: Payload) -> Plain:
    """Returns a cell as JSON data that any reader understands."""
    match value:
        case np.generic() | np.ndarray():
            return plain(value.tolist())
        case Mapping():
            return {str(key): plain(item) for key, item in value.items()}
        case list() | tuple():
            return [plain(item) for item in value]
        case float() | complex():
            return _number(value)
        case None | bool() | str() | int():
            return value
    return _content(value)


def _number(value: float | complex) -> Plain:
    match value:
        case complex():
            return [_number(value.real), _number(value.imag)]
        case _ if math.isfinite(value):
            return value
    return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")


def _content(value: Payload) -> str:
    match value:
        case bytes():
            return b64encode(value).decode()
        case Blob():
            return value.sha256 + value.suffix
        case Kept():
            return value.sha256 + (value.what if value.what.startswith(".") else "")
    return str(value)
