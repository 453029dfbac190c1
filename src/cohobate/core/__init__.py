"""The vocabulary of a closed loop: values, protocols and errors; no threads, no science."""
