"""Where work runs: in this thread, in others, in worker processes, in any executor, on an event loop."""
