"""What looks at a batch, or changes it, at named moments of a step."""
