"""What is expected over a domain given what is known there, and what is pending."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from math import ceil
from typing import final

import numpy as np

from cohobate.learn.kernels import Floats
from cohobate.learn.process.cube import Cube
from cohobate.learn.process.field import Field
from cohobate.learn.process.likely import Evidence, Scales
from cohobate.learn.surface import Standard
from cohobate.propose.learners.gaussian.settings import Settings
from cohobate.propose.learners.method import Point
from cohobate.propose.sampling import sobol

CANDIDATES = 1024
"""Points that are chosen from, others after each fit."""
GROWTH = 1.5
"""Scales are fitted anew when so many times more is known."""


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """Most likely ``scales`` for values that ``standard`` makes plain, when ``basis`` of them were known."""

    basis: int
    standard: Standard
    scales: Scales
    candidates: Floats


@final
class Outlook:
    """Fits made when they are first needed, and two fields: of what is settled, and of all that was asked for.

    Everything is a function of the values known, in the order they came, and of the order of the points.
    """

    __slots__ = ("_all", "_fitted", "_in_all", "_in_settled", "_settings", "_settled", "cube")

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.cube = Cube.of(settings.axes.values())
        self._fitted: Fitted | None = None
        self._settled: Field | None = None
        self._all: Field | None = None
        self._in_settled: list[Point] = []
        self._in_all: list[Point] = []

    def fitted(self, data: Mapping[Point, Floats]) -> Fitted:
        """Returns the fit that holds now: the first one is to nothing."""
        basis, version = self._basis(len(data))
        if self._fitted is None or self._fitted.basis != basis:
            self._fitted = self._fit(dict(islice(data.items(), basis)), version)
            self._settled = self._all = None
        return self._fitted

    def settled(self, data: Mapping[Point, Floats], settled: Sequence[Point]) -> Field:
        """Returns the field of points that have a value, or never will."""
        fitted = self.fitted(data)
        if self._settled is None:
            self._settled, self._in_settled = self._field(fitted), []
        for point in self._grow(self._settled, self._in_settled, settled):
            known = data.get(point)
            plain = None if known is None else self.plain(fitted.standard, [point], known[None])[0]
            self._settled.append(self._place(point), plain)
        return self._settled

    def asked(self, data: Mapping[Point, Floats], asked: Sequence[Point]) -> Field:
        """Returns the field of all points that were asked for, as if each had come back."""
        fitted = self.fitted(data)
        if self._all is None:
            self._all, self._in_all = self._field(fitted), []
        for point in self._grow(self._all, self._in_all, asked):
            self._all.append(self._place(point), None)
        return self._all

    def plain(self, standard: Standard, points: Sequence[Point], values: Floats) -> Floats:
        """Returns standardised values, (points, rows), with derivatives along axes of length 1."""
        rows = np.empty(values.shape)
        rows[:, 0] = standard.plain(values[:, 0])
        if values.shape[1] > 1:
            widths = self.cube.widths(np.array(points, float).reshape(len(points), -1))
            rows[:, 1:] = values[:, 1:] * widths / standard.widths(np.ones(1))
        return rows

    def places(self, points: Sequence[Point]) -> Floats:
        """Returns points of the cube: (n, axes)."""
        return self.cube.plain(np.array(points, float).reshape(len(points), -1))

    def _place(self, point: Point) -> Floats:
        place: Floats = self.places([point])[0]
        return place

    def _basis(self, known: int) -> tuple[int, int]:
        """Returns how many values the fit is made of that holds when so many are known, and its number."""
        basis, following, version = 0, self._settings.initial, 0
        while following <= known:
            basis, following, version = following, ceil(following * GROWTH), version + 1
        return basis, version

    def _fit(self, data: Mapping[Point, Floats], version: int) -> Fitted:
        settings, axes = self._settings, len(self._settings.axes)
        candidates = sobol(axes, settings.seed, CANDIDATES * (1 + version), CANDIDATES)
        if not data:
            return Fitted(0, Standard.of(np.zeros(1)), Scales.usual(axes), candidates)
        values = np.array(list(data.values()))
        standard = Standard.of(values[:, 0])
        noise = settings.noise
        if isinstance(noise, float | int):
            noise = float(noise) / float(standard.widths(np.ones(1))[0])
        points = list(data)
        evidence = Evidence(self.places(points), self.plain(standard, points, values), noise)
        return Fitted(len(data), standard, evidence.likeliest(), candidates)

    def _field(self, fitted: Fitted) -> Field:
        return Field(fitted.scales, fitted.candidates, self._settings.gradients)

    def _grow(self, field: Field, inside: list[Point], points: Sequence[Point]) -> Sequence[Point]:
        """Goes back to what a field has in common with ``points``; returns the others, which are to come in."""
        same = 0
        while same < min(len(inside), len(points)) and inside[same] == points[same]:
            same += 1
        field.truncate(same)
        inside[same:] = points[same:]
        return points[same:]
