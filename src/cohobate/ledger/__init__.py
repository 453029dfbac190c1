"""What happened: an append-only, durable record, and everything that is read off it."""
