"""What turns a candidate into numbers."""
