"""Outlines: smooth closed shapes, tapered strokes, and the one-dimensional noise that mountains are made of.

An outline is an ``(n, 2)`` array of points, so shapes can be placed, mirrored and rotated before they are drawn.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import numpy as np

from seedream_nb.sandbox.painting.colors import Floats

Point: TypeAlias = tuple[float, float]

_LATTICE = 512


@dataclass(frozen=True)
class Frame:
    """A coordinate system on the canvas: origin and scale in pixels, clockwise rotation in degrees, mirrored or not."""

    x: float
    y: float
    scale: float
    angle: float = 0.0
    flip: bool = False

    def __call__(self, outline: Floats | Sequence[Point]) -> Floats:
        """Return the canvas points of points in this frame."""
        turn = math.radians(self.angle)
        along, across = math.cos(turn) * self.scale, math.sin(turn) * self.scale
        side = -1.0 if self.flip else 1.0
        matrix = np.array(((along * side, across * side), (-across, along)))
        placed: Floats = np.asarray(outline, dtype=np.float64) @ matrix + np.array((self.x, self.y))
        return placed

    def inner(self, x: float, y: float, *, scale: float = 1.0, angle: float = 0.0) -> "Frame":
        """Return a frame within this one, for a part that moves on its own (a head on a body)."""
        origin = self([(x, y)])[0]
        return Frame(float(origin[0]), float(origin[1]), self.scale * scale, self.angle + angle, self.flip)


def polygon(text: str) -> Floats:
    """Read an outline such as ``"0,-1.5 2,3"``, as in an SVG polygon."""
    return np.array([pair.split(",") for pair in text.split()], dtype=np.float64)


def smooth(outline: Floats | Sequence[Point], *, closed: bool = True, steps: int = 10) -> Floats:
    """Return a Catmull-Rom curve through two or more points, with ``steps`` points for each."""
    given = np.asarray(outline, dtype=np.float64)
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
    finer: Floats = curve.reshape(-1, 2)
    return finer if closed else np.concatenate([finer, given[-1:]])


def mirrored(half: Floats | Sequence[Point]) -> Floats:
    """Add the left half to the right half of a symmetric outline, given from top to bottom."""
    right = np.asarray(half, dtype=np.float64)
    left = right[::-1] * [-1.0, 1.0]
    keep = np.abs(left[:, 0]) > 1e-9  # noqa: PLR2004 - points on the axis would otherwise come twice
    return np.concatenate([right, left[keep]])


def ellipse(x: float, y: float, width: float, height: float, *, angle: float = 0.0, many: int = 64) -> Floats:
    """Return an ellipse by its half width and half height, rotated clockwise by ``angle`` degrees."""
    return Frame(x, y, 1.0, angle)(_circle(many) * np.array((width, height)))


@lru_cache(maxsize=32)
def _circle(many: int) -> Floats:
    around = np.linspace(0.0, 2 * np.pi, many, endpoint=False)
    circle: Floats = np.stack([np.cos(around), np.sin(around)], axis=-1)
    circle.setflags(write=False)
    return circle


def shifted(outline: Floats, x: float, y: float) -> Floats:
    """Return an outline, moved."""
    moved: Floats = outline + np.array((x, y))
    return moved


def arch(x: float, y: float, radius: float, bottom: float) -> Floats:
    """Return a half circle on a rectangle that ends at ``bottom``."""
    around = np.linspace(np.pi, 2 * np.pi, 100)
    top = np.stack([x + np.cos(around) * radius, y + np.sin(around) * radius], axis=-1)
    return np.concatenate([top, [(x + radius, bottom), (x - radius, bottom)]])


def box(left: float, top: float, right: float, bottom: float) -> Floats:
    """Return the corners of a rectangle."""
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)], dtype=np.float64)


def stroke(path: Floats | Sequence[Point], widths: Floats | Sequence[float]) -> Floats:
    """Return the outline of a brush stroke along ``path``, with half widths spread evenly along it."""
    middle = np.asarray(path, dtype=np.float64)
    given = np.asarray(widths, dtype=np.float64)
    half = np.interp(np.linspace(0, 1, len(middle)), np.linspace(0, 1, len(given)), given)
    direction = np.gradient(middle, axis=0)
    length = np.maximum(np.hypot(direction[:, 0], direction[:, 1]), 1e-9)
    normal = np.stack([-direction[:, 1], direction[:, 0]], axis=-1) / length[:, None] * half[:, None]
    return np.concatenate([middle + normal, (middle - normal)[::-1]])


def noise(rng: np.random.Generator, x: Floats, *, frequency: float, octaves: int = 4, gain: float = 0.5) -> Floats:
    """Return smooth value noise from about -1 to 1 at ``x``, with ``frequency`` bumps per unit of ``x``.

    It is the same wherever and however finely it is sampled; each finer octave is ``gain`` times as high.
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
