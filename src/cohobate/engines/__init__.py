"""Where work runs: in this thread, in others, in worker processes, in any executor, on an event loop, on a cluster."""

from cohobate.engines.coroutines import coroutines
from cohobate.engines.dask import dask
from cohobate.engines.executor import as_engine, executor
from cohobate.engines.inline import inline
from cohobate.engines.mpi import mpi
from cohobate.engines.parsl import parsl
from cohobate.engines.processes import processes
from cohobate.engines.threads import threads

__all__ = ["as_engine", "coroutines", "dask", "executor", "inline", "mpi", "parsl", "processes", "threads"]
