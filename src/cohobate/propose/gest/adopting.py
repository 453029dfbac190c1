"""Takes a generator of others into service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, get_args

from cohobate.core.errors import UserError, did_you_mean
from cohobate.core.payload import Payload
from cohobate.propose.gest.adopted import Adopted, Resume
from cohobate.propose.gest.making import make, of_xopt
from cohobate.propose.gest.rows import OnFailure, Told
from cohobate.propose.gest.theirs import Theirs


def from_gest(
    source: Payload,
    problem: Payload = None,
    *,
    settings: Mapping[str, Any] | None = None,
    initial: int | None = None,
    known: Sequence[Mapping[str, Any]] = (),
    batch: int | None = None,
    on_failure: OnFailure = "drop",
    resume: Resume | None = None,
    seed: int = 0,
) -> Adopted:
    """Returns a gest-api generator (of Xopt, Optimas, libEnsemble ...) as one of ours; needs gest-api.

    ``source`` is its class, or a function that makes it, called with the VOCS of ``problem`` and
    ``settings``; or an object, whose own VOCS is the problem where none is given.

    ``initial``: so many Latin-hypercube points are evaluated first; without, a few when it raises for
    lack of data. ``known``: points with their outputs, told before. ``batch``: so many points are asked
    for at once, and all must be back before the next; else it is asked whenever it was told something.
    ``on_failure``: what it is told of failed and cancelled evaluations: nothing ("drop"), NaN, or the
    worst value so far; with these a point beyond the bounds, which is never run, is told as failed too.
    ``resume``: a fresh object is told all results ("ingest"), or is asked and told
    everything once more ("repeat": the default for libEnsemble's persistent ones, which take no points
    of others; where it does not suggest the same points, the resume is refused).

    Raises ``UserError`` for what cannot work, ``GeneratorError`` where the class refuses the problem.
    """
    _check(initial, batch, on_failure, resume)
    settings = dict(settings or {})
    generator, posed = make(source, problem, settings)
    told = Told(posed.outputs, on_failure, xopt=of_xopt(generator))
    described = {
        "settings": settings,
        "initial": initial,
        "known": [dict(row) for row in known],
        "batch": batch,
        "on_failure": on_failure,
        "seed": seed,
    }
    theirs = Theirs(generator)
    how = resume or ("repeat" if theirs.persistent else "ingest")
    adopted = Adopted(theirs, posed, told=told, batch=batch, resume=how, settings=described)
    adopted.inform(known)
    if initial:
        adopted.start_with(initial)
    return adopted


def _check(initial: int | None, batch: int | None, on_failure: str, resume: str | None) -> None:
    for name, count in (("initial", initial), ("batch", batch)):
        if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < 1):
            raise UserError(f"from_gest({name}=): expected a whole number of at least 1, or None, got {count!r}")
    for name, given, kinds in (("on_failure", on_failure, get_args(OnFailure)), ("resume", resume, get_args(Resume))):
        if given is not None and given not in kinds:
            raise UserError(f"from_gest({name}={given!r}): expected {', '.join(kinds)}{did_you_mean(given, kinds)}")
