"""What holds for every test."""

from hypothesis import settings

# Machines are shared: how long an example takes says nothing. Every test has its own timeout.
settings.register_profile("cohobate", deadline=None)
settings.load_profile("cohobate")
