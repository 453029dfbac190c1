"""Where work runs: in this thread, in others, in worker processes, in any executor, on an event loop."""

from cohobate.engines.coroutines import coroutines
from cohobate.engines.executor import as_engine, executor
from cohobate.engines.inline import inline
from cohobate.engines.processes import processes
from cohobate.engines.threads import threads

__all__ = ["as_engine", "coroutines", "executor", "inline", "processes", "threads"]
