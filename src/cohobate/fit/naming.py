"""Which term of an objective an error is of."""

from __future__ import annotations

from cohobate.core import errors


def named(error: BaseException, term: str) -> BaseException:
    """Returns an error that names a term: one of ours says so in its line, any other as it is, with a note.

    >>> str(named(errors.WorkerLost("its process died"), "density"))
    "term 'density': its process died"
    """
    if str(error).startswith("term ") and isinstance(error, errors.CohobateError):
        return error
    if type(error).__module__ == errors.__name__:
        return type(error)(f"term {term!r}: {error}").with_traceback(error.__traceback__)
    note = f"in term {term!r} of the objective"
    if note not in getattr(error, "__notes__", ()):
        error.add_note(note)
    return error
