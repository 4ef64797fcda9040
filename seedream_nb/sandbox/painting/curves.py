"""Outlines: smooth closed shapes, tapered strokes and the one-dimensional noise that mountains are made of.

Everything is a plain ``(n, 2)`` array of points: shapes can be placed, mirrored and turned before they are drawn.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seedream_nb.sandbox.painting.colors import Floats

_LATTICE = 512


@dataclass(frozen=True)
class Frame:
    """Where and how large a shape of design coordinates lands on a canvas.

    Args:
        x: Canvas position of the design's origin, pixels.
        y: As ``x``, downwards.
        scale: Pixels per design unit.
        angle: Clockwise rotation, degrees.
        flip: Mirror left and right.
    """

    x: float
    y: float
    scale: float
    angle: float = 0.0
    flip: bool = False

    def __call__(self, points: Floats | Sequence[tuple[float, float]]) -> Floats:
        """Place design points on the canvas."""
        turn = math.radians(self.angle)
        along, across = math.cos(turn) * self.scale, math.sin(turn) * self.scale
        side = -1.0 if self.flip else 1.0
        matrix = np.array(((along * side, across * side), (-across, along)))
        placed: Floats = np.asarray(points, dtype=np.float64) @ matrix + np.array((self.x, self.y))
        return placed

    def inner(self, x: float, y: float, *, scale: float = 1.0, angle: float = 0.0) -> Frame:
        """A frame within this one, for a part that moves on its own (a head on a body)."""
        origin = self([(x, y)])[0]
        return Frame(float(origin[0]), float(origin[1]), self.scale * scale, self.angle + angle, self.flip)


def smooth(points: Floats | Sequence[tuple[float, float]], *, closed: bool = True, steps: int = 10) -> Floats:
    """A Catmull-Rom curve through the points.

    Args:
        points: Two or more points to pass through.
        closed: Join the end to the start.
        steps: Points drawn per given point.

    Returns:
        The finer outline.
    """
    given = np.asarray(points, dtype=np.float64)
    if closed:
        padded = np.concatenate([given[-1:], given, given[:2]])
    else:
        padded = np.concatenate([2 * given[:1] - given[1:2], given, 2 * given[-1:] - given[-2:-1]])
    before, start, end, after = padded[:-3, None], padded[1:-2, None], padded[2:-1, None], padded[3:, None]
    t = np.linspace(0.0, 1.0, steps, endpoint=False)[None, :, None]
    curve = 0.5 * (
        2 * start
        + (end - before) * t
        + (2 * before - 5 * start + 4 * end - after) * t**2
        + (3 * start - before - 3 * end + after) * t**3
    )
    outline: Floats = curve.reshape(-1, 2)
    return outline if closed else np.concatenate([outline, given[-1:]])


def mirrored(half: Sequence[tuple[float, float]]) -> Floats:
    """Complete the right half of a symmetric outline, given from top to bottom, with its left half."""
    right = np.asarray(half, dtype=np.float64)
    left = right[::-1] * [-1.0, 1.0]
    keep = np.abs(left[:, 0]) > 1e-9  # noqa: PLR2004 - points on the axis would otherwise come twice
    return np.concatenate([right, left[keep]])


def ellipse(x: float, y: float, width: float, height: float, *, angle: float = 0.0, points: int = 64) -> Floats:
    """An ellipse by its half width and half height, turned clockwise by ``angle`` degrees."""
    return Frame(x, y, 1.0, angle)(_circle(points) * np.array((width, height)))


@lru_cache(maxsize=32)
def _circle(points: int) -> Floats:
    around = np.linspace(0.0, 2 * np.pi, points, endpoint=False)
    circle: Floats = np.stack([np.cos(around), np.sin(around)], axis=-1)
    circle.setflags(write=False)
    return circle


def shifted(points: Floats, x: float, y: float) -> Floats:
    """The same outline, moved."""
    moved: Floats = points + np.array((x, y))
    return moved


def box(left: float, top: float, right: float, bottom: float) -> Floats:
    """A rectangle's four corners."""
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)], dtype=np.float64)


def stroke(path: Floats | Sequence[tuple[float, float]], widths: Floats | Sequence[float]) -> Floats:
    """The outline of a brush stroke of changing width.

    Args:
        path: The stroke's middle line.
        widths: Half widths, spread evenly along the path.

    Returns:
        A closed outline.
    """
    middle = np.asarray(path, dtype=np.float64)
    given = np.asarray(widths, dtype=np.float64)
    half = np.interp(np.linspace(0, 1, len(middle)), np.linspace(0, 1, len(given)), given)
    direction = np.gradient(middle, axis=0)
    length = np.maximum(np.hypot(direction[:, 0], direction[:, 1]), 1e-9)
    normal = np.stack([-direction[:, 1], direction[:, 0]], axis=-1) / length[:, None] * half[:, None]
    return np.concatenate([middle + normal, (middle - normal)[::-1]])


def noise(rng: np.random.Generator, x: Floats, *, frequency: float, octaves: int = 4, gain: float = 0.5) -> Floats:
    """Smooth value noise along a line, the same wherever and however finely it is sampled.

    Args:
        rng: Source of the lattice; advanced the same amount for every ``x``.
        x: Places to sample, in any unit.
        frequency: Bumps per unit of ``x`` in the first octave.
        octaves: Number of finer copies added.
        gain: Height of each octave relative to the one before.

    Returns:
        Values from about -1 to 1, shaped like ``x``.
    """
    total = np.zeros_like(x, dtype=np.float64)
    height, reach = 1.0, 0.0
    for octave in range(octaves):
        lattice = rng.uniform(-1.0, 1.0, _LATTICE)
        place = x * frequency * 2.0**octave + rng.uniform(0.0, _LATTICE)
        cell = np.floor(place).astype(np.int64)
        t = place - cell
        ease = t * t * t * (t * (t * 6 - 15) + 10)
        total += height * (lattice[cell % _LATTICE] * (1 - ease) + lattice[(cell + 1) % _LATTICE] * ease)
        reach += height
        height *= gain
    return total / reach
