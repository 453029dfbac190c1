"""The program of a worker process, and the language in which it is spoken to."""
