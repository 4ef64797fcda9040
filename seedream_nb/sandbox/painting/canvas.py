"""The canvas: antialiased masks, gradients, and laying one over the other.

Every mark is a paint applied through a mask. On a transparent canvas the same operation yields premultiplied alpha, so
a scene is painted the same way whether it becomes one image or a stack of layers.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from seedream_nb.sandbox.painting.colors import Color, Floats, Stops, ramp
from seedream_nb.sandbox.painting.curves import Frame, Point

_SMALL_AREA = 160_000  # below this, supersampling three times costs nothing; above, twice is enough
_GRADIENT_GRID = 6  # gradients are computed on every sixth pixel and enlarged


@dataclass(frozen=True)
class Mask:
    """Coverage (mode ``L``) of a part of the canvas, and its position in pixels."""

    left: int
    top: int
    image: Image.Image

    @property
    def bounds(self) -> tuple[int, int, int, int]:
        """Left, top, right and bottom on the canvas."""
        return self.left, self.top, self.left + self.image.width, self.top + self.image.height

    def within(self, other: "Mask") -> "Mask | None":
        """Return the intersection with another mask, None when it is empty."""
        mine, theirs = self.bounds, other.bounds
        left, top = max(mine[0], theirs[0]), max(mine[1], theirs[1])
        right, bottom = min(mine[2], theirs[2]), min(mine[3], theirs[3])
        if left >= right or top >= bottom:
            return None
        first = self.image.crop((left - self.left, top - self.top, right - self.left, bottom - self.top))
        second = other.image.crop((left - other.left, top - other.top, right - other.left, bottom - other.top))
        return Mask(left, top, ImageChops.multiply(first, second))


@dataclass(frozen=True)
class Linear:
    """A straight gradient between two canvas points."""

    start: Point
    end: Point
    stops: Stops


Paint: TypeAlias = Color | Linear
Shapes: TypeAlias = Floats | Sequence[Floats]


def even(*colors: Color) -> Stops:
    """Return stops spread evenly from 0 to 1."""
    return tuple((place / max(len(colors) - 1, 1), color) for place, color in enumerate(colors))


def down(top: float, bottom: float, *colors: Color) -> Linear:
    """Return a vertical gradient between two heights in pixels."""
    return Linear((0.0, top), (0.0, bottom), even(*colors))


def across(place: Frame, start: Point, end: Point, *colors: Color) -> Linear:
    """Return a gradient between two points of a frame."""
    (x, y), (end_x, end_y) = place([start, end]).tolist()
    return Linear((x, y), (end_x, end_y), even(*colors))


class Canvas:
    """An image being painted, black or empty (transparent) at first; sizes in pixels."""

    def __init__(self, width: int, height: int, *, transparent: bool = False) -> None:
        self.width = width
        self.height = height
        self.unit = float(min(width, height))
        self.transparent = transparent
        self._image = Image.new("RGBA" if transparent else "RGB", (width, height))

    def image(self) -> Image.Image:
        """Return the result: RGB, or RGBA with straight alpha for a transparent canvas."""
        if not self.transparent:
            return self._image
        return Image.frombytes("RGBa", self._image.size, self._image.tobytes()).convert("RGBA")

    def at(self, x: float, y: float) -> Point:
        """Return the pixel at ``x`` units (shorter sides) from the middle and ``y`` shares of the height."""
        return self.width / 2 + x * self.unit, y * self.height

    def columns(self) -> Floats:
        """Return each pixel column's ``x`` in units from the middle."""
        return (np.arange(self.width, dtype=np.float64) + 0.5 - self.width / 2) / self.unit

    def whole(self) -> Mask:
        """Return a mask of everything."""
        return Mask(0, 0, Image.new("L", (self.width, self.height), 255))

    def mask(self, shapes: Shapes, *, blur: float = 0.0) -> Mask | None:
        """Return the coverage of closed outlines with edges blurred by ``blur`` pixels, None if nothing is visible."""
        outlines = [shapes] if isinstance(shapes, np.ndarray) else list(shapes)
        if not outlines:
            return None
        reach = 3 * blur + 1
        every = np.concatenate(outlines)
        low, high = np.floor(every.min(axis=0) - reach), np.ceil(every.max(axis=0) + reach)
        left, top = (int(v) for v in np.maximum(low, -np.ceil(reach)))
        right, bottom = (int(v) for v in np.minimum(high, [self.width + np.ceil(reach), self.height + np.ceil(reach)]))
        if right <= left or bottom <= top or right <= 0 or bottom <= 0 or left >= self.width or top >= self.height:
            return None
        area = _coverage(outlines, (left, top, right, bottom), blur)
        x, y = max(left, 0), max(top, 0)
        visible = (x - left, y - top, min(right, self.width) - left, min(bottom, self.height) - top)
        return Mask(x, y, area.crop(visible))

    def below(self, edge: Floats) -> Mask | None:
        """Return the coverage below a line given as a height for each pixel column, None if nothing is visible."""
        top = int(np.clip(np.floor(edge.min()) - 2, 0, self.height))
        if top >= self.height:
            return None
        slope = np.sqrt(1.0 + np.minimum(np.gradient(edge) ** 2, 16.0)) if self.width > 1 else np.ones_like(edge)
        rows = np.arange(top, self.height, dtype=np.float32)[:, None]
        coverage = (rows - (edge - 0.5).astype(np.float32)) / slope.astype(np.float32) + np.float32(0.5)
        np.clip(coverage, 0.0, 1.0, out=coverage)
        coverage *= 255.0
        return Mask(0, top, Image.fromarray(coverage.astype(np.uint8)))

    def fill(self, mask: Mask | None, paint: Paint, *, opacity: float = 1.0, clip: Mask | None = None) -> None:
        """Apply a paint through a mask, limited to a second mask if given; no mask paints nothing."""
        if mask is not None and clip is not None:
            mask = mask.within(clip)
        if mask is None or opacity <= 0:
            return
        coverage = mask.image
        if opacity < 1:
            coverage = coverage.point(_dimmed(round(opacity * 255)))
        if isinstance(paint, tuple) and self.transparent:  # Pillow would fill with straight alpha
            self._image.paste(Image.new("RGBA", coverage.size, (*paint, 255)), mask.bounds, coverage)
        elif isinstance(paint, tuple):
            self._image.paste(paint, mask.bounds, coverage)
        else:
            self._image.paste(self._gradient(paint, mask.bounds), mask.bounds, coverage)

    def shape(
        self, shapes: Shapes, paint: Paint, *, blur: float = 0.0, opacity: float = 1.0, clip: Mask | None = None
    ) -> Mask | None:
        """Paint outlines and return their mask, to clip shading to."""
        mask = self.mask(shapes, blur=blur)
        self.fill(mask, paint, opacity=opacity, clip=clip)
        return mask

    def paste(self, image: Image.Image, mask: Mask) -> None:
        """Paste an opaque image of the mask's size through the mask."""
        self._image.paste(image.convert(self._image.mode), mask.bounds, mask.image)

    def _gradient(self, paint: Linear, bounds: tuple[int, int, int, int]) -> Image.Image:
        left, top, right, bottom = bounds
        width, height = right - left, bottom - top
        columns, rows = max(2, width // _GRADIENT_GRID), max(2, height // _GRADIENT_GRID)
        x = left + (np.arange(columns, dtype=np.float64) + 0.5) * (width / columns)
        y = top + (np.arange(rows, dtype=np.float64) + 0.5) * (height / rows)
        along = paint.end[0] - paint.start[0], paint.end[1] - paint.start[1]
        length = max(along[0] ** 2 + along[1] ** 2, 1e-9)
        place = ((x[None, :] - paint.start[0]) * along[0] + (y[:, None] - paint.start[1]) * along[1]) / length
        pixels = ramp(paint.stops)[(np.clip(place, 0.0, 1.0) * 255).astype(np.uint8)]
        small = Image.fromarray(pixels)
        return small.resize((width, height), Image.Resampling.BILINEAR).convert(self._image.mode)


@lru_cache(maxsize=256)
def _dimmed(opacity: int) -> tuple[int, ...]:
    return tuple(round(value * opacity / 255) for value in range(256))


def _coverage(outlines: Sequence[Floats], bounds: tuple[int, int, int, int], blur: float) -> Image.Image:
    """Draw sharp outlines finer and soft ones coarser than the canvas, and bring them to its resolution."""
    width, height = bounds[2] - bounds[0], bounds[3] - bounds[1]
    finer = 3 if width * height < _SMALL_AREA else 2
    coarser = max(1.0, blur / 3.0)
    size = (
        (max(2, round(width / coarser)), max(2, round(height / coarser))) if blur else (width * finer, height * finer)
    )
    scale = np.array((size[0] / width, size[1] / height))
    start = np.array(bounds[:2]) * scale + 0.5
    area = Image.new("L", size)
    draw = ImageDraw.Draw(area)
    for outline in outlines:
        draw.polygon((outline * scale - start).ravel().tolist(), fill=255)
    if not blur:
        return area.reduce(finer)
    return area.filter(ImageFilter.GaussianBlur(blur / coarser)).resize((width, height), Image.Resampling.BILINEAR)


@dataclass(frozen=True)
class Plane:
    """One depth of a scene; those with the ``subject`` stay when the background is removed."""

    name: str
    description: str
    paint: Callable[[Canvas], None]
    subject: bool = False


Scene: TypeAlias = tuple[Plane, ...]
"""Planes from back to front: on one canvas an image, one by one its layers, the subject alone a cutout."""
