"""What the golden ledgers hold: every kind of event, every type of value, every way to end."""

from __future__ import annotations

import math
import struct
from dataclasses import replace

import numpy as np

import cohobate as co
from cohobate.core.blob import Blob
from cohobate.core.events import (
    Accepted,
    AttemptFailed,
    CancelAsked,
    Closing,
    Computed,
    Declared,
    Event,
    Exhausted,
    Finished,
    Ignored,
    Learned,
    Opened,
    Progress,
    Proposed,
    Returned,
    Revised,
    Started,
    Stopped,
    Told,
)
from cohobate.core.outcome import KINDS, Cancelled, Failure, Value
from cohobate.core.trial import Note, Trial

PAYLOAD_NAN = struct.unpack(">d", bytes.fromhex("fff8000000000001"))[0]
VALUES = {
    "plain": [None, True, 0, -1, 2**63 - 1, 0.1, -0.0, 1e-308, "", "a\tb", "é🦊\u202e"],
    "floats": [math.inf, -math.inf, math.nan, PAYLOAD_NAN],
    "long": [2**63, -(10**30)],
    "complex": [1 - 2j, complex(math.inf, math.nan)],
    "text": "\ud800",
    "bytes": b"\x00\xff",
    "tuple": (1, (2.5, [])),
    "dict": {"$float": "nan", "\udfff": {"nested": {}}},
    "array": np.arange(6.0).reshape(2, 3),
    "arrays": [np.array(v) for v in (True, [1, 2], ["ab", "c"], 1j, np.datetime64("2026-01-02"), b"xy")],
    "small": np.array([[1, -2]], dtype=">i2"),
    "half": np.array([0.5, np.nan], dtype="<f2"),
    "empty": np.zeros((0, 3), dtype=np.float32),
    "blob": Blob(b"2\n\nH 0 0 0\nH 0 0 0.74\n", ".extxyz"),
    "large": Blob(bytes(range(256)) * 256, ".bin"),
}
"""One of every type that can be stored; ``large`` lies beside the database."""
OUTPUTS = [
    {"name": "y", "goal": "minimize"},
    {"name": "z", "goal": "maximize"},
    {"name": "cost", "goal": {"is": "AtMost", "limit": 5.0}},
    {"name": "note", "goal": None},
]
TRIALS = tuple(Trial(i, {"x": i / 7, "n": i, "name": f"c{i}"}) for i in range(16))
TRACEBACK = 'Traceback (most recent call last):\n  File "simulator.py", line 3, in f\nValueError: é\n'


def history(version: str = co.__version__) -> list[Event]:
    """Two sessions: the first is killed, the second stops in good order with four trials unfinished.

    Version 0.1.0 had no times of proposals, no notes and no lessons, 0.2.0 no bodies, 0.3.0 no parts.
    """
    number = tuple(map(int, version.split(".")))
    each = _history(later=number >= (0, 2), steered=number >= (0, 3), parted=number >= (0, 4))
    return [event for event in each if event]


def _parted() -> list[Event]:
    """A candidate made of parts, with a bound, of which one is there when the session stops."""
    trials = (Trial(19, {"x": 2.0}, "body", bound=1.5), Trial(20, {"x": 2.5}, "body", bound=math.inf))
    return [
        Proposed("body", 2, trials, 2, 2005.0),
        Started(19, 1, 2005.0),
        Progress(19, 1, "energy é", {"value": {"y": 0.25, "forces": np.array([0.5, -1.0])}}, 2005.0, 0.125, "w1"),
        Started(20, 1, 2005.0),
        Progress(20, 1, "energy é", {"value": 3.5}, 2005.0),
        Finished(20, 1, Cancelled("beyond the bound"), 2005.0, 2005.0, 0.25, "w2"),
    ]


def _steered() -> list[Event]:
    """What a body did: all that it can."""
    needs = {"cores": 2, "gpu": 0.5}
    trials = (Trial(17, {"x": 0.5}, "body", None, 2.0, needs), Trial(18, {"x": 1.5}, "body", Note("it", 1), -1.0))
    asked = {"inputs": {"x": 0.75}, "columns": {"mean": 0.5}, "priority": None, "needs": None}
    late = {"inputs": {"x": 2.5}, "columns": {}, "priority": 1.0, "needs": {"gpu": 1}}
    return [
        Proposed("body", 1, trials, 2, 2005.0),
        Told("body", (), times=3),
        Revised(17, "body", asked, {"x": 0.75}, {"mean": 0.5}, True, 2.0, needs, 2005.0),
        Started(17, 1, 2005.0),
        Revised(17, "body", late, {}, {"x": 2.5}, False, 0.0, {}, 2005.0),
        CancelAsked((17, 18), "pointless", "body"),
        Finished(18, 0, Cancelled("pointless"), 2005.0, cancel_requested=True),
        Told("body", (18,), (0, 1)),
        Computed("body", 0, Value({"value": [1.5, (2, None)]}), 2005.0),
        Computed("body", 1, Failure("raised", "ValueError: é", TRACEBACK), 2005.0),
        Returned("other body", {"value": {"best": (1, 2.5)}}, 2005.0),
        Closing("body"),
        Returned("body", {"value": None}, 2005.0, closing=True),
    ]


def _history(*, later: bool, steered: bool, parted: bool) -> list[Event | None]:
    note = Note("ei", 2, {"y": 0.25, "z": math.inf}, {"y": 0.5}, -1.5) if later else None
    return [
        Opened(1, 1000.0, "host", 7),
        Declared({"problem": {"outputs": OUTPUTS}, "generator": {"kind": "G", "settings": {}}, "simulator": "f 1"}),
        Proposed("main", 1, TRIALS[:8], 8, 1000.5 * later),
        *(Started(i, 1, 1001.0 + i / 8) for i in range(6)),
        Finished(0, 1, value(0.5, 1.0), 1002.0, 1001.0, 1.0, "w1"),
        Finished(1, 1, value(-0.5, 2.0, cost=9.0), 1002.5, 1001.125, 1.375, "w2"),
        *(
            event
            for i, kind in enumerate(KINDS, 2)
            for event in ([Started(i, 1, 1002.5)] if i > 5 else [])
            + [Finished(i, 1, failed(kind, i), 1003.0 + i / 4, 1002.5, 0.5, "w1", deadline_passed=kind == "timeout")]
        ),
        Told("main", (1, 0, 2)),
        Learned("main", 1, 8, {}, {"y": -0.5}, 1005.5) if later else None,
        Learned("main", 2, 9, {"y": 0.5}, {"y": -0.5, "z": 2.0}, 1005.5) if later else None,
        Proposed("main", 2, tuple(replace(trial, note=note) for trial in TRIALS[8:]), 20, 1005.5 * later),
        Started(8, 1, 1006.0),
        AttemptFailed(8, 1, Failure("worker_lost", "killed by SIGKILL"), 1006.5, 0.5, "w2"),
        Started(8, 2, 1007.0),
        AttemptFailed(8, 2, Failure("raised", "ValueError: é", TRACEBACK, 2), 1007.25, 0.25, "w1"),
        Started(8, 3, 1007.5),
        Finished(8, 3, Value({**VALUES, "y": 0.25, "z": 3.0, "cost": 1.0}), 1008.0, 1007.5, 0.5, "w1"),
        Started(9, 1, 1008.0),
        Opened(2, 2000.0, "host", 8),
        Accepted("f 1", "f 2"),
        Declared({"problem": {"outputs": OUTPUTS}, "generator": {"kind": "G", "settings": {}}, "simulator": "f 2"}),
        Finished(9, 1, value(0.125, 4.0), 2000.5, 1008.0, 2.0, "w1", harvested=True),
        Finished(10, 0, value(0.5, 1.0), 2001.0, cached=True),
        CancelAsked((11, 12), "stale"),
        Finished(11, 0, Cancelled("stale"), 2001.5, cancel_requested=True),
        Started(12, 1, 2002.0),
        Ignored(9, 1, "finished already"),
        Told("main", (3, 4, 5, 6, 7, 8, 9)),
        Started(13, 1, 2003.0),
        AttemptFailed(13, 1, Failure("timeout", "took longer than 1 s"), 2004.0, 1.0, "w2"),
        Proposed("other", 1, (Trial(16, {"x": 0.0}, "other"),)),
        Exhausted("other", "no more"),
        *(_steered() if steered else []),
        *(_parted() if parted else []),
        Stopped("paused", 2005.0, 5.0),
    ]


def value(y: float, z: float, *, cost: float = 1.0) -> Value:
    return Value({"y": y, "z": z, "cost": cost, "note": f"y = {y}"})


def failed(kind: str, i: int) -> Failure:
    return Failure(kind, f"{kind} no {i % 2}", TRACEBACK if kind == "raised" else "")  # type: ignore[arg-type] # a kind


@co.simulator(version="golden 1")
def bowl(x: float, n: int) -> float:
    """Never ends well where ``n`` is 3."""
    return math.nan if n == 3 else (x - 0.25) ** 2 + n


def campaign(folder: object, simulator: object = bowl, *, durability: str = "full") -> co.Campaign:
    """The campaign whose run folders are to be continued by any later version."""
    sampler = co.RandomSampler({"x": co.Real(0, 1), "n": co.Integer(1, 3)}, seed=11, minimize="f")
    return co.Campaign(
        sampler,
        simulator,  # type: ignore[arg-type] # a simulator
        co.inline(),
        run=folder,  # type: ignore[arg-type] # a path
        retries=co.Retries(raised=1, first=0.0, longest=0.0),
        failure_budget=None,
        durability=durability,  # type: ignore[arg-type] # of Durability
    )
