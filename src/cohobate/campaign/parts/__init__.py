"""How simulators that are sets of parts are evaluated: all parts of all candidates at one engine."""
