"""The running batch as an engine: systems come at any time, and leave when they are done."""
