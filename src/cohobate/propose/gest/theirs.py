"""The calls of a gest-api generator, its manners learned while it is called."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, final

from cohobate.core.capture import Raised, Returned, capture
from cohobate.core.errors import GeneratorError
from cohobate.core.payload import Payload
from cohobate.propose.gest.forks import Forks
from cohobate.propose.gest.making import is_persistent, name_of
from cohobate.propose.gest.rows import Row


@dataclass(frozen=True, slots=True)
class Lacking:
    """It wants to be told of points before it suggests any; what it raised."""

    error: GeneratorError


@final
class Theirs:
    """A generator of others.

    ``one_by_one`` says that it refused to suggest several points at once: what it has suggested must be
    back before it is asked again. ``told`` counts what it was told of.
    """

    __slots__ = ("_at_once", "_forks", "_generator", "name", "one_by_one", "persistent", "told", "used")

    def __init__(self, generator: Payload) -> None:
        self._generator = generator
        self.name = name_of(generator)
        self.persistent = is_persistent(generator)
        self.one_by_one = not getattr(generator, "supports_batch_generation", True)  # as Xopt's say
        self._at_once = False
        self._forks = Forks()
        self.told = 0
        self.used = False

    def suggest(self, n: int) -> Sequence[Payload] | Lacking:
        """Returns what it suggests when asked for ``n`` points, or for one where it refuses several.

        ``Lacking`` where it raises and was told of nothing yet; raises ``GeneratorError`` later on.
        """
        self.used = True
        n = 1 if self.one_by_one else n
        answer = self._call(self._generator.suggest, n)
        if isinstance(answer, Raised) and n > 1:
            one = self._call(self._generator.suggest, 1)
            self.one_by_one = isinstance(one, Returned) and not self._at_once
            answer, n = one, 1
        match answer:
            case Returned(rows):
                self._at_once |= n > 1
                return self._listed(rows, n)
            case Raised(error, message, _):
                failed = GeneratorError(f"{self.name}.suggest({n}) raised {message}")
                failed.__cause__ = error
        if self.told:
            raise failed
        return Lacking(failed)

    def ingest(self, rows: list[Row], what: str = "of its points") -> None:
        """Tells it of points, which all have the same keys."""
        if not rows:
            return
        self.used = True
        match self._call(self._generator.ingest, rows):
            case Raised(error, message, _):
                raise GeneratorError(f"{self.name}.ingest({len(rows)} {what}) raised {message}") from error
        self.told += len(rows)

    def finalize(self) -> None:
        """Lets it go; one that was never used may refuse, as it has nothing to let go of."""
        close: Any = getattr(self._generator, "finalize", None)
        if close is None:
            return
        match capture(close):
            case Raised(error, message, _) if self.used:
                raise GeneratorError(f"{self.name}.finalize() raised {message}") from error

    def _call(self, method: Callable[[Any], Any], argument: object) -> Returned | Raised:
        with self._forks:
            return capture(method, argument)

    def _listed(self, rows: Payload, n: int) -> Sequence[Payload]:
        if isinstance(rows, Sequence) and not isinstance(rows, str | bytes):
            return rows
        raise GeneratorError(f"{self.name}.suggest({n}) returned {rows!r:.80}: expected a list of mappings")
