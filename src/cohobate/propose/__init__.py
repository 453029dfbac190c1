"""Where candidates come from: designs that fill a space, and choices that learn."""
