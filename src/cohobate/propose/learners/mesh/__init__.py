"""Learning over several axes: one triangulation of all points, the next point where its loss is largest."""
