"""What holds for every test."""

import signal

from hypothesis import settings

# Machines are shared: how long an example takes says nothing. Every test has its own timeout.
settings.register_profile("cohobate", deadline=None)
settings.load_profile("cohobate")

# A shell lets what it starts in the background ignore SIGINT, and programs that are tested inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
