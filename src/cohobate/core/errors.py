"""Everything cohobate raises on purpose, as one tree.

CohobateError
├── UserError            a mistake in what was asked for: one line says what to change
│   ├── ProblemError       variables, outputs, a pool
│   ├── ConfigError        a key of campaign.toml, a command-line value
│   ├── SimulatorError     a simulator that cannot be called as the problem asks
│   ├── GoalError          a goal that cannot be reached or read
│   ├── LearnerError       a point or a value that a learner cannot take in, a file that holds no learner
│   ├── MissingExtra       an optional dependency is not installed
│   ├── NotStorable        a value that a ledger cannot hold
│   └── ResumeRefused      what is recorded was made by something else
├── LedgerError          the run folder cannot be opened or written
│   ├── AlreadyOpen        another driver holds it
│   ├── Damaged            truncated, bit-flipped, stale or torn
│   ├── Foreign            not a cohobate ledger, or written by a newer version
│   └── DiskFull           nothing more can be written
├── GeneratorError       a generator raised, or proposed what the problem forbids
├── CallFailed           work that a persistent generator asked for gave no value
├── ProgramFailed        an external program ended with an error
├── BudgetExceeded       the failure budget of a campaign is spent
├── EngineError          why a task gave no value, other than its own exception
│   ├── WorkerLost         the process that ran it died
│   ├── DeadlineExceeded   it ran longer than allowed
│   ├── DependencyFailed   a future among its arguments failed
│   ├── SystemFailed       its system of atoms could not be followed to the end
│   ├── TaskRaised         it raised something that cannot be sent back as it was
│   ├── Unsendable         its function, an argument or the result cannot be pickled
│   └── EngineClosed       the engine no longer takes tasks
├── BadOutput            a simulator returned something other than the declared outputs
└── Rejected             raised by a simulator: this candidate is not admissible
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class CohobateError(Exception):
    """The root of everything cohobate raises on purpose."""


class UserError(CohobateError):
    """A mistake in what was asked for."""


class ProblemError(UserError):
    """Variables, outputs or a pool that make no sense."""


class ConfigError(UserError):
    """A key of a configuration file or a value of the command line."""


class SimulatorError(UserError):
    """A simulator that cannot be called as the problem asks."""


class GoalError(UserError):
    """A goal that cannot be reached or read."""


class LearnerError(UserError):
    """A point or a value that a learner cannot take in, or a file that does not hold one."""


class MissingExtra(UserError, ImportError):
    """An optional dependency that is not installed."""


class NotStorable(UserError, TypeError):
    """A value that a ledger cannot hold, such as a lock or an open file."""


class ResumeRefused(UserError):
    """What is recorded was made by a different problem, generator or simulator."""


class LedgerError(CohobateError):
    """The run folder cannot be opened or written."""


class AlreadyOpen(LedgerError):
    """Another driver holds the run folder."""


class Damaged(LedgerError):
    """The store is truncated, bit-flipped, stale or torn."""


class Foreign(LedgerError):
    """Not a cohobate ledger, or one written by a newer version."""


class DiskFull(LedgerError):
    """Nothing more can be written where the run folder is."""


class GeneratorError(CohobateError):
    """A generator raised, or proposed what the problem forbids."""


class CallFailed(CohobateError):
    """Work that a persistent generator asked for (``steer.once``, ``steer.call``) gave no value."""


class ProgramFailed(CohobateError):
    """An external program ended with an exit code that says it failed, or was ended by a signal."""


class BudgetExceeded(CohobateError):
    """The failure budget of a campaign is spent."""


class EngineError(CohobateError):
    """Why a task gave no value, other than its own exception."""


class WorkerLost(EngineError):
    """The process that ran a task died."""


class DeadlineExceeded(EngineError):
    """A task ran longer than allowed and was stopped."""


class DependencyFailed(EngineError):
    """A future among the arguments of a task failed, so the task was not run."""


class SystemFailed(EngineError):
    """A system of atoms in a running batch could not be followed to its end."""


class TaskRaised(EngineError):
    """A task raised something that cannot be sent back as it was."""


class Unsendable(EngineError):
    """The function, an argument or the result of a task cannot be sent to or from a worker."""


class EngineClosed(EngineError):
    """The engine was closed and takes no more tasks."""


class BadOutput(CohobateError):
    """A simulator returned something other than the declared outputs."""


class Rejected(CohobateError):
    """Raised by a simulator to say that a candidate is not admissible, and why.

    A rejected candidate is recorded as a failure of kind ``rejected``; it does not count as an
    evaluation and is never retried.
    """


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Returns ``"; did you mean 'x'?"`` for the known name nearest to a misspelled one, else ``""``."""
    names = list(known)
    near = get_close_matches(name, names, n=1) or [other for other in names if _letters(other) == _letters(name)]
    return f"; did you mean {near[0]!r}?" if near else ""


def _letters(name: str) -> list[str]:
    """Returns what swapped and capital letters leave as it is: short names are too unlike otherwise."""
    return sorted(name.casefold())
