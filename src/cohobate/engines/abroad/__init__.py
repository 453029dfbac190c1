"""Tasks in the workers of somebody else: sent there, supervised there, and still answering to us."""
