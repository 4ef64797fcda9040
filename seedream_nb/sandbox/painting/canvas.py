"""The canvas: antialiased masks, gradients, and laying one over the other.

Every mark is "a paint through a mask". On a transparent canvas the same operation yields premultiplied alpha, so a
scene paints the same way whether it becomes one picture or a stack of layers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from seedream_nb.sandbox.painting.colors import Color, Floats, ramp

if TYPE_CHECKING:
    from collections.abc import Sequence

_SMALL_AREA = 160_000  # below this, supersampling three times costs nothing; above, twice is enough
_GRADIENT_GRID = 6  # gradients are computed on every sixth pixel and enlarged


@dataclass(frozen=True)
class Mask:
    """Coverage of a part of the canvas.

    Args:
        left: Position on the canvas, pixels.
        top: As ``left``.
        image: Coverage, mode ``L``.
    """

    left: int
    top: int
    image: Image.Image

    @property
    def bounds(self) -> tuple[int, int, int, int]:
        """Left, top, right and bottom on the canvas."""
        return self.left, self.top, self.left + self.image.width, self.top + self.image.height

    def within(self, other: Mask) -> Mask | None:
        """This mask where the other also covers; None when they do not meet."""
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
    """A straight gradient between two canvas points.

    Args:
        start: Where the first stop lies, pixels.
        end: Where the last stop lies.
        stops: Colours with their positions from 0 to 1.
    """

    start: tuple[float, float]
    end: tuple[float, float]
    stops: tuple[tuple[float, Color], ...]

    def place(self, x: Floats, y: Floats) -> Floats:
        """Position along the gradient for canvas points."""
        along = self.end[0] - self.start[0], self.end[1] - self.start[1]
        length = max(along[0] ** 2 + along[1] ** 2, 1e-9)
        position: Floats = ((x - self.start[0]) * along[0] + (y - self.start[1]) * along[1]) / length
        return position


@dataclass(frozen=True)
class Radial:
    """A round gradient.

    Args:
        center: The first stop's place, pixels.
        radius: Distance of the last stop, horizontally and vertically.
        stops: Colours with their positions from 0 to 1.
    """

    center: tuple[float, float]
    radius: tuple[float, float]
    stops: tuple[tuple[float, Color], ...]

    def place(self, x: Floats, y: Floats) -> Floats:
        """Position along the gradient for canvas points."""
        distance: Floats = np.hypot((x - self.center[0]) / self.radius[0], (y - self.center[1]) / self.radius[1])
        return distance


Paint: TypeAlias = Color | Linear | Radial


def even(*colors: Color) -> tuple[tuple[float, Color], ...]:
    """Stops spread evenly from 0 to 1."""
    return tuple((place / max(len(colors) - 1, 1), color) for place, color in enumerate(colors))


class Canvas:
    """A picture under work, in pixels.

    Args:
        width: Pixels.
        height: Pixels.
        transparent: Start empty instead of black; read the result with `picture`.
    """

    def __init__(self, width: int, height: int, *, transparent: bool = False) -> None:
        self.width = width
        self.height = height
        self.unit = float(min(width, height))
        self.transparent = transparent
        self._image = Image.new("RGBA" if transparent else "RGB", (width, height))

    def picture(self) -> Image.Image:
        """What was painted: RGB, or RGBA with straight alpha for a transparent canvas."""
        if not self.transparent:
            return self._image
        return Image.frombytes("RGBa", self._image.size, self._image.tobytes()).convert("RGBA")

    def at(self, x: float, y: float) -> tuple[float, float]:
        """The pixel of a place: ``x`` in units (the shorter side) from the middle, ``y`` a fraction of the height."""
        return self.width / 2 + x * self.unit, y * self.height

    def columns(self) -> Floats:
        """Each pixel column's ``x`` in units from the middle."""
        return (np.arange(self.width, dtype=np.float64) + 0.5 - self.width / 2) / self.unit

    def whole(self) -> Mask:
        """A mask of everything."""
        return Mask(0, 0, Image.new("L", (self.width, self.height), 255))

    def mask(self, shapes: Floats | Sequence[Floats], *, blur: float = 0.0) -> Mask | None:
        """Coverage of one or more closed outlines.

        Args:
            shapes: An outline, or several to unite.
            blur: Standard deviation of a soft edge, pixels.

        Returns:
            The mask, cropped to what is visible; None if nothing is.
        """
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
        area = (
            _soft(outlines, (left, top, right, bottom), blur) if blur else _sharp(outlines, (left, top, right, bottom))
        )
        visible = max(left, 0), max(top, 0), min(right, self.width), min(bottom, self.height)
        return Mask(
            visible[0],
            visible[1],
            area.crop((visible[0] - left, visible[1] - top, visible[2] - left, visible[3] - top)),
        )

    def below(self, edge: Floats) -> Mask | None:
        """Coverage of everything below a line that has one height for each pixel column.

        Args:
            edge: Heights in pixels from the top, ``width`` of them.

        Returns:
            The mask; None if the line lies below the canvas.
        """
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
        """Lay a paint through a mask over what is there.

        Args:
            mask: Where; None paints nothing.
            paint: A colour or a gradient.
            opacity: From 0 to 1.
            clip: A second mask that the first is limited to.
        """
        if mask is not None and clip is not None:
            mask = mask.within(clip)
        if mask is None or opacity <= 0:
            return
        coverage = mask.image
        if opacity < 1:
            coverage = coverage.point(_dimmed(round(opacity * 255)))
        if isinstance(paint, tuple) and self.transparent:  # Pillow fills a plain colour with straight alpha, not ours
            self._image.paste(Image.new("RGBA", coverage.size, (*paint, 255)), mask.bounds, coverage)
        elif isinstance(paint, tuple):
            self._image.paste(paint, mask.bounds, coverage)
        else:
            self._image.paste(self._gradient(paint, mask.bounds), mask.bounds, coverage)

    def shape(
        self,
        shapes: Floats | Sequence[Floats],
        paint: Paint,
        *,
        blur: float = 0.0,
        opacity: float = 1.0,
        clip: Mask | None = None,
    ) -> Mask | None:
        """Draw outlines: `mask` and `fill` in one step.

        Returns:
            The mask of the outlines, to clip shading to.
        """
        mask = self.mask(shapes, blur=blur)
        self.fill(mask, paint, opacity=opacity, clip=clip)
        return mask

    def lay(self, picture: Image.Image, mask: Mask) -> None:
        """Lay an opaque picture of the mask's size through the mask."""
        self._image.paste(picture.convert(self._image.mode), mask.bounds, mask.image)

    def _gradient(self, paint: Linear | Radial, bounds: tuple[int, int, int, int]) -> Image.Image:
        left, top, right, bottom = bounds
        width, height = right - left, bottom - top
        columns, rows = max(2, width // _GRADIENT_GRID), max(2, height // _GRADIENT_GRID)
        x = left + (np.arange(columns, dtype=np.float64) + 0.5) * (width / columns)
        y = top + (np.arange(rows, dtype=np.float64) + 0.5) * (height / rows)
        place = np.clip(paint.place(x[None, :], y[:, None]), 0.0, 1.0)
        pixels = ramp(paint.stops)[(place * 255).astype(np.uint8)]
        small = Image.fromarray(pixels)
        return small.resize((width, height), Image.Resampling.BILINEAR).convert(self._image.mode)


@lru_cache(maxsize=256)
def _dimmed(opacity: int) -> tuple[int, ...]:
    return tuple(round(value * opacity / 255) for value in range(256))


def _sharp(outlines: Sequence[Floats], bounds: tuple[int, int, int, int]) -> Image.Image:
    width, height = bounds[2] - bounds[0], bounds[3] - bounds[1]
    finer = 3 if width * height < _SMALL_AREA else 2
    return _draw(outlines, bounds, (width * finer, height * finer)).reduce(finer)


def _soft(outlines: Sequence[Floats], bounds: tuple[int, int, int, int], blur: float) -> Image.Image:
    width, height = bounds[2] - bounds[0], bounds[3] - bounds[1]
    coarser = max(1.0, blur / 3.0)
    small = max(2, round(width / coarser)), max(2, round(height / coarser))
    area = _draw(outlines, bounds, small).filter(ImageFilter.GaussianBlur(blur / coarser))
    return area if small == (width, height) else area.resize((width, height), Image.Resampling.BILINEAR)


def _draw(outlines: Sequence[Floats], bounds: tuple[int, int, int, int], size: tuple[int, int]) -> Image.Image:
    scale = np.array((size[0] / (bounds[2] - bounds[0]), size[1] / (bounds[3] - bounds[1])))
    start = np.array(bounds[:2]) * scale + 0.5
    area = Image.new("L", size)
    draw = ImageDraw.Draw(area)
    for outline in outlines:
        draw.polygon((outline * scale - start).ravel().tolist(), fill=255)
    return area
