"""Wall-clock times as seconds of running: the pauses between the sessions of a campaign left out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def run_time(at: np.ndarray, opened: Sequence[float]) -> np.ndarray:
    """Returns ``at`` (n,) (s since the epoch) as seconds of running before it, never below 0.

    ``opened`` are the times at which sessions began, in order. A session lasts to the last of its
    times in ``at``: of one that was killed nobody knows more.

    >>> run_time(np.array([11.0, 15.0, 102.0]), [10.0, 100.0]).tolist()
    [1.0, 5.0, 7.0]
    """
    if not len(at):
        return np.zeros(0)
    begins = np.sort(np.array(opened if len(opened) else [at.min()], dtype=float))
    session = np.maximum(np.searchsorted(begins, at, side="right") - 1, 0)
    ends = begins.copy()
    np.maximum.at(ends, session, at)
    before = np.concatenate([[0.0], np.cumsum(ends - begins)[:-1]])
    return np.asarray(np.maximum(0.0, before[session] + at - begins[session]))
