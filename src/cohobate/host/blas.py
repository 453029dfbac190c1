"""How many threads linear algebra uses: small matrices want one, as several wait longer than they work."""

from __future__ import annotations

from contextlib import AbstractContextManager

from cohobate.host.extras import require


def one_thread() -> AbstractContextManager[object]:
    """Keeps BLAS to one thread inside, in all of this process.

    Choices by models of a hundred points take a fifth of the time so, on two cores that others use too.
    """
    limits: AbstractContextManager[object] = require("threadpoolctl", extra="learn").threadpool_limits(1, "blas")
    return limits
