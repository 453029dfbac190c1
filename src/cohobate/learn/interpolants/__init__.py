"""What was learned of a function, as a function: interpolants that know how far off they may be."""

from __future__ import annotations

from cohobate.learn.interpolants.interpolant import Interpolant
from cohobate.learn.interpolants.line import interpolate_line
from cohobate.learn.interpolants.mesh import interpolate_mesh

__all__ = ["Interpolant", "interpolate_line", "interpolate_mesh"]
