"""The loop that keeps an engine full until a goal holds."""
