"""What is made of what was seen: features, models, interpolants, acquisition."""
