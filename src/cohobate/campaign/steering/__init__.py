"""Bodies at work: what they say and are answered, by the loop or by their log."""
