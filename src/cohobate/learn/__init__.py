"""What is made of what was seen: features, models, and how much a candidate promises."""
